#pragma once
/// The timing of a group.

#include <chrono>
#include <cstdint>

namespace mosaik {

/// The three heartbeat settings are part of the GroupId: members with others are another group (spec: groups 2.3).
/// The election settings are not.
struct ConsensusConfig {
  std::chrono::milliseconds heartbeat_interval{500};
  std::chrono::milliseconds heartbeat_jitter{150};  ///< 0 is legal: no jitter
  std::uint32_t max_missed_heartbeats = 10;
  std::chrono::milliseconds election_timeout{2000};
  std::chrono::milliseconds election_timeout_jitter{500};
  std::chrono::milliseconds bootstrap_delay{3000};
};

}  // namespace mosaik
