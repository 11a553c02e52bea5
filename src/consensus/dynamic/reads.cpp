#include "consensus/dynamic/reads.hpp"

#include <algorithm>

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ beginning

void Reads::query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline) {
  if (query.size() > limits::query_bytes) return outbox_.answer(call, NotApplied{Refusal::too_large});
  if (deadline <= now.mono) return outbox_.answer(call, NotApplied{Refusal::expired});
  if (!table_.has_room(query.size())) return outbox_.answer(call, NotApplied{Refusal::full});
  ReadRequest request{.from = ReadRequest::Own{call},
                      .query = std::move(query),
                      .consistency = consistency,
                      .deadline = deadline,
                      .ends_at = deadline};
  if (consistency == Consistency::weak) request.state = ReadRequest::Positioned{log_.committed()};
  table_.insert(std::move(request));
  if (consistency == Consistency::strong) seek_leader(now);
}

void Reads::barrier(const Now& now, CallId call, Mono deadline) {
  if (deadline <= now.mono) return outbox_.answer(call, NotApplied{Refusal::expired});
  if (!table_.has_room(0)) return outbox_.answer(call, NotApplied{Refusal::full});
  barriers_.insert(table_.insert({.from = ReadRequest::Own{call},
                                  .query = {},
                                  .consistency = Consistency::strong,
                                  .deadline = deadline,
                                  .ends_at = deadline}));
  seek_leader(now);
}

void Reads::on_forwarded_barrier(const Now& now, const PeerId& from, const ForwardCommand& message) {
  if (!message.request || !elections_.leads_aloud() || !table_.has_room_for(from, 0)) return;
  const Mono deadline = now.mono + config_.query_timeout;
  const QueryId id = table_.insert({.from = ReadRequest::Foreign{from, *message.request},
                                    .query = {},
                                    .consistency = Consistency::strong,
                                    .deadline = deadline,
                                    .ends_at = deadline});
  barriers_.insert(id);
  confirm_first(id);
}

void Reads::on_forwarded(const Now& now, const PeerId& from, ForwardQuery& message) {
  if (!elections_.leads_aloud()) return;
  if (message.query.size() > limits::query_bytes || !table_.has_room_for(from, message.query.size())) return;
  const Mono deadline = now.mono + config_.query_timeout;
  confirm_first(table_.insert({.from = ReadRequest::Foreign{from, message.request},
                               .query = std::move(message.query),
                               .consistency = Consistency::strong,
                               .deadline = deadline,
                               .ends_at = deadline}));
}

void Reads::seek_leader(const Now& now) {
  while (elections_.leader() && any_waits()) {
    const QueryId id = *table_.first_waiting();
    elections_.leads() ? confirm_first(id) : forward(now, id);
  }
}

void Reads::forward(const Now& now, QueryId id) {
  if (!kept_.has_room(table_.at(id).query.size())) return refuse(id, Refusal::full);
  const bool is_barrier = barriers_.contains(id);
  if (is_barrier && !peers_.dialect_of(*elections_.leader()).answers_every_forward())
    return outbox_.answer(*extract(id).own_call(),
                          QueryFailed{{Errc::refused,
                                       "the leader of this group is of the crate, which knows no read barrier; ask "
                                       "it with a strong query instead"}});
  ForwardId request = rng_.next();
  while (table_.forwarded(request)) ++request;
  const PeerId leader = *elections_.leader();
  MOSAIK_ASSERT(leader != config_.self);
  table_.update(id, [&](ReadRequest& known) {
    known.state = ReadRequest::Forwarded{request, leader};
    known.ends_at = std::min(known.deadline, now.mono + config_.query_timeout);
  });
  if (is_barrier) return outbox_.send(leader, ForwardCommand{{}, request});
  outbox_.send(leader, ForwardQuery{table_.at(id).query, request});
}

