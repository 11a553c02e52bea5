#pragma once
/// Who may lead, and in which term: roles, timers, campaigns and votes (spec: groups 6.2 to 6.5).
///
/// The mechanisms, and the failure that each prevents:
///  * *One vote a term* (durability.hpp): two leaders in one term.
///  * *Leader stickiness* (Follower::deferred): a member that has merely lost its bond with a healthy leader deposes
///  it.
///  * *Election back-off* (Backoff): a member that was denied lacks what another has, and drives the term up again and
///    again before the other's timer runs out.
///  * *Ranked fast failover* (Failover): after a proven death the group waits for an election timeout in vain, or all
///    survivors campaign at once and split the votes.
///  * *Known commit floor* (KnownCommit): a member that has forgotten or has yet to fetch what was committed elects one
///    that lacks it too.
///  * *Leader contest* (leader_contest.hpp): a leader that lacks what we have committed is followed without resistance.
///  * *Minority election delay* (membership.hpp): both halves of a partition elect at once.
///  * *Unresponsive voter*: a bonded member whose machine has failed is counted and keeps the others from electing.
///  * *Quiet period* (Leader::quiet): two lone beginners that meet overwrite the longer log with the shorter.

#include <set>

#include "base/random.hpp"
#include "consensus/dynamic/bond_events.hpp"
#include "consensus/dynamic/config.hpp"
#include "consensus/dynamic/durability.hpp"
#include "consensus/dynamic/following.hpp"
#include "consensus/dynamic/membership.hpp"
#include "consensus/dynamic/peers.hpp"
#include "consensus/dynamic/roles.hpp"

namespace mosaik::consensus {

/// What leaders with the floor have told committed, at most, and until when a member that lacks it may neither lead nor
/// be elected by us. After that no member that is heard has it, and the others must do.
class KnownCommit {
 public:
  void raise(Index index) noexcept { index_ = std::max(index_, index); }
  void renew(Mono until) noexcept { until_ = until; }
  void clear() noexcept { index_ = {}; }
  /// A log that ends at `last` lacks it, and we have not seen it committed ourselves.
  [[nodiscard]] bool exceeds(Index last, Index committed) const noexcept { return last < index_ && committed < index_; }
  [[nodiscard]] Mono until() const noexcept { return until_; }

 private:
  Index index_;
  Mono until_{};
};

class Elections {
 public:
  /// What to do when no leader was heard for long enough, or a campaign has not won.
  enum class Silence : std::uint8_t { campaign, wait, step_down };

  /// All outlive this.
  Elections(const Config& config, Rng& rng, const Log& log, const Durability& durability, const Peers& peers,
            const Membership& membership, const Following& following, const Now& now);

  // -- what this member is
  [[nodiscard]] MemberRole role() const noexcept;
  [[nodiscard]] bool leads() const noexcept { return std::holds_alternative<Leader>(role_); }
  /// It leads and may speak: its quiet period is over.
  [[nodiscard]] bool leads_aloud() const noexcept;
  [[nodiscard]] bool ended() const noexcept { return std::holds_alternative<Ended>(role_); }
  /// Itself when it leads.
  [[nodiscard]] std::optional<PeerId> leader() const;
  [[nodiscard]] bool follows(const PeerId& peer) const;
  [[nodiscard]] std::uint64_t campaigns() const noexcept { return campaigns_; }
  [[nodiscard]] Mono next_deadline() const;
  /// Why this member waits for a leader; of a follower without one and of a candidate.
  [[nodiscard]] Waiting waiting(Mono now) const;
  /// Until when it waits for a member that has the history.
  [[nodiscard]] std::optional<Mono> history_until() const;

  // -- bonds and time
  void on_bonded(const Now& now, const PeerId& peer);
  void on_gone(const PeerId& peer);
  /// The leader's bond is gone. Returns the candidate that it was preferred to.
  [[nodiscard]] std::optional<RequestVote> on_leader_gone(Loss loss, Survivors survivors);
  void on_stall(Nanoseconds late);
  [[nodiscard]] bool is_due(Mono now) const;
  [[nodiscard]] Silence on_silence(const Now& now);
  /// After a proven death of the leader: our turn comes by rank.
  void hurry(const Now& now);
  /// Our turn among members that act one after the other, behind a leader that goes first.
  [[nodiscard]] Mono turn_after_leader(const Now& now) const { return now.mono + config_.failover_stagger + stagger(); }

  // -- roles
  void follow(const Now& now, const std::optional<PeerId>& leader);
  /// The term of the next campaign; none when there are no terms left.
  [[nodiscard]] std::optional<Term> next_term() const;
  void become_candidate(const Now& now, Ticket ballot);
  void become_leader();
  void end() { role_ = Ended{}; }

  // -- votes
  [[nodiscard]] VoteDecision decide(const Now& now, const PeerId& from, const RequestVote& request) const;
  /// The candidate was denied for our leader's sake.
  void defer(const PeerId& from, const RequestVote& request);
  void on_decided(const Now& now, const RequestVote& request, Vote vote);
  void on_vote(const PeerId& from, Vote vote);
  /// The candidate's votes and its own durable one are enough.
  [[nodiscard]] bool wins() const;
  [[nodiscard]] const std::set<PeerId>& granted() const;

  // -- leaders
  /// A leader was heard: this member does not campaign for an election timeout from now on.
  void hear_leader(const Now& now);
  /// The leader of this history, with the floor, has told this much committed.
  void on_known_commit(Index index) { known_commit_.raise(index); }
  void on_history_given_up() { known_commit_.clear(); }
  void on_leader_changed() { backoff_ = Backoff::none; }
  void on_leader_followed() { failover_ = Failover::by_timeout; }

  // -- a leader
  [[nodiscard]] bool is_quiet() const;
  [[nodiscard]] bool quiet_period_over(Mono now) const;
  void end_quiet_period();
  /// Fewer than the floor were connected for an election timeout.
  [[nodiscard]] bool has_lost_floor(const Now& now);

  void check_invariants() const;

 private:
  enum class Backoff : std::uint8_t {
    none,
    outvoted,  ///< a member denied us its vote, and no leader has been heard since
  };
  enum class Failover : std::uint8_t {
    by_timeout,
    ranked,  ///< the last leader's death is proven, and no other has been heard since
  };

  template <class T>
  [[nodiscard]] T* as() {
    return std::get_if<T>(&role_);
  }
  template <class T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&role_);
  }
  [[nodiscard]] Nanoseconds draw();
  void arm(const Now& now, Follower& follower);
  [[nodiscard]] Nanoseconds stagger() const;
  [[nodiscard]] Nanoseconds deference() const;
  [[nodiscard]] bool lacks_known_commit(Mono now, Index last) const;
  [[nodiscard]] bool sticks_to_leader(const Now& now, const PeerId& from, const RequestVote& request) const;
  void note_unresponsive(const Tally& tally);

  const Config& config_;
  Rng& rng_;
  const Log& log_;
  const Durability& durability_;
  const Peers& peers_;
  const Membership& membership_;
  const Following& following_;
  const std::uint64_t slot_;
  Role role_;
  Backoff backoff_ = Backoff::none;
  Failover failover_ = Failover::by_timeout;
  KnownCommit known_commit_;
  std::set<PeerId> unresponsive_;  ///< with a floor: peers that have not answered our last request in time
  std::uint64_t campaigns_ = 0;
};

}  // namespace mosaik::consensus
