#include "consensus/log/log.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

Cursor Log::last() const noexcept {
  return entries_.empty() ? Cursor{} : Cursor{entries_.back().term, last_index()};
}

std::optional<Term> Log::term_at(Index index) const noexcept {
  if (index == Index{}) return Term{};
  if (index > last_index()) return std::nullopt;
  return entries_[index.value - 1].term;
}

const Entry& Log::at(Index index) const {
  MOSAIK_ASSERT(index > Index{} && index <= last_index());
  return entries_[index.value - 1];
}

Index Log::append(Entry entry) {
  bytes_ += entry.command.size();
  entries_.push_back(std::move(entry));
  return last_index();
}

std::uint64_t Log::truncate(Index from) {
  MOSAIK_ASSERT(from > Index{});
  std::uint64_t dropped = 0;
  for (; last_index() >= from; ++dropped) {
    bytes_ -= entries_.back().command.size();
    entries_.pop_back();
  }
  return dropped;
}

std::vector<Entry> Log::copy(IndexRange range, std::size_t most) const {
  std::vector<Entry> out;
  std::size_t size = 0;
  for (Index index = std::max(range.first, Index{1}); index <= range.last && index <= last_index();
       index = index.next()) {
    const Entry& entry = at(index);
    size += entry_bytes(entry);
    if (!out.empty() && size > most) break;
    out.push_back(entry);
  }
  return out;
}

}  // namespace mosaik::consensus
