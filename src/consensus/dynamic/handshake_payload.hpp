#pragma once
/// What an engine says to its peer's in the handshake of a bond: its quorum floor (docs/protocol/extensions.md, tag 6).
/// Bonds carry the bytes and do not read them.

#include <cstdint>
#include <optional>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik::consensus {

/// `quorum_floor`: 0 for none.
[[nodiscard]] std::vector<std::uint8_t> encode_handshake_payload(std::uint32_t quorum_floor);
/// Empty when the peer has no engine, or says what no group can have.
[[nodiscard]] std::optional<std::uint32_t> decode_handshake_payload(BytesView payload);

}  // namespace mosaik::consensus
