#include "consensus/dynamic/notices.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::consensus {

bool Notices::set_leader(const std::optional<PeerId>& leader) {
  if (leader_ == leader) return false;
  leader_ = leader;
  outbox_.tell(LeaderChanged{leader, durability_.term()});
  return true;
}

void Notices::set_online(bool online) {
  if (std::exchange(online_, online) != online) outbox_.tell(OnlineChanged{online});
}

Waiting Notices::waiting() const {
  if (elections_.ended()) return Waiting::nothing;
  return following_.is_catching_up() ? Waiting::catching_up : elections_.waiting(step_at_);
}

Nanoseconds Notices::waits_for(Waiting what) const {
  Mono end = step_at_;
  if (what == Waiting::company) end = membership_.minority_until();
  if (what == Waiting::history) end = elections_.history_until().value_or(step_at_);
  return std::max(end - step_at_, Nanoseconds{});
}

// Once for each wait, and not for what is over within an election timeout: a member that starts is alone for a moment.
void Notices::tell_waiting() {
  const Waiting what = waiting();
  if (std::exchange(waiting_, what) != what) waiting_since_ = step_at_;
  if (what != Waiting::company && what != Waiting::floor && what != Waiting::history) return;
  if (!waiting_since_ || step_at_ - *waiting_since_ < config_.election_timeout) return;
  waiting_since_.reset();
  outbox_.tell(Waits{what, waits_for(what), static_cast<std::uint32_t>(peers_.connected()),
                     what == Waiting::floor ? config_.quorum_floor : membership_.size()});
}

// Once, while there is still room.
void Notices::tell_log_fills() {
  if (log_fills_ || log_.memory() < config_.log_bytes / 10 * 8) return;
  log_fills_ = true;
  outbox_.tell(LogFills{log_.memory(), config_.log_bytes});
}

void Notices::tell_progress() {
  const Cursor last = log_.last();
  if (committed_ == log_.committed() && position_ == last) return;
  committed_ = log_.committed();
  position_ = last;
  outbox_.tell(Progress{committed_, last});
}

NotApplied Notices::no_leader() const {
  const Waiting what = waiting();
  return {Refusal::offline, what, waits_for(what)};
}

NotApplied Notices::stopped() const {
  return {.why = Refusal::stopped, .waiting = {}, .waits_for = {}, .because = stopped_because_};
}

void Notices::check_invariants() const {
  // Protects callers and readers of status: who leads is told as the elections have it.
  MOSAIK_ASSERT(leader_ == elections_.leader());
  // Protects readers of status: a member without a leader has no say in what is committed.
  MOSAIK_ASSERT(!online_ || leader_);
}

}  // namespace mosaik::consensus
