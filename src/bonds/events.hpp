#pragma once
/// What bonds tell the rest of the node.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/id.hpp>

#include "base/blob.hpp"
#include "bonds/capability.hpp"
#include "identity/entry.hpp"
#include "link/link.hpp"
#include "wire/extensions.hpp"

namespace mosaik::bonds {

/// What the engine of a group says to its peer in a handshake; empty without one. Opaque to bonds.
using EnginePayload = std::vector<std::uint8_t>;

/// A bond was formed.
struct BondUp {
  PeerId peer;
  LinkId link;
  SessionId session;
  bool cpp = false;  ///< the peer speaks our extensions
  Capabilities capabilities;
  identity::EntryRef entry;
  EnginePayload engine{};
};
/// Who ended a bond.
enum class EndedBy : std::uint8_t { us, peer, departure, reset, idle, transport, proven, presumed, link, replaced };
[[nodiscard]] std::string_view to_string(EndedBy by) noexcept;

struct BondDown {
  PeerId peer;
  LinkId link;
  SessionId session;
  EndedBy by{};
  std::uint64_t code = 0;
  std::string reason;
};
/// A handshake that was refused, by us or by the peer.
struct Refused {
  PeerId peer;
  bool by_us = false;
  std::uint64_t code = 0;
};
/// The peer does not know our entry (401), or we want it to before we dial: sync, then call on_synced.
struct SyncWanted {
  PeerId peer;
  std::vector<SocketAddress> addresses;
};
/// An entry that came over a bond, verified: the catalog may want it.
struct EntryHeard {
  identity::EntryRef entry;
};
/// The peer said Departure.
struct DepartureHeard {
  PeerId peer;
};
/// A raft message, from the authenticated peer of the bond.
struct RaftHeard {
  PeerId peer;
  Blob message;
};
/// An extension behind a Ping of a C++ peer that is not about bonds.
struct ExtensionHeard {
  PeerId peer;
  LinkId link;
  wire::ExtensionTag tag{};
  std::vector<std::uint8_t> value;
};
/// The heartbeat has sent a Ping, which the peer answers at once.
struct Asked {
  PeerId peer;
  LinkId link;
};
/// A bonded peer should be probed: somebody else claims to be it, or to have replaced it.
struct ProbeWanted {
  PeerId peer;
};
/// An operator had the member forgotten, here or elsewhere.
struct ForgottenMember {
  PeerId peer;
};
/// Members, their state, or the known bonds changed.
struct MeshChanged {};
/// leave() is done.
struct MeshLeft {};

using MeshEvent = std::variant<BondUp, BondDown, Refused, SyncWanted, EntryHeard, DepartureHeard, RaftHeard,
                               ExtensionHeard, Asked, ProbeWanted, ForgottenMember, MeshChanged, MeshLeft>;

}  // namespace mosaik::bonds
