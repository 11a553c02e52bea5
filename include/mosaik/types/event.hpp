#pragma once
/// Events: what happened, in order, as plain values.

#include <chrono>
#include <cstdint>
#include <string>

#include <mosaik/export.hpp>
#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/id.hpp>

namespace mosaik {

/// Which fields of an Event have a meaning stands with each kind.
enum class EventKind : std::uint8_t {
  peer_discovered,   ///< peer
  peer_updated,      ///< peer
  peer_departed,     ///< peer; reason: "departed" or "stale"
  bond_up,           ///< group, peer, bond, session
  bond_down,         ///< group, peer, bond, session; by; code: of the close, see Event::code; reason
  suspect,           ///< peer; reason: why
  refuted,           ///< peer: it lives after all
  refused,           ///< group, peer; by: "us" or "peer"; code: close code; reason
  bonds_changed,     ///< group: the set of own bonds is another one
  topology_changed,  ///< group: the set of known bonds is another one
  online,            ///< group: every known member is bonded
  offline,           ///< group
  joined,            ///< group
  left,              ///< group
  leader_changed,    ///< group, term; peer: who leads, zero when nobody is known to
  role_changed,      ///< group, term, role: of this member
  raft_online,       ///< group: this member leads, or its log meets the leader's
  raft_offline,      ///< group
  diverged,          ///< group, peer (the leader), term, index (committed before): started over; last: the histories
                     ///< differ there, and may do so earlier: they are not compared any further
  overwritten,       ///< group, peer (the leader), index to last: acknowledged places that others' commands took
  floor_differs,     ///< group, peer; code: that member's quorum floor, which is not ours
  stopped,           ///< group, reason: the machine failed; nothing but leaving the group helps
  notice,            ///< reason: what a person should know; peer, if it is about one
  lost,              ///< code: how many events a slow reader has missed here
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(EventKind kind) noexcept;

/// Something that happened. `sequence` has no gaps but those that a `lost` event counts, or, beyond 65,536 events
/// in one turn of the loop, NodeStatus::dropped. A `lost` event has no number or time of its own: its `sequence`,
/// `wall_ms` and `mono_ns` are 0.
struct Event {
  EventKind kind{};
  std::uint64_t sequence = 0;  ///< ascends by one for each event of a node
  std::int64_t wall_ms = 0;    ///< Unix milliseconds
  std::int64_t mono_ns = 0;    ///< monotonic clock of this host
  PeerId peer;
  GroupId group;
  BondId bond;
  SessionId session;
  /// Who or what ended a bond: us, peer, departure (it said goodbye), reset (stateless), idle, transport (a QUIC
  /// error), proven, presumed, link (docs/RELIABILITY.md), replaced (by the peer's next run).
  std::string by;
  /// Of bond_down and refused the close code (spec: groups 3.3), or the QUIC error when `by` is transport; of others
  /// what stands with the kind.
  std::uint64_t code = 0;
  std::string reason;
  MemberRole role{};
  Term term;
  Index index;
  Index last;
};

}  // namespace mosaik
