#pragma once
/// What holds in the whole world, and whether faults may begin.

#include <mosaik/types/consensus_config.hpp>

#include "base/limits.hpp"
#include "discovery/config.hpp"
#include "sim/world/network.hpp"

namespace mosaik::sim {

enum class Tier : std::uint8_t { links, quic };

inline constexpr std::size_t usual_inbox = 1024;

struct Knobs {
  Tier tier = Tier::links;
  ConsensusConfig timing;
  discovery::Config discovery;   ///< staleness and refresh
  Nanoseconds turn_cost = 20us;  ///< of every turn, plus
  Nanoseconds datagram_cost = 8us;
  Nanoseconds verification_cost = 200us;
  Nanoseconds handshake_least = 300us;
  Nanoseconds handshake_most = 1ms;
  std::size_t inbox = usual_inbox;  ///< datagrams that a socket holds
  std::size_t datagrams_a_turn = limits::datagrams_per_step;
  bool sentinels = false;        ///< processes may have TCP connections
  bool icmp_budget = false;      ///< Linux tells one host six times at once that nobody is there, and once a second
  bool port_unreachable = true;  ///< the system of a host whose process is gone says so
  Ppm buggify = 0;               ///< chance that a rare branch at the seam of the node is taken (buggy_transport.hpp)
  bool decisions = false;        ///< the trace keeps what the nodes decide
};

/// War, until it is over: faults begin.
class Peace {
 public:
  void make() noexcept { at_war_ = false; }
  [[nodiscard]] const bool& at_war() const noexcept { return at_war_; }
  void note_fault() noexcept { touched_ = true; }
  [[nodiscard]] bool touched() const noexcept { return touched_; }

 private:
  bool at_war_ = true;
  bool touched_ = false;
};

}  // namespace mosaik::sim
