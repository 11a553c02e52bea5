#pragma once
/// What the node and the runtime say to one another about canaries (canaries.hpp).

#include <compare>
#include <cstdint>

#include <mosaik/address.hpp>
#include <mosaik/bytes.hpp>

namespace mosaik::node {

/// Names a canary; never used again.
struct CanaryId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const CanaryId&, const CanaryId&) noexcept = default;
};

/// The TCP ports where this process listens for canaries; 0: it does not, for that family.
struct CanaryPorts {
  std::uint16_t v4 = 0;
  std::uint16_t v6 = 0;
};

/// Somebody who shows this token is to be let in, once; on_canary_opened or on_canary_ended follows.
struct ExpectCanary {
  CanaryId id;
  Bytes32 token{};
};
/// Connect and show the token; on_canary_opened or on_canary_ended follows.
struct DialCanary {
  CanaryId id;
  SocketAddress remote;
  Bytes32 token{};
};
/// Close it, or expect it no longer. Nothing follows.
struct CloseCanary {
  CanaryId id;
};

enum class CanaryEnd : std::uint8_t {
  finished,  ///< the other end's kernel sent a FIN: nobody there holds the connection any more
  broken,    ///< a reset or a timeout, which somebody on the way can have made as well
  failed,    ///< it was never open
};

}  // namespace mosaik::node
