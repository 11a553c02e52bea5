#pragma once
/// What a member of a group is at the moment, with all that only lasts as long: a role is replaced as a whole. What a
/// leader knows of its followers: replication.hpp; what a follower knows of its leader's log: following.hpp.
///
///   Follower --silence or proven death--> Candidate --enough votes--> Leader
///      ^  ^                                   |                         |
///      |  +------- a later term, or too few are connected --------------+
///      +--------------- a leader of this term or a later one -----------+          any of them --stop--> Ended

#include <optional>
#include <variant>

#include <mosaik/types/consensus_status.hpp>

#include "base/now.hpp"
#include "consensus/dynamic/actions.hpp"
#include "consensus/dynamic/votes.hpp"

namespace mosaik::consensus {

struct Follower {
  static constexpr MemberRole role = MemberRole::follower;
  std::optional<PeerId> leader;
  Mono election_at{};
  Mono heard{};  ///< the leader, last
  /// Leader stickiness: of a candidate that was denied for the leader's sake alone, since the leader was heard. It may
  /// have known better, and is judged again when the leader is gone.
  std::optional<RequestVote> deferred;
};
struct Candidate {
  static constexpr MemberRole role = MemberRole::candidate;
  Mono retry_at{};
  Ticket ballot;  ///< our vote for ourselves counts when this is durable
  Tally tally;
};
struct Leader {
  static constexpr MemberRole role = MemberRole::leader;
  /// A lone beginner with new company: what it committed in its lone term no other member has agreed to. It sends
  /// nothing until then, so that a leader with a longer log is followed instead.
  struct QuietPeriod {
    Mono until{};    ///< since the last member that came
    Mono at_most{};  ///< since the first one
  };
  std::optional<QuietPeriod> quiet;
  Mono short_since = never;  ///< since when fewer than the floor are connected
};
struct Ended {
  static constexpr MemberRole role = MemberRole::stopped;
};
using Role = std::variant<Follower, Candidate, Leader, Ended>;

}  // namespace mosaik::consensus