// A read may be asked twice: it goes to the next leader, or again to this one, within its time.
void Reads::wait_for_leader(QueryId id) {
  table_.update(id, [](ReadRequest& known) {
    known.state = ReadRequest::Waiting{};
    known.ends_at = known.deadline;
  });
}

void Reads::confirm_first(QueryId id) {
  MOSAIK_ASSERT(elections_.leads());
  table_.update(id, [](ReadRequest& known) { known.state = ReadRequest::Confirming{}; });
  confirmations_.add(id);
}

// ------------------------------------------------------------------------------------------------ leaders

void Reads::confirm(const Now& now) {
  confirmations_.begin(now);
  conclude_confirmed(now);
  confirmations_.probe();
}

void Reads::conclude_confirmed(const Now& now) {
  confirmations_.drop_idle([&](QueryId id) { return table_.contains(id); });
  for (const QueryId id : confirmations_.take_confirmed(now)) {
    if (barriers_.contains(id))
      on_barrier_confirmed(id, log_.committed());
    else if (table_.contains(id))
      table_.update(id, [&](ReadRequest& known) { known.state = ReadRequest::Positioned{log_.committed()}; });
  }
}

void Reads::on_leadership_lost() {
  for (const QueryId id : confirmations_.take_all())
    if (table_.contains(id)) drop(id);
}

void Reads::on_gone(const PeerId& peer) {
  for (const QueryId id : table_.all_forwarded())
    if (table_.at(id).as<ReadRequest::Forwarded>()->leader == peer) drop(id);
}

/// The leader that was asked leads no more, or is gone.
void Reads::drop(QueryId id) {
  if (table_.at(id).own_call()) return wait_for_leader(id);
  refuse(id, Refusal::offline);
}

void Reads::on_response(const PeerId& from, const QueryResponse& response) {
  const auto id = table_.forwarded(response.request);
  if (!id || table_.at(*id).as<ReadRequest::Forwarded>()->leader != from) return;
  const ReadRequest request = extract(*id);
  outbox_.answer(*request.own_call(), Read{response.result, response.position, feed_.epoch().value});
}

// An empty range: behind the index that is asked for there is none. A refusal of commands begins with the index 0.
void Reads::on_barrier_confirmed(QueryId id, Index position) {
  const ReadRequest& request = table_.at(id);
  if (const auto* foreign = std::get_if<ReadRequest::Foreign>(&request.from)) {
    if (peers_.contains(foreign->peer))
      outbox_.send(foreign->peer, CommandAck{foreign->request, {position.next(), position}});
    return static_cast<void>(extract(id));
  }
  table_.update(id, [&](ReadRequest& known) {
    known.state = ReadRequest::Asked{position, feed_.epoch()};
    known.ends_at = known.deadline;
  });
}

bool Reads::on_barrier_answer(const PeerId& from, const CommandAck& ack) {
  const auto id = table_.forwarded(ack.request);
  if (!id || !barriers_.contains(*id)) return false;
  const bool is_position = ack.assigned.first == ack.assigned.last.next();
  if (is_position && table_.at(*id).as<ReadRequest::Forwarded>()->leader == from)
    on_barrier_confirmed(*id, ack.assigned.last);
  return true;
}

void Reads::pass_barriers() {
  for (auto at = barriers_.begin(); at != barriers_.end();) {
    const QueryId id = *at++;
    const auto* asked = table_.at(id).as<ReadRequest::Asked>();
    if (asked == nullptr || feed_.applied() < asked->position) continue;
    const Index position = feed_.applied();
    outbox_.answer(*extract(id).own_call(), Passed{position});
  }
}

ReadRequest Reads::extract(QueryId id) {
  barriers_.erase(id);
  return table_.extract(id);
}

// ------------------------------------------------------------------------------------------------ the machine

