#include "consensus/dynamic/read_table.hpp"

#include "base/overloaded.hpp"
#include "consensus/dynamic/checks.hpp"

namespace mosaik::consensus {

bool ReadTable::has_room_for(const PeerId& peer, std::size_t bytes) const {
  const auto known = served_to_.find(peer);
  const Served own = known == served_to_.end() ? Served{} : known->second;
  return is_fair(own.queries, 1, served_.queries, limits::forwarded_queries) &&
         is_fair(own.bytes, bytes, served_.bytes, limits::forwarded_bytes);
}

void ReadTable::enter_indexes(QueryId id, ReadRequest& request) {
  std::visit(
      overloaded{[&](const ReadRequest::Waiting&) { waiting_.insert(id); },
                 [&](const ReadRequest::Forwarded& state) { forwarded_.emplace(state.request, id); },
                 [&](const ReadRequest::Confirming&) {},
                 [&](const ReadRequest::Positioned&) { positioned_.insert(id); }, [&](const ReadRequest::Asked&) {}},
      request.state);
  deadlines_.emplace(request.ends_at, id);
  request.kept = request.as<ReadRequest::Forwarded>() == nullptr ? 0 : request.query.size();
  kept_.take(request.kept);
  kept_bytes_ += request.kept;
}

void ReadTable::leave_indexes(QueryId id, ReadRequest& request) noexcept {
  std::visit(
      overloaded{[&](const ReadRequest::Waiting&) { waiting_.erase(id); },
                 [&](const ReadRequest::Forwarded& state) { forwarded_.erase(state.request); },
                 [&](const ReadRequest::Confirming&) {}, [&](const ReadRequest::Positioned&) { positioned_.erase(id); },
                 [&](const ReadRequest::Asked&) {}},
      request.state);
  deadlines_.erase({request.ends_at, id});
  kept_.give_back(request.kept);
  kept_bytes_ -= std::exchange(request.kept, 0);
}

QueryId ReadTable::insert(ReadRequest request) {
  const std::size_t bytes = request.query.size();
  if (const auto* foreign = std::get_if<ReadRequest::Foreign>(&request.from)) {
    served_ = {served_.queries + 1, served_.bytes + bytes};
    Served& of = served_to_[foreign->peer];
    of = {of.queries + 1, of.bytes + bytes};
  } else {
    own_.take(bytes);
  }
  ++last_.value;
  enter_indexes(last_, requests_.emplace(last_, std::move(request)).first->second);
  return last_;
}

ReadRequest ReadTable::extract(QueryId id) {
  auto found = requests_.extract(id);
  MOSAIK_ASSERT(found);
  ReadRequest& request = found.mapped();
  leave_indexes(id, request);
  const std::size_t bytes = request.query.size();
  const auto* foreign = std::get_if<ReadRequest::Foreign>(&request.from);
  if (foreign == nullptr) {
    own_.give_back(bytes);
    return std::move(request);
  }
  const auto of = served_to_.find(foreign->peer);
  MOSAIK_ASSERT(of != served_to_.end() && of->second.queries > 0 && of->second.bytes >= bytes);
  of->second = {of->second.queries - 1, of->second.bytes - bytes};
  served_ = {served_.queries - 1, served_.bytes - bytes};
  if (of->second.queries == 0) served_to_.erase(of);
  return std::move(request);
}

std::optional<QueryId> ReadTable::first() const {
  return requests_.empty() ? std::nullopt : std::optional(requests_.begin()->first);
}

std::optional<QueryId> ReadTable::first_waiting() const {
  return waiting_.empty() ? std::nullopt : std::optional(*waiting_.begin());
}

std::optional<QueryId> ReadTable::first_positioned() const {
  return positioned_.empty() ? std::nullopt : std::optional(*positioned_.begin());
}

std::optional<QueryId> ReadTable::first_due(Mono now) const {
  return !deadlines_.empty() && deadlines_.begin()->first <= now ? std::optional(deadlines_.begin()->second)
                                                                 : std::nullopt;
}

std::optional<QueryId> ReadTable::forwarded(ForwardId request) const {
  const auto found = forwarded_.find(request);
  return found == forwarded_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<QueryId> ReadTable::all_forwarded() const {
  std::vector<QueryId> out;
  for (const auto& [request, id] : forwarded_) out.push_back(id);
  return out;
}

void ReadTable::check_invariants() const {
  // Protects callers: a query without a deadline would hang.
  MOSAIK_ASSERT(deadlines_.size() == requests_.size());
  if (requests_.size() > checked_sum) return;
  std::size_t waiting = 0;
  std::size_t own = 0;
  std::size_t kept = 0;
  Served served;
  for (const auto& [id, request] : requests_) {
    waiting += request.as<ReadRequest::Waiting>() != nullptr ? 1U : 0U;
    kept += request.as<ReadRequest::Forwarded>() != nullptr ? request.query.size() : 0;
    own += request.own_call() ? request.query.size() : 0;
    if (!request.own_call()) served = {served.queries + 1, served.bytes + request.query.size()};
  }
  // Protects callers: a query that waits for a leader, and that no index finds, would wait for one in vain.
  MOSAIK_ASSERT(waiting == waiting_.size());
  // Protects all later callers: bytes that no query keeps would be missing from a budget for ever.
  MOSAIK_ASSERT(own == own_.used() && kept == kept_bytes_);
  MOSAIK_ASSERT(served.queries == served_.queries && served.bytes == served_.bytes);
}

}  // namespace mosaik::consensus
