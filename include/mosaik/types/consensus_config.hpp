#pragma once
/// The timing of a group.

#include <chrono>
#include <cstdint>

namespace mosaik {

/// The three heartbeat settings are part of the GroupId: members with others are another group (spec: groups 2.3).
/// The election settings are not. join() refuses what is out of the ranges given here.
struct ConsensusConfig {
  /// A Ping at the latest so long after the last one; 10 ms to 60 s.
  std::chrono::milliseconds heartbeat_interval{500};
  /// Or up to this much sooner; from 0, which is no jitter, to the interval.
  std::chrono::milliseconds heartbeat_jitter{150};
  /// A bond whose Pings stayed unanswered so often is closed: the last resort, long after the verdict of the failure
  /// detector (docs/RELIABILITY.md). At least 1.
  std::uint32_t max_missed_heartbeats = 10;
  std::chrono::milliseconds election_timeout{2000};  ///< without a word of a leader: stand for election; at least 10 ms
  std::chrono::milliseconds election_timeout_jitter{500};  ///< and up to this much later, drawn anew each time; not < 0
  std::chrono::milliseconds bootstrap_delay{3000};  ///< added before the group's first term (spec: groups 6.2); not < 0
};

}  // namespace mosaik
