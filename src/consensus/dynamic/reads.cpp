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
  ForwardId request = rng_.next();
  while (table_.forwarded(request)) ++request;
  const PeerId leader = *elections_.leader();
  MOSAIK_ASSERT(leader != config_.self);
  table_.update(id, [&](ReadRequest& known) {
    known.state = ReadRequest::Forwarded{request, leader};
    known.ends_at = std::min(known.deadline, now.mono + config_.query_timeout);
  });
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
  for (const QueryId id : confirmations_.take_confirmed(now))
    if (table_.contains(id))
      table_.update(id, [&](ReadRequest& known) { known.state = ReadRequest::Positioned{log_.committed()}; });
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
  const ReadRequest request = table_.extract(*id);
  outbox_.answer(*request.own_call(), Read{response.result, response.position, feed_.epoch().value});
}

// ------------------------------------------------------------------------------------------------ the machine

void Reads::hand_over() {
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
  const ReadRequest request = table_.extract(id);
  const auto call = request.own_call();
  if (!call) return;  // silence is the only refusal on this wire
  if (why == Refusal::offline) return outbox_.answer(*call, notices_.no_leader());
  if (why == Refusal::stopped) return outbox_.answer(*call, notices_.stopped());
  outbox_.answer(*call, NotApplied{why});
}

void Reads::on_history_given_up() {
  while (const auto id = table_.first_positioned()) refuse(*id, Refusal::offline);
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
  // Protects callers: a confirmation of a member that does not lead would never end.
  MOSAIK_ASSERT(confirmations_.empty() || elections_.leads());
}

}  // namespace mosaik::consensus
