// Calls with commands: placed here, or forwarded to the leader; each ends by its deadline (spec: groups 6.10, 8.1 S11
// to S13).

#include <algorithm>

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {
namespace {
/// Where a refusal tells that it is the log that is full (docs/protocol/groups.md 5.7).
constexpr std::uint64_t refused_log_full = 1;
/// Or that who was asked leads no more, or not yet.
constexpr std::uint64_t refused_no_leader = 2;

std::uint64_t code_of(Refusal why) {
  return why == Refusal::log_full ? refused_log_full : why == Refusal::offline ? refused_no_leader : 0;
}
Refusal refusal_of(std::uint64_t code) {
  return code == refused_log_full ? Refusal::log_full : code == refused_no_leader ? Refusal::offline : Refusal::full;
}
/// What a call that waits takes.
std::size_t kept_bytes(const std::vector<Blob>& commands) {
  return total_bytes(commands) + commands.size() * sizeof(Blob);
}
}  // namespace

// ------------------------------------------------------------------------------------------------ beginning

std::optional<Refusal> Engine::Impl::refuses(const std::vector<Blob>& commands) const {
  if (commands.empty()) return Refusal::empty;
  if (commands.size() > limits::call_commands) return Refusal::too_large;
  for (const Blob& command : commands)
    if (command.size() > limits::command_bytes) return Refusal::too_large;
  return total_bytes(commands) > limits::call_bytes ? std::optional(Refusal::too_large) : std::nullopt;
}

void Engine::Impl::submit(const Now& now, CallId id, std::vector<Blob> commands, Until until, Mono deadline) {
  MOSAIK_ASSERT(!calls_.contains(id));
  if (role<Ended>() != nullptr) return outbox.answer(id, stopped());
  if (const auto why = refuses(commands)) return outbox.answer(id, NotApplied{*why});
  if (deadline <= now.mono) return outbox.answer(id, NotApplied{Refusal::expired});
  seek_leader(now);  // nobody overtakes those that wait
  if (calls_.size() >= limits::calls) return outbox.answer(id, NotApplied{Refusal::full});
  Call call{.until = until,
            .deadline = deadline,
            .ends_at = deadline,
            .count = commands.size(),
            .from = durability_.term(),
            .to = durability_.term()};
  if (role<Leader>() == nullptr) {
    const std::size_t size = kept_bytes(commands);
    if (kept_bytes_ + size > limits::forwarded_bytes) return outbox.answer(id, NotApplied{Refusal::full});
    kept_bytes_ += size;
    call.commands = std::move(commands);
  } else {
    if (const auto why = lacks_room(commands)) return outbox.answer(id, NotApplied{*why});
    call.range = place(std::move(commands));
    if (until == Until::assigned) return outbox.answer(id, Assigned{call.range});
    by_place_.emplace(call.range.last, id);
  }
  call_deadlines_.emplace(deadline, id);
  calls_.emplace(id, std::move(call));
  if (role<Leader>() != nullptr) return;
  leaderless_.insert(id);
  seek_leader(now);
}

bool Engine::Impl::has_leader() const {
  if (role<Leader>() != nullptr) return true;
  const auto* follower = role<Follower>();
  return follower != nullptr && follower->leader && peers_.contains(*follower->leader);
}

// A call has its whole time to find a leader: between two of them nobody has to try again. In their order.
void Engine::Impl::seek_leader(const Now& now) {
  while (!leaderless_.empty() && has_leader()) {
    const CallId id = *leaderless_.begin();
    leaderless_.erase(leaderless_.begin());
    role<Leader>() != nullptr ? place_call(id) : forward(now, id);
  }
  seek_leader_for_queries(now);
}

/// Of a call that has waited until this member led.
void Engine::Impl::place_call(CallId id) {
  Call& call = calls_.at(id);
  if (const auto why = lacks_room(call.commands)) return end_call(id, NotApplied{*why});
  kept_bytes_ -= kept_bytes(call.commands);
  call.range = place(std::exchange(call.commands, {}));
  call.from = call.to = durability_.term();
  if (call.until == Until::assigned) return end_call(id, Assigned{call.range});
  by_place_.emplace(call.range.last, id);
}

void Engine::Impl::forward(const Now& now, CallId id) {
  Call& call = calls_.at(id);
  ForwardId request = rng_.next();
  while (by_forward_.contains(request)) ++request;
  call.forwarded = request;
  call.leader = *std::get<Follower>(state_).leader;
  call.from = call.to = durability_.term();
  outbox.send(call.leader, ForwardCommand{call.commands, request});
  by_forward_.emplace(request, id);
  if (!peers_.dialect_of(call.leader).answers_every_forward())
    set_deadline(id, call, std::min(call.deadline, now.mono + config_.forward_timeout));
}

void Engine::Impl::on_forwarded_command(const PeerId& from, ForwardCommand& message) {
  auto* leader = role<Leader>();
  if (refuses(message.commands)) return;
  if (leader == nullptr || leader->silent_until != never) return tell_refused(from, message, Refusal::offline);
  if (const auto why = lacks_room_for(from, message.commands)) return tell_refused(from, message, *why);
  const std::size_t size = total_bytes(message.commands) + message.commands.size() * limits::log_entry;
  const IndexRange range = place(std::move(message.commands));
  leader->contributions.placed(from, range.last, size);
  if (message.request) outbox.send(from, CommandAck{*message.request, range});
}

// This wire has no refusal: a Rust member's own time runs out. A C++ member is given the place 0, which is no place,
// and why in the place behind it.
void Engine::Impl::tell_refused(const PeerId& from, const ForwardCommand& message, Refusal why) {
  if (!peers_.dialect_of(from).answers_every_forward() || !message.request) return;
  outbox.send(from, CommandAck{*message.request, {Index{}, Index{code_of(why)}}});
}

// ------------------------------------------------------------------------------------------------ on the way

void Engine::Impl::set_deadline(CallId id, Call& call, Mono at) {
  call_deadlines_.erase({call.ends_at, id});
  call.ends_at = at;
  call_deadlines_.emplace(at, id);
}

void Engine::Impl::on_command_ack(const PeerId& from, const CommandAck& ack) {
  const auto found = by_forward_.find(ack.request);
  if (found == by_forward_.end()) return;
  const CallId id = found->second;
  Call& call = calls_.at(id);
  if (call.leader != from) return;
  if (ack.assigned.first == Index{} && peers_.dialect_of(from).answers_every_forward())
    return end_call(id, NotApplied{refusal_of(ack.assigned.last.value)});
  if (ack.assigned.size() != call.count || ack.assigned.first == Index{})
    return end_call(id, Unknown{Doubt::leader_lost});
  if (call.until == Until::assigned) return end_call(id, Assigned{ack.assigned});
  by_forward_.erase(found);
  call.forwarded.reset();
  call.range = ack.assigned;
  // The acknowledgement names no term: it was given in one between the sending and now.
  // After a change of leaders nobody can tell our command from an equal one of somebody else.
  const auto* follower = role<Follower>();
  if (follower == nullptr || follower->leader != from) return end_call(id, Unknown{Doubt::leader_lost});
  call.to = durability_.term();
  by_place_.emplace(call.range.last, id);
  set_deadline(id, call, call.deadline);
}

// ------------------------------------------------------------------------------------------------ the end

void Engine::Impl::end_call(CallId id, Outcome outcome) {
  const auto found = calls_.find(id);
  MOSAIK_ASSERT(found != calls_.end());
  const Call& call = found->second;
  call_deadlines_.erase({call.ends_at, id});
  if (call.forwarded) by_forward_.erase(*call.forwarded);
  leaderless_.erase(id);
  const auto [first, last] = by_place_.equal_range(call.range.last);
  for (auto at = first; at != last; ++at) {
    if (at->second != id) continue;
    by_place_.erase(at);
    break;
  }
  kept_bytes_ -= kept_bytes(call.commands);
  calls_.erase(found);
  outbox.answer(id, std::move(outcome));
}

Outcome Engine::Impl::judge_call(const Call& call) const {
  std::uint64_t ours = 0;
  for (std::uint64_t i = 0; i < call.count; ++i) {
    const Entry& entry = log.at(call.range.first.plus(i));
    const bool in_terms = call.from <= entry.term && entry.term <= call.to;
    if (in_terms && (call.commands.empty() || call.commands[i] == entry.command)) ++ours;
  }
  if (ours == 0) return NotApplied{Refusal::overwritten};
  if (ours < call.count) return Unknown{Doubt::partial};
  const bool keeps_floor = !leader_ || *leader_ == config_.self || peers_.dialect_of(*leader_).keeps_floor();
  if (!keeps_floor && peers_.connected() < config_.quorum_floor) return Unknown{Doubt::unfounded};
  return Committed{call.range};
}

void Engine::Impl::conclude_calls() {
  while (!by_place_.empty() && by_place_.begin()->first <= log.committed()) {
    const CallId id = by_place_.begin()->second;
    const Call& call = calls_.at(id);
    Outcome outcome = judge_call(call);
    if (!std::holds_alternative<Committed>(outcome)) {
      const auto* refused = std::get_if<NotApplied>(&outcome);
      if (refused != nullptr || std::get<Unknown>(outcome).why == Doubt::partial) {
        ++overwritten_;
        outbox.tell(Overwritten{call.range, leader_.value_or(PeerId{})});
      }
    }
    end_call(id, std::move(outcome));
  }
}

void Engine::Impl::drop_forwards_to(const PeerId& leader) {
  std::vector<CallId> lost;
  for (const auto& [request, id] : by_forward_)
    if (calls_.at(id).leader == leader) lost.push_back(id);
  for (const CallId id : lost) end_call(id, Unknown{Doubt::leader_lost});
}

// A C++ leader answers each forward, and until then it is waited for: over a slow path a large command takes its time.
// One that leads no more may have forgotten it.
void Engine::Impl::hurry_forwards(const Now& now) {
  const auto* follower = role<Follower>();
  for (const auto& [request, id] : by_forward_) {
    Call& call = calls_.at(id);
    if (follower == nullptr || follower->leader != call.leader)
      set_deadline(id, call, std::min(call.ends_at, now.mono + config_.forward_timeout));
  }
}

void Engine::Impl::give_up_places(Doubt why) {
  while (!by_place_.empty()) end_call(by_place_.begin()->second, Unknown{why});
}

void Engine::Impl::expire_calls(const Now& now) {
  while (!call_deadlines_.empty() && call_deadlines_.begin()->first <= now.mono) {
    const CallId id = call_deadlines_.begin()->second;
    if (waits_for_leader(id))
      end_call(id, no_leader());
    else
      end_call(id, Unknown{Doubt::expired});
  }
}

void Engine::Impl::stop_calls() {
  while (!calls_.empty()) {
    const CallId id = calls_.begin()->first;
    if (waits_for_leader(id))
      end_call(id, stopped());
    else
      end_call(id, Unknown{Doubt::stopped, stopped_because_});
  }
}

NotApplied Engine::Impl::stopped() const {
  return {.why = Refusal::stopped, .waiting = {}, .waits_for = {}, .because = stopped_because_};
}

bool Engine::Impl::waits_for_leader(CallId id) const {
  return leaderless_.contains(id);
}

}  // namespace mosaik::consensus
