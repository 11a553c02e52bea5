#include <mosaik/consensus/replicated_group.hpp>

#include <utility>

#include "api/completions.hpp"
#include "api/group_view.hpp"
#include "api/network_body.hpp"
#include "api/outcomes.hpp"
#include "base/limits.hpp"
#include "runtime/memory_limit.hpp"

namespace mosaik {
namespace {

using Bytes = ReplicatedGroup::Bytes;

using api::answer_of;
using api::place_of;
using api::range_of;
using consensus::Until;

// -- calls

std::vector<Blob> blobs_of(std::vector<Bytes> commands) {
  std::vector<Blob> out;
  out.reserve(commands.size());
  for (Bytes& command : commands) out.push_back(Blob::take(std::move(command)));
  return out;
}

consensus::Call execute(std::vector<Bytes> commands, consensus::Until until) {
  return consensus::Execute{blobs_of(std::move(commands)), until};
}
consensus::Call execute(Bytes command, consensus::Until until) {
  std::vector<Blob> blobs;
  blobs.push_back(Blob::take(std::move(command)));
  return consensus::Execute{std::move(blobs), until};
}
consensus::Call ask(Bytes query, Consistency consistency) {
  return consensus::Query{Blob::take(std::move(query)), consistency};
}

Result<Index> position_of(const consensus::Outcome& outcome) {
  if (const auto* passed = std::get_if<consensus::Passed>(&outcome)) return passed->position;
  return std::unexpected(answer_of(outcome).error());
}

/// A call whose caller looks at a future.
template <class T>
Future<Result<T>> call(const api::GroupBody& group, consensus::Call call, const CallOptions& options,
                       std::type_identity_t<api::Select<T>> select) {
  Promise<Result<T>> promise;
  group.network().call(group.id(), std::move(call), options.time, api::completion(promise, select));
  return promise.future();
}
/// A call whose caller gave a callback.
template <class T>
void call(const api::GroupBody& group, consensus::Call call, const CallOptions& options,
          ReplicatedGroup::Callback<T> done, std::type_identity_t<api::Select<T>> select) {
  group.network().call(group.id(), std::move(call), options.time, api::completion<T>(std::move(done), options, select));
}

// -- waits

/// Completes with what `select(status)` gives, once it gives something. T is select's optional's.
template <class T, class Select>
Future<Result<T>> wait_for(const std::shared_ptr<api::GroupBody>& group, Select select) {
  return api::wait_for<T>(group, runtime::Interest::consensus,
                          [select](const api::GroupView& view) { return select(*view.consensus); });
}

/// Of a group that is left: a member that takes part in nothing.
ConsensusStatus status_of(const api::GroupBody& group) {
  const runtime::Snapshot snapshot = group.network().publisher().latest().snapshot;
  const runtime::ReplicaStatus* const replica = snapshot.replica(group.id());
  if (replica != nullptr) return replica->consensus;
  ConsensusStatus left;
  left.role = MemberRole::stopped;
  return left;
}

std::optional<std::monostate> when(bool holds) {
  return holds ? std::optional(std::monostate{}) : std::nullopt;
}

template <class T>
T watched(const ConsensusStatus& status);
template <>
Index watched<Index>(const ConsensusStatus& status) {
  return status.committed;
}
template <>
Cursor watched<Cursor>(const ConsensusStatus& status) {
  return status.log_position;
}
Index index_of(Index value) {
  return value;
}
Index index_of(const Cursor& value) {
  return value.index;
}

template <class T, class Holds>
Future<Result<T>> wait_value(const std::shared_ptr<api::GroupBody>& group, Holds holds) {
  return wait_for<T>(group, [holds](const ConsensusStatus& status) -> std::optional<T> {
    const T value = watched<T>(status);
    return holds(value) ? std::optional(value) : std::nullopt;
  });
}

}  // namespace

// -- ReplicatedGroup

Future<Result<IndexRange>> ReplicatedGroup::execute_bytes(std::vector<Bytes> commands,
                                                          const CallOptions& options) const {
  return call<IndexRange>(*body_, mosaik::execute(std::move(commands), Until::committed), options, range_of);
}

Future<Result<IndexRange>> ReplicatedGroup::feed_bytes(std::vector<Bytes> commands, const CallOptions& options) const {
  return call<IndexRange>(*body_, mosaik::execute(std::move(commands), Until::assigned), options, range_of);
}

Future<Result<Index>> ReplicatedGroup::execute_one(Bytes command, const CallOptions& options) const {
  return call<Index>(*body_, mosaik::execute(std::move(command), Until::committed), options, place_of);
}

Future<Result<Index>> ReplicatedGroup::feed_one(Bytes command, const CallOptions& options) const {
  return call<Index>(*body_, mosaik::execute(std::move(command), Until::assigned), options, place_of);
}

void ReplicatedGroup::execute_one(Bytes command, const CallOptions& options, Callback<Index> done) const {
  call<Index>(*body_, mosaik::execute(std::move(command), Until::committed), options, std::move(done), place_of);
}

void ReplicatedGroup::execute_bytes(std::vector<Bytes> commands, const CallOptions& options,
                                    Callback<IndexRange> done) const {
  call<IndexRange>(*body_, mosaik::execute(std::move(commands), Until::committed), options, std::move(done), range_of);
}

Future<Result<Answered<Bytes>>> ReplicatedGroup::query_bytes(Bytes query, Consistency consistency,
                                                             const CallOptions& options) const {
  return call<Answered<Bytes>>(*body_, ask(std::move(query), consistency), options, answer_of);
}

void ReplicatedGroup::query_bytes(Bytes query, Consistency consistency, const CallOptions& options,
                                  Callback<Answered<Bytes>> done) const {
  call<Answered<Bytes>>(*body_, ask(std::move(query), consistency), options, std::move(done), answer_of);
}

Future<Result<Index>> ReplicatedGroup::barrier(const CallOptions& options) const {
  return call<Index>(*body_, consensus::ReadBarrier{}, options, position_of);
}

ConsensusStatus ReplicatedGroup::consensus() const {
  return status_of(*body_);
}

ReplicatedWhen ReplicatedGroup::when() const {
  return ReplicatedWhen(body_);
}

// -- ReplicatedWhen

Future<Result<PeerId>> ReplicatedWhen::leader_elected() const {
  return wait_for<PeerId>(body_, [](const ConsensusStatus& status) { return status.leader; });
}

Future<Result<PeerId>> ReplicatedWhen::leader_changed() const {
  return wait_for<PeerId>(body_, [before = status_of(*body_).leader](const ConsensusStatus& status) {
    return status.leader != before ? status.leader : std::nullopt;
  });
}

Future<Result<PeerId>> ReplicatedWhen::leader_is(const PeerId& peer) const {
  return wait_for<PeerId>(
      body_, [peer](const ConsensusStatus& status) { return status.leader == peer ? status.leader : std::nullopt; });
}

Future<Result<PeerId>> ReplicatedWhen::is_leader() const {
  return leader_is(body_->network().id());
}

Future<Result<PeerId>> ReplicatedWhen::is_follower() const {
  return wait_for<PeerId>(body_,
                          [self = body_->network().id()](const ConsensusStatus& status) -> std::optional<PeerId> {
                            if (status.leader == self) return std::nullopt;
                            return status.leader.value_or(PeerId{});
                          });
}

Future<Result<std::monostate>> ReplicatedWhen::online() const {
  return wait_for<std::monostate>(body_, [](const ConsensusStatus& status) { return mosaik::when(status.online); });
}

Future<Result<std::monostate>> ReplicatedWhen::offline() const {
  return wait_for<std::monostate>(body_, [](const ConsensusStatus& status) { return mosaik::when(!status.online); });
}

Watcher<Index> ReplicatedWhen::committed() const {
  return {body_, status_of(*body_).committed};
}

Watcher<Cursor> ReplicatedWhen::log() const {
  return {body_, status_of(*body_).log_position};
}

// -- Watcher

template <class T>
Future<Result<T>> Watcher<T>::changed() const {
  return wait_value<T>(body_, [first = first_](const T& value) { return value != first; });
}

template <class T>
Future<Result<T>> Watcher<T>::advanced() const {
  return wait_value<T>(body_, [before = watched<T>(status_of(*body_))](const T& value) { return value > before; });
}

template <class T>
Future<Result<T>> Watcher<T>::reverted() const {
  return wait_value<T>(body_, [before = watched<T>(status_of(*body_))](const T& value) { return value < before; });
}

template <class T>
Future<Result<T>> Watcher<T>::reaches(Index index) const {
  return wait_value<T>(body_, [index](const T& value) { return index_of(value) >= index; });
}

template class Watcher<Index>;
template class Watcher<Cursor>;

// -- ReplicatedGroupBuilder

struct ReplicatedGroupBuilder::Body {
  std::shared_ptr<api::NetworkBody> network;
  GroupKey key;
  ConsensusConfig consensus;
  runtime::MachineSetup setup;
};

ReplicatedGroupBuilder::ReplicatedGroupBuilder(std::unique_ptr<Body> body) : body_(std::move(body)) {}
ReplicatedGroupBuilder::ReplicatedGroupBuilder(ReplicatedGroupBuilder&&) noexcept = default;
ReplicatedGroupBuilder& ReplicatedGroupBuilder::operator=(ReplicatedGroupBuilder&&) noexcept = default;
ReplicatedGroupBuilder::~ReplicatedGroupBuilder() = default;

ReplicatedGroupBuilder GroupBuilder::with_machine(std::unique_ptr<Machine> machine) const {
  auto body = std::make_unique<ReplicatedGroupBuilder::Body>(body_, key_, consensus_, runtime::MachineSetup{});
  body->setup.machine = std::move(machine);
  body->setup.log_bytes = runtime::default_log_bytes();
  return ReplicatedGroupBuilder(std::move(body));
}

ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_consensus(const ConsensusConfig& config) {
  body_->consensus = config;
  return *this;
}
ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_preference(Preference preference) {
  body_->setup.preference = preference;
  return *this;
}
ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_quorum_floor(std::uint32_t members) {
  body_->setup.quorum_floor = members;
  return *this;
}
ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_catch_up_batch(std::uint32_t entries) {
  body_->setup.batch_size = entries;
  return *this;
}
ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_alone_after(std::chrono::nanoseconds time) {
  body_->setup.alone_after = time;
  return *this;
}

ReplicatedGroupBuilder& ReplicatedGroupBuilder::with_log_limit(std::uint64_t bytes) {
  body_->setup.log_bytes = bytes;
  return *this;
}

Result<ReplicatedGroup> ReplicatedGroupBuilder::join() {
  if (body_->setup.machine == nullptr)
    return fail(Errc::invalid_argument, "the machine has gone with an earlier join; build anew");
  if (body_->setup.alone_after < 0ns) return fail(Errc::invalid_argument, "nobody can wait a negative time alone");
  if (body_->setup.batch_size == 0) return fail(Errc::invalid_argument, "a catch-up batch has at least one entry");
  if (body_->setup.log_bytes < limits::least_log_bytes)
    return fail(Errc::invalid_argument, "a log of " + std::to_string(body_->setup.log_bytes) +
                                            " bytes is too small; with_log_limit (--log-limit) takes at least " +
                                            std::to_string(limits::least_log_bytes));
  Promise<Result<GroupId>> promise;
  body_->network->post([key = body_->key, consensus = body_->consensus, setup = std::move(body_->setup),
                        promise](runtime::RequestDispatcher* dispatcher) mutable {
    if (dispatcher == nullptr) return static_cast<void>(promise.set(api::network_closed()));
    dispatcher->join(key, consensus, std::move(setup),
                     [promise](Result<GroupId> result) { promise.set(std::move(result)); });
  });
  const auto joined = promise.future().get();
  if (!joined) return std::unexpected(joined.error());
  return ReplicatedGroup(std::make_shared<api::GroupBody>(body_->network, *joined));
}

}  // namespace mosaik
