#pragma once
/// Events: what happened, in order, as plain values.

#include <chrono>
#include <cstdint>
#include <string>

#include <mosaik/export.hpp>
#include <mosaik/id.hpp>

namespace mosaik {

enum class EventKind : std::uint8_t {
  peer_discovered,  ///< peer
  peer_updated,     ///< peer
  peer_departed,    ///< peer; reason: "departed" or "stale"
  bond_up,          ///< group, peer, bond, session
  bond_down,        ///< group, peer, bond, session; by, code, reason
  suspect,          ///< peer; reason: why
  refuted,          ///< peer: it lives after all; reason: what showed it
  refused,          ///< group, peer; code, reason; by: "us" or "peer"
  bonds_changed,    ///< group: the set of own bonds is another one
  topology_changed, ///< group: the set of known bonds is another one
  online,           ///< group: every known member is bonded
  offline,          ///< group
  joined,           ///< group
  left,             ///< group
  notice,           ///< reason: what a person should know; peer, if it is about one
  lost,             ///< code: how many events a slow reader has missed here
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(EventKind kind) noexcept;

struct Event {
  EventKind kind{};
  std::uint64_t sequence = 0;    ///< ascends by one for each event of a node
  std::int64_t wall_ms = 0;      ///< Unix milliseconds
  std::int64_t mono_ns = 0;      ///< monotonic clock of this host
  PeerId peer;
  GroupId group;
  BondId bond;
  SessionId session;
  std::string by;                ///< who ended it: us, peer, reset, idle, transport, proven, presumed, link
  std::uint64_t code = 0;        ///< close code
  std::string reason;
};

}  // namespace mosaik
