#include "consensus/dynamic/catch_up.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

CatchUp::CatchUp(const Cursor& target, std::vector<Entry> entries, std::uint32_t batch, Answers answers)
    : target_(target), batch_(std::max(batch, 1U)), answers_(answers), most_(answers == Answers::whole ? 1 : batch_) {
  buffer(target, std::move(entries));
}

void CatchUp::drop_tail() {
  tail_bytes_ = 0;
  tail_.clear();
}

void CatchUp::buffer(const Cursor& previous, std::vector<Entry> entries) {
  if (previous != end()) {
    drop_tail();
    target_ = previous;
  }
  std::size_t size = 0;
  for (const Entry& entry : entries) size += entry_bytes(entry);
  if (tail_bytes_ + size > limits::catch_up_bytes) {
    // No room to keep them: they are fetched like the others.
    target_ = {entries.back().term, target_.index.plus(tail_.size() + entries.size())};
    return drop_tail();
  }
  tail_bytes_ += size;
  std::ranges::move(entries, std::back_inserter(tail_));
}

void CatchUp::restart(Index from) {
  if (matched_ && *matched_ >= from) matched_.reset();
  fetching_.reset();  // what is still on its way does not fit the next request, and is refused
  fetched_.reset();
  patience_ = limits::fetch_patience;
  ask_at_ = {};
}

void CatchUp::on_fetched(FetchEntriesResponse response) {
  if (!fetching_) return;
  const IndexRange asked = *fetching_;
  const bool fits = !response.entries.empty() && response.range.first == asked.first &&
                    response.range.last <= asked.last && response.range.size() == response.entries.size();
  if (!fits) return;  // of an earlier request
  fetching_.reset();
  patience_ = limits::fetch_patience;
  if (answers_ == Answers::whole) most_ = next_most(response.entries);
  fetched_ = std::move(response);
  ask_at_ = {};
}

std::uint64_t CatchUp::next_most(const std::vector<Entry>& came) const {
  std::size_t largest = 1;
  for (const Entry& entry : came) largest = std::max(largest, entry_bytes(entry));
  return std::clamp<std::uint64_t>(limits::fetch_bytes / largest, 1, std::min<std::uint64_t>(batch_, 2 * most_));
}

Index CatchUp::first_needed(const Log& log) const {
  const Index last = log.last_index();
  if (last == Index{}) return last.next();
  if (matched_) return skip_overlap_ ? matched_->next() : *matched_;
  return std::max(Index{1}, std::min(last, target_.index).minus(step_ - 1));
}

std::optional<Message> CatchUp::ask(const Now& now, const Log& log) {
  if (now.mono < ask_at_) return std::nullopt;
  const Index next = first_needed(log);
  fetching_ = IndexRange{next, std::min(next.plus(most_ - 1), std::max(next, target_.index))};
  skip_overlap_ = false;
  // The bond loses nothing: an answer that is late is on its way, behind those that we asked for before.
  ask_at_ = now.mono + patience_;
  patience_ = std::min(2 * patience_, limits::fetch_patience_most);
  return FetchEntriesRequest{*fetching_};
}

// The first entry of ours that is seen not to be the leader's.
std::optional<Index> CatchUp::merge_fetched(Log& log) {
  if (!fetched_) return std::nullopt;
  FetchEntriesResponse chunk = std::move(*fetched_);
  fetched_.reset();
  Index index = chunk.range.first;
  const std::optional<Index> before = matched_;
  for (Entry& entry : chunk.entries) {
    if (index > log.last_index().next()) return std::nullopt;  // for a log that was longer then
    if (index > log.last_index()) {
      log.append(std::move(entry));
    } else if (log.at(index) != entry) {
      if (!matched_) step_ *= 2;
      return index;
    }
    matched_ = index;
    index = index.next();
  }
  skip_overlap_ = matched_ == before;  // what both have left no room for more
  return std::nullopt;
}

void CatchUp::check_invariants() const {
  // Protects memory: what is kept while earlier entries are fetched is bounded.
  MOSAIK_ASSERT(tail_bytes_ <= limits::catch_up_bytes && (!tail_.empty() || tail_bytes_ == 0));
  // Protects the log: only an answer to a request that was made is kept until it is appended.
  MOSAIK_ASSERT(!fetched_ || !fetching_);
}

CatchUp::State CatchUp::drain(Log& log) {
  if (const auto differs = merge_fetched(log)) return Parted{*differs};
  if (log.last_index() < target_.index) return Waiting{};
  if (!log.matches(target_)) return Parted{target_.index};
  Cursor target = target_;
  for (const Entry& entry : tail_) {
    const Index index = target.index.next();
    if (index <= log.last_index() && log.at(index) != entry) return Parted{index};
    if (index > log.last_index()) log.append(entry);
    target = {entry.term, index};
  }
  target_ = target;
  drop_tail();
  return Done{};
}

}  // namespace mosaik::consensus
