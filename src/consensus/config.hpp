#pragma once
/// How one member takes part in the consensus of a group.

#include <cstdint>
#include <optional>
#include <vector>

#include <mosaik/id.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"
#include "consensus/effects.hpp"

namespace mosaik::consensus {

/// Whether a member wants to lead (spec: groups 6.2).
enum class Preference : std::uint8_t { normal, reluctant, observer };

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

struct Config {
  PeerId self;
  std::uint64_t run = 0;  ///< another in each run of this member, so that none leads in a term of an earlier one
  Nanoseconds heartbeat_interval = 500ms;
  Nanoseconds election_timeout = 2s;
  Nanoseconds election_jitter = 500ms;  ///< 0: none
  Nanoseconds bootstrap_delay = 3s;
  Nanoseconds forward_timeout = 2s;
  Nanoseconds query_timeout = 2s;
  std::uint32_t batch_size = 2000;  ///< entries of one catch-up request; part of the GroupId (spec: groups 2.4)
  Preference preference = Preference::normal;
  std::uint32_t reluctance = 3;  ///< times a reluctant follower's timer is longer; at least 1
  /// 0: none. Otherwise more than half of the members that the group is meant to have, the same at all C++ members.
  std::uint32_t quorum_floor = 0;
  /// What Remember said last; 0: never. The group may be larger than what is bonded now.
  std::uint32_t group_size = 0;
  Nanoseconds alone_after = 30s;       ///< without a floor: how long a part of a larger group waits before it elects
  Nanoseconds failover_stagger = 5ms;  ///< between members that campaign at once after a proven death
  Store store = Store::memory;
  Restored restored;
};

}  // namespace mosaik::consensus
