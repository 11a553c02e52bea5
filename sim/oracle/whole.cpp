// Questions about the whole mesh.

#include "sim/world/world.hpp"

namespace mosaik::sim {

std::optional<HostId> leader_of(const World& world) {
  std::optional<HostId> out;
  Term latest;
  for (const auto& [id, life] : world.truth().current()) {
    const Host& of = world.host(id);
    if (!of.program) continue;
    std::optional<Term> leads = life->leads;
    if (const RustMember* rust = of.program->rust_member(); rust != nullptr && rust->role == RustMember::Role::leader)
      leads = rust->term;
    if (!leads || (out && *leads < latest)) continue;
    out = id;
    latest = *leads;
  }
  return out;
}

namespace {

Broken why_not_bonded(const Life& one, const Life& other, const GroupId& group) {
  const auto mine = one.bonds.find({group, other.id});
  if (mine == one.bonds.end()) return one.name + " has no bond with " + other.name;
  const auto theirs = other.bonds.find({group, one.id});
  if (theirs == other.bonds.end()) return other.name + " has no bond with " + one.name;
  if (mine->second.session == theirs->second.session) return std::nullopt;
  return one.name + " and " + other.name + " hold different bonds";
}

}  // namespace

Broken why_not_whole(const World& world) {
  for (const auto& [id, one] : world.truth().current()) {
    const Host& of = world.host(id);
    if (of.wanted != (of.program != nullptr)) return of.spec.name + " should run, or should not";
    if (of.program && of.member != (of.member ? of.in_all_groups() : of.program->joined().any()))
      return of.spec.name + " should be a member, or should not";
    for (const auto& [other_id, other] : world.truth().current())
      for (const GroupId& group : world.roster().groups_of(*one, *other))
        if (Broken broken = why_not_bonded(*one, *other, group)) return broken;
    for (const auto& [key, tie] : one->bonds) {
      const Session* session = world.truth().session(tie.session);
      const Session::End* end = session->other(*one);
      if (end == nullptr || end->down) return one->name + " holds a bond with " + world.name_of(key.second) + " alone";
    }
  }
  return std::nullopt;
}

}  // namespace mosaik::sim
