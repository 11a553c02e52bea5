#pragma once
/// What the engine is told of bonds.

#include <cstdint>
#include <functional>
#include <optional>

#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

/// Who is at the other end of a bond.
struct PeerFacts {
  bool cpp = false;
  std::optional<std::uint32_t> floor;  ///< of a C++ peer, if it told
};
/// How a bond ended.
enum class Loss : std::uint8_t {
  departed,  ///< it said goodbye: it is no member any more
  proven,    ///< it is dead: an authenticated close, a stateless reset, the sentinel
  presumed,  ///< silence; it may live behind a partition
};
/// What the topology says of those that are left when a bond ends.
enum class Survivors : std::uint8_t {
  clique,  ///< each two of those bonded with us are bonded with each other, as far as is known
  other,
};

/// Whether nothing that was sent to the peer with this urgency waits in our own queues any more.
using QueueEmpty = std::function<bool(const PeerId&, Urgency)>;

}  // namespace mosaik::consensus
