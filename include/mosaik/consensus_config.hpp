#pragma once
/// The timing of a group.

#include <chrono>
#include <cstdint>

namespace mosaik {

/// The three heartbeat settings are part of the GroupId: members with others are another group (spec: groups 2.3).
/// The election settings are not.
struct ConsensusConfig {
  std::chrono::milliseconds heartbeat_interval{500};  ///< a Ping at the latest so long after the last one
  std::chrono::milliseconds heartbeat_jitter{150};    ///< or up to this much sooner; 0 is legal: no jitter
  /// A bond whose Pings stayed unanswered so often is closed: the last resort, long after the verdict of the failure
  /// detector (docs/RELIABILITY.md).
  std::uint32_t max_missed_heartbeats = 10;
  std::chrono::milliseconds election_timeout{2000};        ///< without a word of a leader: stand for election
  std::chrono::milliseconds election_timeout_jitter{500};  ///< and up to this much later, drawn anew each time
  std::chrono::milliseconds bootstrap_delay{3000};         ///< added before the group's first term (spec: groups 6.2)
};

}  // namespace mosaik
