#pragma once
/// The extensions that this room puts behind handshakes and Pings (docs/protocol/extensions.md).

#include <optional>
#include <vector>

#include "codec/extensions.hpp"
#include "identity/entry.hpp"

namespace mosaik::bonds {

/// Bits of the capabilities extension.
enum class Capability : std::uint64_t {
  topology_rows = 1,  ///< sends its topology row behind Pings, understands ours
};

/// What the tail of a handshake held.
struct Tail {
  bool present = false;              ///< there was a block: the peer is a C++ node
  std::uint64_t capabilities = 0;
  identity::EntryRef own_entry;      ///< verified; empty when missing or wrong

  [[nodiscard]] bool can(Capability capability) const noexcept { return (capabilities & static_cast<std::uint64_t>(capability)) != 0; }
};

[[nodiscard]] Tail read_tail(BytesView tail, identity::Verifier& verifier);
/// The undecoded topology row behind a Ping; nothing else that may be there is looked at.
[[nodiscard]] std::optional<BytesView> read_row_tail(BytesView tail);

/// The block behind HandshakeStart and HandshakeEnd.
[[nodiscard]] std::vector<std::uint8_t> handshake_tail(const identity::EntryRef& own_entry);
/// The block behind a Ping.
[[nodiscard]] std::vector<std::uint8_t> row_tail(BytesView row);

}  // namespace mosaik::bonds
