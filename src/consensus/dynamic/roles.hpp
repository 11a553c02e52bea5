#pragma once
// What a member of a group is at the moment, with all that only lasts as long: a role is replaced as a whole. Private
// to the room.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "consensus/dynamic/catch_up.hpp"
#include "consensus/dynamic/contributions.hpp"
#include "consensus/dynamic/dialect.hpp"
#include "consensus/dynamic/engine.hpp"

namespace mosaik::consensus {

/// A bonded peer, as the engine sees it. What a leader counts is of this bond and this term only.
struct Bonded {
  explicit Bonded(Dialect of) : dialect(of) {}

  Dialect dialect;
  bool in_sync = false;       ///< its acknowledgements count: it granted us or has acknowledged on this bond
  bool proved = false;        ///< it has acknowledged on this bond, in this term
  Index acked;                ///< all up to here is in its log
  Index placed;               ///< all up to here was sent to it
  Mono behind_since = never;  ///< since when it owes an acknowledgement
  bool observes = false;      ///< it is in step and wants no vote
  bool mute = false;          ///< it has not answered our last RequestVote, and there was time for it
  Mono grace_until{};         ///< without a floor: until then it counts as a voter though it has not acknowledged
  bool greet = false;         ///< the bond is new: nothing was sent on it
  std::uint64_t asked = 0;    ///< C++: AppendEntries sent; it answers each
  std::uint64_t answered = 0;
  std::uint64_t repairs = 0;  ///< Rust: answers that repairs will bring
  bool probing = false;       ///< Rust: the next answer, after those of repairs, confirms reads up to `probe`
  std::uint64_t probe = 0;
};

/// A strong read that waits until enough members have confirmed that we still lead.
struct Confirmation {
  std::uint64_t number = 0;
  bool fresh = true;  ///< nobody was asked yet
  std::vector<std::uint64_t> queries;
  std::map<PeerId, std::uint64_t> marks;  ///< C++ peers: how many answers confirm
  std::set<PeerId> confirmed;
};

struct Follower {
  static constexpr MemberRole role = MemberRole::follower;
  std::optional<PeerId> leader;
  Mono election_at{};
  bool accepted = false;  ///< the leader's log has met ours
  std::optional<CatchUp> session;
  Index leader_commit;
  Mono heard{};  ///< the leader, last
  /// Of a candidate that was denied for the leader's sake alone, since the leader was heard: it may have known better.
  std::optional<RequestVote> put_off;
  /// A leader of a later term that lacks what we have committed, and when we contest it if our leader has not.
  struct Rival {
    Term term;
    Mono contest_at{};
  };
  std::optional<Rival> rival;
};
struct Candidate {
  static constexpr MemberRole role = MemberRole::candidate;
  Mono retry_at{};
  Ticket ballot;  ///< our vote for ourselves counts when this is durable
  std::set<PeerId> requested;
  std::set<PeerId> granted;
  std::set<PeerId> abstained;
  std::set<PeerId> denied;
};
struct Leader {
  static constexpr MemberRole role = MemberRole::leader;
  Mono heartbeat_at{};
  Index elected_at;                ///< the last entry at the election
  Index broadcast;                 ///< entries up to here were sent to all
  Index told_commit;               ///< the commit index that the others have been told
  bool told = true;                ///< an AppendEntries went to all in this step
  Mono silent_until = never;       ///< a lone beginner with new company keeps silent until then
  Mono silence_ends = never;       ///< at the latest
  Mono short_since = never;        ///< since when fewer than the floor are connected
  std::map<PeerId, Index> former;  ///< acknowledged on bonds that broke in this term
  /// Rust members whose bond broke, in this term, while they may have been catching up.
  std::set<PeerId> doubtful;
  Contributions contributions;  ///< of the other members
  std::vector<Confirmation> confirmations;
  std::uint64_t next_confirmation = 0;
};
struct Ended {
  static constexpr MemberRole role = MemberRole::stopped;
};

}  // namespace mosaik::consensus
