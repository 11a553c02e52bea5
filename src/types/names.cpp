#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/status.hpp>

// The words that people and programs read; they are part of the command's and the control socket's contract.
namespace mosaik {

std::string_view to_string(BondState state) noexcept {
  switch (state) {
    case BondState::own: return "own";
    case BondState::both_ends: return "both_ends";
    case BondState::one_sided: return "one_sided";
    case BondState::as_reported: return "as_reported";
  }
  return "unknown";
}

std::string_view to_string(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::peer_discovered: return "peer_discovered";
    case EventKind::peer_updated: return "peer_updated";
    case EventKind::peer_departed: return "peer_departed";
    case EventKind::bond_up: return "bond_up";
    case EventKind::bond_down: return "bond_down";
    case EventKind::suspect: return "suspect";
    case EventKind::refuted: return "refuted";
    case EventKind::refused: return "refused";
    case EventKind::bonds_changed: return "bonds_changed";
    case EventKind::topology_changed: return "topology_changed";
    case EventKind::online: return "online";
    case EventKind::offline: return "offline";
    case EventKind::joined: return "joined";
    case EventKind::left: return "left";
    case EventKind::leader_changed: return "leader_changed";
    case EventKind::role_changed: return "role_changed";
    case EventKind::raft_online: return "raft_online";
    case EventKind::raft_offline: return "raft_offline";
    case EventKind::diverged: return "diverged";
    case EventKind::overwritten: return "overwritten";
    case EventKind::floor_differs: return "floor_differs";
    case EventKind::stopped: return "stopped";
    case EventKind::notice: return "notice";
    case EventKind::lost: return "lost";
  }
  return "unknown";
}

std::string_view to_string(Health health) noexcept {
  switch (health) {
    case Health::healthy: return "healthy";
    case Health::degraded: return "degraded";
  }
  return "unknown";
}

std::string_view to_string(MemberState state) noexcept {
  switch (state) {
    case MemberState::self: return "self";
    case MemberState::bonded: return "bonded";
    case MemberState::suspect: return "suspect";
    case MemberState::missing: return "missing";
    case MemberState::dead: return "dead";
    case MemberState::unreachable: return "unreachable";
    case MemberState::refused: return "refused";
    case MemberState::departed: return "departed";
  }
  return "unknown";
}

std::string_view to_string(Ability ability) noexcept {
  switch (ability) {
    case Ability::able: return "able";
    case Ability::no_leader: return "no_leader";
    case Ability::no_quorum: return "no_quorum";
    case Ability::stopped: return "stopped";
  }
  return "unknown";
}

std::string_view to_string(MemberRole role) noexcept {
  switch (role) {
    case MemberRole::follower: return "follower";
    case MemberRole::candidate: return "candidate";
    case MemberRole::leader: return "leader";
    case MemberRole::stopped: return "stopped";
  }
  return "unknown";
}

}  // namespace mosaik
