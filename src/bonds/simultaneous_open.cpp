// Of two connections that cross exactly one becomes the bond: the law stands in mesh.hpp (docs/protocol/groups.md 3.6).

#include "base/limits.hpp"
#include "base/probe.hpp"
#include "bonds/mesh.hpp"

namespace mosaik::bonds {

// The tie-break. Before our HandshakeStart is out nobody has heard of our attempt. A Rust peer knows no rule: what is
// out stands until it has failed. Of two C++ peers the one with the lower id opens.
bool Mesh::attempt_stands(const Member& member, const Arrival& arrival) const {
  return member.attempt->start_sent && (!arrival.cpp || self_.id() < arrival.peer);
}

void Mesh::yield_to_arrival(const Step& step, Member& member) {
  MOSAIK_PROBE("bonds.attempt_yields_to_arrival");
  // Not 102: should the other end have answered ours in this moment, that must not look like a departure.
  drop_attempt(step, member, CloseCode::already_bonded);
}

void Mesh::hold(const Step& step, Member& member, const Arrival& arrival) {
  if (member.held.size() >= limits::held_handshakes) return refuse(step, arrival, CloseCode::already_bonded);
  MOSAIK_PROBE("bonds.handshake_held");
  member.held.push_back(arrival);
  links_[arrival.link] = {member.id, Role::held};
}

void Mesh::answer_held(const Step& step, Member& member) {
  // The newest is the one whose sender is most likely still waiting. None stays behind: a member with a held handshake
  // is not dialed.
  while (!member.held.empty() && !member.bond && !member.attempt) {
    const Arrival arrival = std::move(member.held.back());
    member.held.pop_back();
    links_.erase(arrival.link);
    accept(step, arrival);
  }
  if (member.bond) refuse_held(step, member, CloseCode::already_bonded);
}

void Mesh::refuse_held(const Step& step, Member& member, CloseCode code) {
  for (const Arrival& arrival : member.held) {
    links_.erase(arrival.link);
    refuse(step, arrival, code);
  }
  member.held.clear();
}

}  // namespace mosaik::bonds
