#pragma once
/// One group in a snapshot: for readers, and for those who wait until it shows something.

#include <memory>
#include <optional>
#include <utility>

#include <mosaik/types/status.hpp>

#include "api/network_body.hpp"
#include "runtime/publisher.hpp"

namespace mosaik::api {

/// A group as one snapshot has it.
struct GroupView {
  const GroupStatus& mesh;
  const ConsensusStatus* consensus = nullptr;  ///< null without a machine
};

/// Adds to a group what the snapshot knows of its machine and its consensus, in words as well.
void complete(GroupStatus& group, const runtime::Snapshot& snapshot);

/// Completes with what `select(view)` gives (an optional of a T), at the first snapshot for which it gives something.
template <class T, class Select>
Future<Result<T>> wait_for(const std::shared_ptr<GroupBody>& group, runtime::Interest interest, Select select) {
  Promise<Result<T>> promise;
  group->network().publisher().watch(
      [promise, group, interest, select](const runtime::Snapshot* snapshot) mutable -> runtime::Task {
        if (snapshot == nullptr) return [promise] { promise.set(network_closed()); };
        const GroupStatus* const mesh = group->in(*snapshot->status);
        const runtime::ReplicaStatus* const replica = snapshot->replica(group->id());
        if (mesh == nullptr || (interest == runtime::Interest::consensus && replica == nullptr))
          return [promise] { promise.set(fail(Errc::closed, "the group is left")); };
        if (std::optional<T> value = select(GroupView{*mesh, replica == nullptr ? nullptr : &replica->consensus}))
          return [promise, value = std::move(*value)] { promise.set(value); };
        return {};
      },
      interest);
  return promise.future();
}

}  // namespace mosaik::api
