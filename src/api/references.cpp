#include <atomic>
#include <utility>

#include <mosaik/consensus/replicated_group.hpp>

#include "api/completions.hpp"
#include "api/network_body.hpp"
#include "api/outcomes.hpp"

namespace mosaik {

// -- NetworkRef

NodeStatus NetworkRef::status() const {
  return body_->status();
}

NodeStatus NetworkRef::fresh_status(std::chrono::nanoseconds patience) const {
  return body_->fresh_status(patience);
}

Subscription NetworkRef::subscribe(std::function<void(const Event&)> call) const {
  return body_->subscribe(std::move(call));
}

Subscription NetworkRef::trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) const {
  return body_->trace(std::move(filter), std::move(call));
}

Future<Result<>> NetworkRef::leave(std::chrono::nanoseconds wait) const {
  return body_->leave_within(wait, api::NetworkBody::Leaving::for_good);
}

Future<Result<>> NetworkRef::forget(const PeerId& peer) const {
  return body_->forget(peer);
}

void NetworkRef::notify(const std::string& text) const {
  body_->notify(text);
}

// -- MachineRef

struct MachineRef::Body {
  std::shared_ptr<api::NetworkBody> network;
  GroupId group;
  std::shared_ptr<const runtime::MachineInfo> machine;
};

Result<MachineRef> NetworkRef::machine(const GroupId& group) const {
  const runtime::Snapshot read = body_->publisher().latest().snapshot;
  const runtime::ReplicaStatus* const replica = read.replica(group);
  if (replica == nullptr) return fail(Errc::not_found, "this node is in no group " + group.brief() + " with a machine");
  return MachineRef(std::make_shared<const MachineRef::Body>(body_, group, replica->machine));
}

const std::string& MachineRef::name() const noexcept {
  return body_->machine->name;
}

void MachineRef::execute_bytes(Bytes command, const CallOptions& options, Callback<Index> done) const {
  if (body_->machine->is_command && !body_->machine->is_command(command))
    return done(fail(Errc::malformed, "these bytes are no command of the machine " + name() + "; nothing was applied"));
  std::vector<Blob> commands;
  commands.push_back(Blob::take(std::move(command)));
  body_->network->call(body_->group, consensus::Execute{std::move(commands)}, options.time,
                       api::completion<Index>(std::move(done), options, api::place_of));
}

void MachineRef::query_bytes(Bytes query, Consistency consistency, const CallOptions& options,
                             Callback<Answered<Bytes>> done) const {
  body_->network->call(body_->group, consensus::Query{Blob::take(std::move(query)), consistency}, options.time,
                       api::completion<Answered<Bytes>>(std::move(done), options, api::answer_of));
}

/// The watch ends with the wait: when the subscription ends, the watch is looked at once more, and it goes.
Subscription MachineRef::when_committed(Index beyond, std::optional<std::uint64_t> history,
                                        Callback<ConsensusStatus> done) const {
  auto waiting = std::make_shared<std::atomic<bool>>(true);
  body_->network->publisher().watch(
      [waiting, group = body_->group, beyond, history,
       done = std::move(done)](const runtime::Snapshot* snapshot) mutable -> runtime::Task {
        const auto end = [&](Result<ConsensusStatus> result) -> runtime::Task {
          if (!waiting->exchange(false)) return [] {};
          return [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); };
        };
        if (!waiting->load()) return [] {};
        if (snapshot == nullptr) return end(api::network_closed());
        const runtime::ReplicaStatus* const replica = snapshot->replica(group);
        if (replica == nullptr) return end(fail(Errc::closed, "the group is left"));
        const ConsensusStatus& status = replica->consensus;
        if (status.committed > beyond || (history && status.diverged != *history)) return end(status);
        return {};
      },
      runtime::Interest::consensus);
  return Subscription({waiting.get(), [waiting, body = body_](void*) {
                         if (waiting->exchange(false)) body->network->publisher().reconsider();
                       }});
}

}  // namespace mosaik
