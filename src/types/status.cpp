#include <algorithm>
#include <utility>

#include <mosaik/types/status.hpp>

namespace mosaik {
namespace {

/// This member, and those bonded with it.
bool in_reach(const MemberStatus& member) {
  return member.state == MemberState::self || member.state == MemberState::bonded ||
         member.state == MemberState::suspect;
}

}  // namespace

Ability GroupStatus::ability() const noexcept {
  if (!consensus) return Ability::able;
  if (consensus->role == MemberRole::stopped) return Ability::stopped;
  if (std::cmp_less(std::ranges::count_if(members, in_reach), consensus->quorum_floor)) return Ability::no_quorum;
  if (!consensus->leader || consensus->role == MemberRole::candidate) return Ability::no_leader;
  const bool led = std::ranges::any_of(
      members, [&](const MemberStatus& member) { return member.id == *consensus->leader && in_reach(member); });
  return led ? Ability::able : Ability::no_leader;
}

}  // namespace mosaik
