#pragma once
/// Extensions between C++ nodes: a tagged block behind a handshake message or a Ping (docs/protocol/extensions.md).
///
/// Block = magic "mxc1" (4 bytes) || count (varint) || count x { tag (varint) || length (varint) || bytes }.
/// postcard ignores trailing bytes, so the crate never sees it. Unknown tags are skipped; a block that does not
/// parse is no block.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik::wire {

enum class ExtensionTag : std::uint32_t {
  own_entry = 1,       ///< HandshakeStart: the initiator's own signed entry
  capabilities = 2,    ///< HandshakeStart, HandshakeEnd: varint bit set, see Capability
  topology_row = 3,    ///< Ping: the sender's own row
  sentinel_offer = 4,  ///< Ping: where the receiver may open its sentinel
  opinion = 5,         ///< Ping: a question or an answer about a third member's life
  engine = 6,          ///< HandshakeStart, HandshakeEnd: what the engine of a group with a machine says to its peer
  forget = 8,          ///< Ping: an operator wants this run of a member to be forgotten
  lost_session = 7,  ///< HandshakeStart: the session of the initiator's last bond with the acceptor, which it has lost
};

struct Extension {
  ExtensionTag tag{};
  BytesView value;
};

/// At most 16 extensions a block.
inline constexpr std::size_t extensions_per_block = 16;

/// The extensions of a block; empty optional when `tail` holds none (a Rust peer).
[[nodiscard]] std::optional<std::vector<Extension>> decode_extensions(BytesView tail);
void encode_extensions(std::span<const Extension> extensions, std::vector<std::uint8_t>& out);

}  // namespace mosaik::wire