void Reads::hand_over() {
  pass_barriers();
  while (const auto id = table_.first_positioned()) {
    const ReadRequest& request = table_.at(*id);
    const std::size_t bytes = request.query.size();
    if (!feed_.may_ask(request.as<ReadRequest::Positioned>()->position, bytes)) return;
    MOSAIK_ASSERT(feed_.handed() <= log_.committed());  // a read may not show what may still be overwritten
    feed_.on_asked(*id, bytes);
    table_.update(*id, [&](ReadRequest& known) { known.state = ReadRequest::Asked{feed_.handed(), feed_.epoch()}; });
    outbox_.push(AskMachine{*id, request.query, feed_.handed()});
  }
}

namespace {
/// A strong read ends alike wherever it was asked: what could not travel to another member is given to none.
Result<Blob> limited(const Result<Blob>& answer, Consistency consistency) {
  if (!answer || consistency != Consistency::strong || answer->size() <= limits::answer_bytes) return answer;
  return fail(Errc::limit, "the machine's answer has " + std::to_string(answer->size()) +
                               " bytes, and that of a strong read may have " + std::to_string(limits::answer_bytes) +
                               ": ask for less at a time, or by a weak read");
}
}  // namespace

void Reads::on_answered(QueryId id, const Result<Blob>& answered) {
  feed_.on_answered(id);
  // Its time may have been over, or it was refused.
  if (!table_.contains(id) || table_.at(id).as<ReadRequest::Asked>() == nullptr) return;
  const ReadRequest request = table_.extract(id);
  const auto& asked = std::get<ReadRequest::Asked>(request.state);
  const Result<Blob> result = limited(answered, request.consistency);
  if (const auto call = request.own_call()) {
    if (result) outbox_.answer(*call, Read{*result, asked.position, asked.epoch.value});
    if (!result) outbox_.answer(*call, QueryFailed{result.error()});
    return;
  }
  const auto& foreign = std::get<ReadRequest::Foreign>(request.from);
  // A large one lets everything else pass first.
  if (result && peers_.contains(foreign.peer))
    outbox_.send(foreign.peer, QueryResponse{foreign.request, *result, asked.position},
                 result->size() > limits::append_bytes ? Urgency::bulk : Urgency::consensus);
}

// ------------------------------------------------------------------------------------------------ ends

void Reads::refuse(QueryId id, Refusal why) {
  const ReadRequest request = extract(id);
  const auto call = request.own_call();
  if (!call) return;  // silence is the only refusal on this wire
  if (why == Refusal::offline) return outbox_.answer(*call, notices_.no_leader());
  if (why == Refusal::stopped) return outbox_.answer(*call, notices_.stopped());
  outbox_.answer(*call, NotApplied{why});
}

void Reads::on_history_given_up() {
  while (const auto id = table_.first_positioned()) refuse(*id, Refusal::offline);
  for (const QueryId id : std::set(barriers_))
    if (table_.at(id).as<ReadRequest::Asked>() != nullptr) refuse(id, Refusal::offline);
}

void Reads::expire(const Now& now) {
  while (const auto id = table_.first_due(now.mono)) {
    const ReadRequest& request = table_.at(*id);
    if (request.as<ReadRequest::Forwarded>() != nullptr && now.mono < request.deadline)
      wait_for_leader(*id);
    else
      refuse(*id, request.as<ReadRequest::Waiting>() != nullptr ? Refusal::offline : Refusal::expired);
  }
}

void Reads::stop() {
  while (const auto id = table_.first()) refuse(*id, Refusal::stopped);
}

void Reads::check_invariants() const {
  table_.check_invariants();
  confirmations_.check_invariants();
  // Protects callers: a barrier that has left the table would never pass, or pass twice.
  for (const QueryId id : barriers_) MOSAIK_ASSERT(table_.contains(id));
  // Protects callers: a confirmation of a member that does not lead would never end.
  MOSAIK_ASSERT(confirmations_.empty() || elections_.leads());
}

}  // namespace mosaik::consensus
