#include "api/group_view.hpp"

#include <string>

#include "base/waiting_text.hpp"

namespace mosaik::api {
namespace {

/// A member that is not in step keeps nothing of the group alive: who restarts one member after the other has to wait
/// for it.
void explain_consensus(GroupStatus& group) {
  const ConsensusStatus& consensus = *group.consensus;
  constexpr std::uint64_t mib = 1U << 20U;
  if (consensus.log_limit > 0 && consensus.log_bytes >= consensus.log_limit / 10 * 8) {
    group.health = Health::degraded;
    group.reasons.push_back("the log takes " + std::to_string(consensus.log_bytes / mib) + " of " +
                            std::to_string(consensus.log_limit / mib) +
                            " MiB; a leader whose log is full refuses all commands, deletions too: give all members a "
                            "larger --log-limit");
  }
  if (group.ability() == Ability::stopped) {
    group.health = Health::degraded;
    group.reasons.push_back(consensus.stopped_because.empty()
                                ? "this member leaves"
                                : "the machine of this member failed: " + consensus.stopped_because +
                                      "; nothing is applied here any more: mend the cause, then start this node again");
  }
  if (const std::string waits = waiting_text(consensus); !waits.empty() && consensus.waiting != Waiting::catching_up &&
                                                         !(consensus.waiting == Waiting::election && consensus.online))
    group.reasons.push_back(waits);
  else if (group.ability() == Ability::no_leader)
    group.reasons.emplace_back("no leader is in reach: members that are out of reach are waited for");
  if (consensus.online || group.ability() != Ability::able) return;
  group.health = Health::degraded;
  group.reasons.push_back(consensus.catching_up
                              ? "catching up: " + std::to_string(consensus.log_position.index.value) + " of " +
                                    std::to_string(consensus.heard_of.value) +
                                    " entries; restart no other member before it is in step"
                              : "not in step with its leader yet; restart no other member before it is");
}

}  // namespace

void complete(GroupStatus& group, const runtime::Snapshot& snapshot) {
  const runtime::ReplicaStatus* const replica = snapshot.replica(group.id);
  if (replica == nullptr) return;
  group.machine = replica->machine->name;
  group.consensus = replica->consensus;
  explain_consensus(group);
}

}  // namespace mosaik::api
