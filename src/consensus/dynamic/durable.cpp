// What the disk has. The law: nothing that reports a vote or entries leaves before they are durable (Send::after).

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

// The ticket of the state as it is now; it is handed over when the step ends.
Ticket Engine::Impl::durable_after() {
  if (config_.store == Store::memory) return {};
  return dirty_ ? Ticket{issued_.value + 1} : issued_;
}

void Engine::Impl::note_kept(Index from) {
  dirty_ = true;
  kept_ = std::min(kept_, from.previous());
  persisted_ = std::min(persisted_, from.previous());
}

void Engine::Impl::persist() {
  if (!dirty_) return;
  dirty_ = false;
  if (config_.store == Store::memory) return;
  ++issued_.value;
  Persist out{issued_, term_, ballot_, kept_, {}};
  for (Index index = kept_.next(); index <= log.last_index(); index = index.next())
    out.entries.push_back(log.at(index));
  kept_ = log.last_index();
  handed_to_disk_.push_back({issued_, log.last()});
  actions.emplace_back(std::move(out));
}

void Engine::Impl::on_persisted(const Now& now, Ticket ticket) {
  if (ticket > issued_) return;
  durable_ = std::max(durable_, ticket);
  for (; !handed_to_disk_.empty() && handed_to_disk_.front().ticket <= ticket; handed_to_disk_.pop_front())
    // Entries that were truncated meanwhile are not in the log, however durable they were.
    if (log.matches(handed_to_disk_.front().last))
      persisted_ = std::max(persisted_, handed_to_disk_.front().last.index);
  count_votes(now);
}

Index Engine::Impl::own_acknowledged() const {
  return config_.store == Store::memory ? log.last_index() : persisted_;
}

}  // namespace mosaik::consensus
