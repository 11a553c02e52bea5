#pragma once
/// How one member takes part in the consensus of a group.

#include <cstdint>
#include <optional>
#include <vector>

#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/id.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"
#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

/// Where the hard state and the log live.
enum class Store : std::uint8_t {
  memory,   ///< nowhere else: no Persist is emitted
  durable,  ///< Persist is emitted, and waited for
};

/// What a durable store gave back at the start.
struct Restored {
  Term term;
  std::optional<Ballot> ballot;
  std::vector<Entry> entries;
};

/// So many times longer waits a reluctant follower (spec: groups 6.2).
inline constexpr unsigned reluctance = 3;

/// What a member decides that joins a group, besides its timing (ConsensusConfig). node::MachineSpec and
/// runtime::MachineSetup are it, with what they add: its defaults stand here alone.
struct Participation {
  /// Entries of one catch-up request; part of the GroupId (spec: groups 2.4).
  std::uint32_t batch_size = limits::catch_up_batch;
  Preference preference = Preference::normal;
  /// 0: none. Otherwise more than half of the members that the group is meant to have, the same at all C++ members.
  std::uint32_t quorum_floor = 0;
  /// Bytes of memory that the log may take (each entry counts limits::log_entry besides its command).
  std::size_t log_bytes = limits::log_bytes;
  Nanoseconds alone_after = 30s;  ///< without a floor: how long a part of a larger group waits before it elects
};

struct Config : Participation {
  PeerId self;
  std::uint64_t run = 0;  ///< another in each run of this member, so that none leads in a term of an earlier one
  Nanoseconds heartbeat_interval = ConsensusConfig{}.heartbeat_interval;
  Nanoseconds election_timeout = ConsensusConfig{}.election_timeout;
  Nanoseconds election_jitter = ConsensusConfig{}.election_timeout_jitter;  ///< 0: none
  Nanoseconds bootstrap_delay = ConsensusConfig{}.bootstrap_delay;
  Nanoseconds forward_timeout = 2s;
  Nanoseconds query_timeout = 2s;
  Nanoseconds failover_stagger = 5ms;  ///< between members that campaign at once after a proven death
  /// What Remember said last; 0: never. The group may be larger than what is bonded now.
  std::uint32_t group_size = 0;
  Store store = Store::memory;
  Restored restored;
};

}  // namespace mosaik::consensus
