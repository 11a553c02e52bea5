#include "consensus/dynamic/calls.hpp"

#include <algorithm>

namespace mosaik::consensus {
namespace {
/// Where a refusal tells that it is the log that is full (docs/protocol/groups.md 5.7).
constexpr std::uint64_t refused_log_full = 1;
/// Or that the member that was asked leads no more, or not yet.
constexpr std::uint64_t refused_no_leader = 2;

std::uint64_t code_of(Refusal why) {
  return why == Refusal::log_full ? refused_log_full : why == Refusal::offline ? refused_no_leader : 0;
}
Refusal refusal_of(std::uint64_t code) {
  return code == refused_log_full ? Refusal::log_full : code == refused_no_leader ? Refusal::offline : Refusal::full;
}
}  // namespace

// ------------------------------------------------------------------------------------------------ beginning

std::optional<Refusal> Calls::refuses(const std::vector<Blob>& commands) {
  if (commands.empty()) return Refusal::empty;
  if (commands.size() > limits::call_commands) return Refusal::too_large;
  for (const Blob& command : commands)
    if (command.size() > limits::command_bytes) return Refusal::too_large;
  return total_bytes(commands) > limits::call_bytes ? std::optional(Refusal::too_large) : std::nullopt;
}

void Calls::submit(const Now& now, CallId id, std::vector<Blob> commands, Until until, Mono deadline) {
  if (table_.size() >= limits::calls) return outbox_.answer(id, NotApplied{Refusal::full});
  const Term term = durability_.term();
  OpenCall call{
      .until = until, .deadline = deadline, .ends_at = deadline, .count = commands.size(), .from = term, .to = term};
  if (!elections_.leads()) {
    if (!kept_.has_room(bytes_to_keep(commands))) return outbox_.answer(id, NotApplied{Refusal::full});
    call.commands = std::move(commands);
    table_.insert(id, std::move(call));
    return seek_leader(now);
  }
  if (const auto why = replication_.lacks_room(commands)) return outbox_.answer(id, NotApplied{*why});
  const IndexRange range = replication_.append(std::move(commands));
  if (until == Until::assigned) return outbox_.answer(id, Assigned{range});
  call.state = OpenCall::Appended{range};
  table_.insert(id, std::move(call));
}

// A call has its whole time to find a leader: between two of them no caller has to try again.
void Calls::seek_leader(const Now& now) {
  while (elections_.leader() && any_waits()) {
    const CallId id = *table_.first_waiting();
    elections_.leads() ? append(id) : forward(now, id);
  }
}

/// Of a call that has waited until this member led.
void Calls::append(CallId id) {
  MOSAIK_ASSERT(elections_.leads());
  if (const auto why = replication_.lacks_room(table_.at(id).commands)) return end(id, NotApplied{*why});
  std::vector<Blob> commands;
  table_.update(id, [&](OpenCall& call) { commands = std::exchange(call.commands, {}); });
  const IndexRange range = replication_.append(std::move(commands));
  table_.update(id, [&](OpenCall& call) {
    call.state = OpenCall::Appended{range};
    call.from = call.to = durability_.term();
  });
  if (table_.at(id).until == Until::assigned) end(id, Assigned{range});
}

void Calls::forward(const Now& now, CallId id) {
  ForwardId request = rng_.next();
  while (table_.forwarded(request)) ++request;
  const PeerId leader = *elections_.leader();
  MOSAIK_ASSERT(leader != config_.self);
  table_.update(id, [&](OpenCall& call) {
    call.state = OpenCall::Forwarded{request, leader};
    call.from = call.to = durability_.term();
    if (!peers_.dialect_of(leader).answers_every_forward())
      call.ends_at = std::min(call.deadline, now.mono + config_.forward_timeout);
  });
  outbox_.send(leader, ForwardCommand{table_.at(id).commands, request});
}

// ------------------------------------------------------------------------------------------------ of other members

void Calls::on_forwarded(const PeerId& from, ForwardCommand& message) {
  if (refuses(message.commands)) return;
  if (!elections_.leads_aloud()) return tell_refused(from, message, Refusal::offline);
  if (const auto why = replication_.lacks_room_for(from, message.commands)) return tell_refused(from, message, *why);
  const IndexRange range = replication_.append_for(from, std::move(message.commands));
  if (message.request) outbox_.send(from, CommandAck{*message.request, range});
}

// This wire has no refusal: a Rust member's own time runs out. A member of ours is given the index 0, which no entry
// has, and why in the index behind it.
void Calls::tell_refused(const PeerId& from, const ForwardCommand& message, Refusal why) {
  if (!peers_.dialect_of(from).answers_every_forward() || !message.request) return;
  outbox_.send(from, CommandAck{*message.request, {Index{}, Index{code_of(why)}}});
}

void Calls::on_acknowledged(const PeerId& from, const CommandAck& ack) {
  const auto id = table_.forwarded(ack.request);
  if (!id) return;
  const OpenCall& call = table_.at(*id);
  if (std::get<OpenCall::Forwarded>(call.state).leader != from) return;
  const bool refused = ack.assigned.first == Index{};
  if (refused && peers_.dialect_of(from).answers_every_forward())
    return end(*id, NotApplied{refusal_of(ack.assigned.last.value)});
  if (refused || ack.assigned.size() != call.count) return end(*id, Unknown{Doubt::leader_lost});
  if (call.until == Until::assigned) return end(*id, Assigned{ack.assigned});
  // The acknowledgement names no term: it was given in one between the sending and now. After a change of leaders
  // our command cannot be told from an equal one of another member.
  if (!elections_.follows(from)) return end(*id, Unknown{Doubt::leader_lost});
  table_.update(*id, [&](OpenCall& known) {
    known.state = OpenCall::Appended{ack.assigned};
    known.to = durability_.term();
    known.ends_at = known.deadline;
  });
}

// ------------------------------------------------------------------------------------------------ leaders

// A leader of ours answers each forward, and until then it is waited for: over a slow path a large command takes its
// time. One that leads no more may have forgotten it.
void Calls::on_leader_changed(const Now& now) {
  for (const CallId id : table_.all_forwarded()) {
    if (elections_.follows(std::get<OpenCall::Forwarded>(table_.at(id).state).leader)) continue;
    table_.update(id,
                  [&](OpenCall& call) { call.ends_at = std::min(call.ends_at, now.mono + config_.forward_timeout); });
  }
}

void Calls::on_gone(const PeerId& peer) {
  for (const CallId id : table_.all_forwarded())
    if (std::get<OpenCall::Forwarded>(table_.at(id).state).leader == peer) end(id, Unknown{Doubt::leader_lost});
}

// ------------------------------------------------------------------------------------------------ ends

void Calls::end(CallId id, Outcome outcome) {
  static_cast<void>(table_.extract(id));
  outbox_.answer(id, std::move(outcome));
}

Outcome Calls::judge(const OpenCall& call, const IndexRange& range) const {
  MOSAIK_ASSERT(range.size() == call.count && range.last <= log_.committed());
  std::uint64_t ours = 0;
  for (std::uint64_t i = 0; i < call.count; ++i) {
    const Entry& entry = log_.at(range.first.plus(i));
    const bool in_terms = call.from <= entry.term && entry.term <= call.to;
    if (in_terms && (call.commands.empty() || call.commands[i] == entry.command)) ++ours;
  }
  if (ours == 0) return NotApplied{Refusal::overwritten};
  if (ours < call.count) return Unknown{Doubt::partial};
  const auto leader = elections_.leader();
  const bool keeps_floor = !leader || elections_.leads() || peers_.dialect_of(*leader).keeps_floor();
  if (!keeps_floor && peers_.connected() < config_.quorum_floor) return Unknown{Doubt::unfounded};
  return Committed{range};
}

void Calls::conclude() {
  while (const auto id = table_.first_appended()) {
    const OpenCall& call = table_.at(*id);
    const IndexRange range = std::get<OpenCall::Appended>(call.state).range;
    if (range.last > log_.committed()) return;
    Outcome outcome = judge(call, range);
    const auto* unknown = std::get_if<Unknown>(&outcome);
    if (std::holds_alternative<NotApplied>(outcome) || (unknown != nullptr && unknown->why == Doubt::partial)) {
      ++overwritten_;
      outbox_.tell(Overwritten{range, elections_.leader().value_or(PeerId{})});
    }
    end(*id, std::move(outcome));
  }
}

void Calls::on_history_given_up() {
  while (const auto id = table_.first_appended()) end(*id, Unknown{Doubt::diverged});
}

void Calls::expire(const Now& now) {
  while (const auto id = table_.first_due(now.mono)) {
    if (std::holds_alternative<OpenCall::Waiting>(table_.at(*id).state))
      end(*id, notices_.no_leader());
    else
      end(*id, Unknown{Doubt::expired});
  }
}

void Calls::stop() {
  while (const auto id = table_.first()) {
    if (std::holds_alternative<OpenCall::Waiting>(table_.at(*id).state))
      end(*id, notices_.stopped());
    else
      end(*id, Unknown{Doubt::stopped, notices_.stopped_because()});
  }
}

void Calls::check_invariants() const {
  table_.check_invariants();
}

}  // namespace mosaik::consensus
