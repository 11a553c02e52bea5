#pragma once
/// PeerEntry: what a node tells others about itself. Plain data; its bytes are in docs/protocol/discovery.md.

#include <mosaik/export.hpp>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>

namespace mosaik {

/// Version of an entry, Unix milliseconds. Newer means greater in the order (started, updated) (spec: discovery 1.7).
struct EntryVersion {
  std::int64_t started = 0;  ///< when the process made its entry: names the run (the incarnation)
  std::int64_t updated = 0;  ///< the last change, or the last refresh

  friend constexpr auto operator<=>(const EntryVersion&, const EntryVersion&) noexcept = default;
};

/// A relay's URL in its normal WHATWG form, e.g. `https://relay.example/`. Kept and passed on, not dialed.
struct RelayAddress {
  std::string url;
  friend auto operator<=>(const RelayAddress&, const RelayAddress&) = default;
};

/// An address of a transport that this node does not know. Kept and passed on.
struct CustomAddress {
  std::uint64_t transport = 0;
  std::vector<std::uint8_t> data;
  friend auto operator<=>(const CustomAddress&, const CustomAddress&) = default;
};

/// Ordered: relays, then sockets (IPv4 before IPv6), then custom.
using TransportAddress = std::variant<RelayAddress, SocketAddress, CustomAddress>;

/// A credential that a peer shows to others. Kept and passed on; nothing here checks it.
struct Ticket {
  Digest id;    ///< the key in the entry's map
  Digest kind;  ///< the ticket class
  std::vector<std::uint8_t> data;
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

/// What a node says of itself. All lists ascend strictly; the bytes that are signed are docs/protocol/discovery.md 1.
struct PeerEntry {
  std::string protocol;  ///< SemVer text of the sender's mosaik, a label only
  NetworkId network;
  EntryVersion version;
  PeerId id;  ///< whose entry it is, and whose key signs it
  std::vector<TransportAddress> addresses;
  std::vector<Tag> tags;  ///< labels; for people and programs, not for mosaik
  std::vector<StreamId> streams;
  std::vector<FunctionId> functions;
  std::vector<GroupId> groups;
  std::vector<Ticket> tickets;

  friend bool operator==(const PeerEntry&, const PeerEntry&) = default;

  /// The socket addresses only, in order.
  [[nodiscard]] std::vector<SocketAddress> sockets() const {
    std::vector<SocketAddress> out;
    for (const TransportAddress& address : addresses)
      if (const auto* socket = std::get_if<SocketAddress>(&address)) out.push_back(*socket);
    return out;
  }
};

}  // namespace mosaik
