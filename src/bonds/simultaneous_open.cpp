// Of two connections that cross exactly one becomes the bond: the law stands in mesh.hpp (docs/protocol/groups.md 3.6).

#include "base/code_probe.hpp"
#include "base/limits.hpp"
#include "bonds/mesh.hpp"

namespace mosaik::bonds {

// The tie-break. Before our HandshakeStart is out nobody has heard of our attempt. A Rust peer knows no rule: what is
// out stands until it has failed. Of two C++ peers the one with the lower id opens.
bool Mesh::attempt_stands(const Member& member, const IncomingHandshake& arrival) const {
  return member.attempt->start_sent && (!arrival.cpp || self_.id() < arrival.peer);
}

void Mesh::yield_to_arrival(const MeshContext& step, Member& member) {
  MOSAIK_CODE_PROBE("bonds.attempt_yields_to_arrival");
  // Not 102: should the other end have answered ours in this moment, that must not look like a departure.
  drop_attempt(step, member, CloseCode::already_bonded);
}

void Mesh::hold(const MeshContext& step, Member& member, const IncomingHandshake& arrival) {
  if (member.held.size() >= limits::held_handshakes) return refuse(step, arrival, CloseCode::already_bonded);
  MOSAIK_CODE_PROBE("bonds.handshake_held");
  member.held.push_back(arrival);
  links_[arrival.link] = {member.id, Role::held};
}

void Mesh::answer_held(const MeshContext& step, Member& member) {
  // The newest is the one whose sender is most likely still waiting. None stays behind: a member with a held handshake
  // is not dialed.
  while (!member.held.empty() && !member.bond && !member.attempt) {
    const IncomingHandshake arrival = std::move(member.held.back());
    member.held.pop_back();
    links_.erase(arrival.link);
    accept(step, arrival);
  }
  if (member.bond) refuse_held(step, member, CloseCode::already_bonded);
}

void Mesh::refuse_held(const MeshContext& step, Member& member, CloseCode code) {
  for (const IncomingHandshake& arrival : member.held) {
    links_.erase(arrival.link);
    refuse(step, arrival, code);
  }
  member.held.clear();
}

}  // namespace mosaik::bonds
