#include "consensus/catch_up.hpp"

#include "base/limits.hpp"

namespace mosaik::consensus {

CatchUp::CatchUp(const Cursor& target, std::vector<Entry> entries, std::uint32_t batch)
    : target_(target), batch_(std::max(batch, 1U)) {
  buffer(target, std::move(entries));
}

void CatchUp::drop_tail() {
  tail_bytes_ = 0;
  tail_.clear();
}

void CatchUp::buffer(const Cursor& previous, std::vector<Entry> entries) {
  const Cursor end = tail_.empty() ? target_ : Cursor{tail_.back().term, target_.index.plus(tail_.size())};
  if (previous != end) {
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

void CatchUp::restart() {
  verified_ = false;
  fetching_.reset();  // what is still on its way does not fit the next request, and is refused
  fetched_.reset();
  ask_at_ = {};
}

void CatchUp::on_fetched(FetchEntriesResponse response) {
  if (!fetching_) return;
  const IndexRange asked = *fetching_;
  fetching_.reset();
  const bool fits = !response.entries.empty() && response.range.first == asked.first &&
                    response.range.last <= asked.last && response.range.size() == response.entries.size();
  if (!fits) return;  // it is asked again, later
  fetched_ = std::move(response);
  ask_at_ = {};
}

Index CatchUp::first_needed(const Log& log) const {
  const Index last = log.last_index();
  return verified_ || last == Index{} ? last.next() : std::min(last, target_.index);
}

std::optional<Message> CatchUp::ask(const Now& now, const Log& log) {
  if (now.mono < ask_at_) return std::nullopt;
  const Index next = first_needed(log);
  fetching_ = IndexRange{next, std::min(next.plus(batch_ - 1), target_.index)};
  ask_at_ = now.mono + limits::fetch_patience;
  return FetchEntriesRequest{*fetching_};
}

// False when an entry of ours is not the leader's.
bool CatchUp::merge_fetched(Log& log) {
  if (!fetched_) return true;
  FetchEntriesResponse chunk = std::move(*fetched_);
  fetched_.reset();
  Index index = chunk.range.first;
  for (Entry& entry : chunk.entries) {
    if (index > log.last_index().next()) return true;  // for a log that was longer then
    if (index <= log.last_index()) {
      if (log.at(index) != entry) return false;
    } else {
      log.append(std::move(entry));
    }
    verified_ = verified_ || index == log.last_index();
    index = index.next();
  }
  return true;
}

CatchUp::State CatchUp::drain(Log& log) {
  if (!merge_fetched(log)) return State::parted;
  if (log.last_index() < target_.index) return State::waiting;
  if (!log.matches(target_)) return State::parted;
  for (Entry& entry : tail_) {
    const Index index = target_.index.next();
    if (index <= log.last_index() && log.at(index) != entry) return State::parted;
    if (index > log.last_index()) log.append(entry);
    target_ = {entry.term, index};
  }
  drop_tail();
  return State::done;
}

}  // namespace mosaik::consensus
