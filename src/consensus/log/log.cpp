#include "consensus/log/log.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

Cursor Log::last() const noexcept {
  return slots_.empty() ? before_ : Cursor{slots_.back().entry.term, last_index()};
}

std::size_t Log::bytes_through(Index index) const noexcept {
  MOSAIK_ASSERT(before_.index <= index && index <= last_index());
  return index == before_.index ? 0 : slot(index).bytes_through;
}

std::optional<Term> Log::term_at(Index index) const noexcept {
  if (index == before_.index) return before_.term;
  if (index < before_.index || index > last_index()) return std::nullopt;
  return slot(index).entry.term;
}

const Entry& Log::at(Index index) const {
  MOSAIK_ASSERT(first_index() <= index && index <= last_index());
  return slot(index).entry;
}

Index Log::append(Entry entry) {
  const std::size_t bytes = entry.command.size() + this->bytes();
  slots_.push_back({std::move(entry), bytes});
  return last_index();
}

std::uint64_t Log::truncate(Index from) {
  // A committed entry was shown to callers and machines: it can be given up only as a whole history, and aloud.
  MOSAIK_ASSERT(from > committed_);
  const std::uint64_t dropped = last_index().next().since(from);
  slots_.resize(slots_.size() - dropped);
  return dropped;
}

void Log::clear() {
  slots_.clear();
  committed_ = before_.index;
}

void Log::commit_to(Index index) noexcept {
  committed_ = std::max(committed_, std::min(index, last_index()));
}

std::vector<Entry> Log::copy(IndexRange range, std::size_t most) const {
  std::vector<Entry> out;
  std::size_t size = 0;
  for (Index index = std::max(range.first, first_index()); index <= range.last && index <= last_index();
       index = index.next()) {
    const Entry& entry = at(index);
    size += entry_bytes(entry);
    if (!out.empty() && size > most) break;
    out.push_back(entry);
  }
  return out;
}

void Log::check_invariants() const {
  // Protects the machine: only what the log has can be handed to it as committed.
  MOSAIK_ASSERT(before_.index <= committed_ && committed_ <= last_index());
  // Protects the limits of a log: a sum that does not grow with its entries would let one grow without end.
  if (!slots_.empty()) MOSAIK_ASSERT(slots_.back().bytes_through >= slots_.back().entry.command.size());
}

}  // namespace mosaik::consensus
