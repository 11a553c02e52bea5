#pragma once
/// What the node and the runtime say to one another about sentinels (sentinels.hpp).

#include <compare>
#include <cstdint>

#include <mosaik/types/address.hpp>
#include <mosaik/types/bytes.hpp>

namespace mosaik::detector {

/// Names a sentinel; never used again.
struct SentinelId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const SentinelId&, const SentinelId&) noexcept = default;
};

/// The TCP ports where this process listens for sentinels; 0: it does not, for that family.
struct SentinelPorts {
  std::uint16_t v4 = 0;
  std::uint16_t v6 = 0;
};

/// Somebody who shows this token is to be let in, once; on_sentinel_opened or on_sentinel_ended follows.
struct ExpectSentinel {
  SentinelId id;
  Bytes32 token{};
};
/// Connect and show the token; on_sentinel_opened or on_sentinel_ended follows.
struct DialSentinel {
  SentinelId id;
  SocketAddress remote;
  Bytes32 token{};
};
/// Close it, or expect it no longer. Nothing follows.
struct CloseSentinel {
  SentinelId id;
};

enum class SentinelEnd : std::uint8_t {
  finished,  ///< the other end's kernel sent a FIN: nobody there holds the connection any more
  broken,    ///< a reset or a timeout, which somebody on the way can have made as well
  failed,    ///< it was never open
};

}  // namespace mosaik::detector
