#pragma once
/// The extensions that this room puts behind handshakes and Pings (docs/protocol/extensions.md).

#include <optional>
#include <vector>

#include "bonds/capability.hpp"
#include "bonds/events.hpp"
#include "identity/entry.hpp"
#include "wire/extensions.hpp"

namespace mosaik::bonds {

/// Bytes that an engine says in a handshake; longer: ignored.
inline constexpr std::size_t engine_payload_bytes = 256;

/// What the tail of a handshake held.
struct ExtensionBlock {
  bool present = false;  ///< there was a block: the peer is a C++ node
  Capabilities capabilities;
  EnginePayload engine{};                                ///< of a member with an engine
  identity::EntryRef own_entry;                          ///< verified; empty when missing or wrong
  std::optional<SessionId> lost_session = std::nullopt;  ///< of its last bond with us, which it has no more
};

[[nodiscard]] ExtensionBlock read_tail(BytesView tail, identity::Verifier& verifier);
/// The block behind HandshakeStart and HandshakeEnd.
[[nodiscard]] std::vector<std::uint8_t> handshake_tail(const identity::EntryRef& own_entry,
                                                       Capabilities capabilities = own_capabilities,
                                                       BytesView engine = {},
                                                       std::optional<SessionId> lost_session = std::nullopt);

}  // namespace mosaik::bonds
