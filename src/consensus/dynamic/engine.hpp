#pragma once
/// consensus: members of a group that agree on one log of commands: the `dynamic` engine, the crate's Raft message for
/// message (docs/protocol/groups.md 5, 6), hardened wherever that does not show on the wire (11).
///
/// One Engine a group with a machine. In come: bonds that form and end, raft messages of their authenticated
/// peers, calls, what the machine and the disk have done, and time. Out come Actions (actions.hpp). It knows no links,
/// no entries, no machine: commands, queries and answers are opaque bytes.
///
/// One step: any number of inputs, then `settle`, then `take_actions`. What is appended and answered leaves in settle,
/// so that everything that came in together travels together.
///
/// Life of a member. *Follower*: hears a leader, appends, acknowledges; when its log does not meet the leader's it is
/// offline and fetches what it lacks from the leader (catch_up.hpp). *Candidate*: after silence, or at once when the
/// leader's death is proven, asks all bonded members. *Leader*: appends commands, counts acknowledgements, commits.
///
/// Laws.
///  * No two C++ members campaign in one term (terms.hpp). One vote a term; an abstention counts as one.
///  * A follower follows one leader a term; ids in messages are those of the bond that they came over.
///  * Committed entries are never truncated. A leader that lacks what we have committed is contested: our own
///    leader campaigns at once, we a little later if it has not, and with the others' help it gets what it lacks. If
///    it prevails, this member says Diverged, resets its machine and starts over from the leader's history: no member
///    shows values that its leader's log does not give.
///  * A Rust member panics on repeated, skipped or resent entries while it catches up (docs/protocol/groups.md 11.2).
///    It gets, on each bond, strictly consecutive entries; repairs only as the first message of a new bond, from its
///    last acknowledgement; resent entries (read confirmations) only when it has acknowledged the newest on this bond.
///  * Every call ends: by its deadline at the latest, and says committed, certainly not applied, or unknown. Committed
///    means that the entry at that index was compared with the command.
///  * With a floor of n (Config::quorum_floor): a candidate wins only when granted + abstained reach n (an abstainer
///    is not ahead); a leader commits only entries of its own term with n distinct acknowledgements, and steps down
///    when fewer than n were connected for an election timeout; strong reads wait for n confirmations. Under a Rust
///    leader the floor gates what calls are told, never what is applied.
///  * Without one, quorums are relative to who is connected, as in the crate, with three differences: two members
///    need both acknowledgements; less than half of the largest group seen (a lone member of two: less than all) waits
///    `alone_after` before it elects, unless departures explain the rest; and a leader that lost everybody by mere
///    silence commits alone only after that time.
///
/// A lone beginner. A member that never had company elects itself in a lone term, as the crate's do. When company comes
/// it keeps silent for two heartbeats: a leader with a longer log is followed instead, and only then it takes a new
/// term and leads the newcomers.
///
/// The parts. Each owns its fields and knows of the others only what it was given; whatever concerns several of them
/// happens here, in engine.cpp (inputs, steps) and transitions.cpp (roles, leaders, votes).
///
///     Durability  term, vote, what the disk has          Replication         what followers have, commit rule
///     Elections, LeaderContest  roles, timers, votes     Provider            serves members that catch up
///     Membership  size of the group, minority delay      Following, CatchUp  our log against the leader's
///     Calls, Reads  calls and queries until they end     MachineFeed         what the machine has
///     Outbox      what is to be done                     Notices             what was told
///
/// Limits: base/limits.hpp, "consensus". Deterministic: the same inputs and seed give the same actions.

#include <span>

#include "consensus/dynamic/calls.hpp"
#include "consensus/dynamic/leader_contest.hpp"
#include "consensus/dynamic/provider.hpp"
#include "consensus/dynamic/reads.hpp"
#include "consensus/dynamic/terms.hpp"

namespace mosaik::consensus {

class Engine {
 public:
  /// `pool` outlives this and all frames.
  Engine(Config config, FramePool& pool, Rng rng, const Now& now);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // -- bonds. A bond that replaces another: on_gone (proven), then on_bonded.
  void on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts);
  void on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors);
  /// One raft message: the bytes behind the variant index of the bond message. Errors: malformed.
  [[nodiscard]] Result<> on_message(const Now& now, const PeerId& from, const Blob& message);

  /// A bond message of the peer that begins with these bytes has grown and is not complete. A long one of the leader,
  /// on a slow path, is heard as long as it comes: what the leader would say besides waits behind it.
  void on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head);

  /// What has become of the answers to those who catch up; before settle. A peer whose answer waits gets no other one.
  void on_queues(const QueueEmpty& empty) { provider_.on_queues(empty); }

  /// Begins a call; it ends with exactly one Answer, at `deadline` at the latest.
  void call(const Now& now, CallId id, Call call, Mono deadline);

  // -- the machine
  /// Commands of `epoch` are applied up to `index`; those of an earlier epoch do not count.
  void on_applied(const Now&, Epoch epoch, Index index) { feed_.on_applied(epoch, index); }
  void on_answered(const Now&, QueryId query, const Result<Blob>& answer) { reads_.on_answered(query, answer); }

  // -- the disk
  void on_persisted(const Now& now, Ticket ticket);
  /// Ends voting, acknowledging and leading for good: the engine stops.
  void on_persist_failed(const Now& now, std::string_view why) { stop(now, why); }

  // -- time and ends
  /// Our own loop came `late` too late, and much: that time was no peer's silence. Before on_timer.
  void on_stall(Nanoseconds late) { elections_.on_stall(late); }
  void on_timer(const Now& now);
  [[nodiscard]] Mono next_deadline() const;
  /// Answers all calls; nothing is sent any more. For a machine that failed, or a group that is left.
  void stop(const Now& now, std::string_view reason);

  /// Ends a step.
  void settle(const Now& now);
  [[nodiscard]] std::vector<Action> take_actions() { return outbox_.take(); }

  [[nodiscard]] ConsensusStatus status() const;
  /// The log, for tests, simulation and the store.
  [[nodiscard]] const Log& log() const noexcept { return log_; }

  /// Runs after each step by itself.
  void check_invariants() const;

 private:
  // engine.cpp
  void execute(const Now& now, CallId id, Execute& call, Mono deadline);
  /// What is left to say when the engine has ended and its bonds have not.
  Result<> stand_by(const PeerId& from, const Blob& bytes);
  void give_up_memory(const Now& now);
  void seek_leader(const Now& now);
  void advance_catch_up(const Now& now);
  void lead(const Now& now);
  void on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response);
  void on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range);
  [[nodiscard]] Provider::Offer offer() const;

  // transitions.cpp
  /// Whether a message of this term counts; a later term is joined.
  [[nodiscard]] bool heeds(const Now& now, Term term);
  void become_follower(const Now& now, Term term, const std::optional<PeerId>& leader);
  void campaign(const Now& now);
  void become_leader(const Now& now, const std::set<PeerId>& granted);
  /// This member leads no more, or in another term.
  void end_leadership();
  void on_silence(const Now& now);
  void on_leader_gone(const Now& now, Loss loss, Survivors survivors);
  void on_request_vote(const Now& now, const PeerId& from, const RequestVote& request);
  void count_votes(const Now& now);
  void end_quiet_period(const Now& now);
  void on_append_entries(const Now& now, const PeerId& from, AppendEntries& append);
  /// Of a lone beginner that has new company; true when the message is dealt with.
  [[nodiscard]] bool on_rival_while_quiet(const Now& now, const PeerId& from, const AppendEntries& append);
  /// A leader that we do not follow yet, in our term or a later one.
  void on_new_leader(const Now& now, const PeerId& from, AppendEntries& append);
  /// A campaign against the leader of that term.
  void contest(const Now& now, Term term);
  void follow(const Now& now, const PeerId& from, AppendEntries& append);
  /// What we have committed is not in the leader's history: this member begins anew.
  void start_over(const PeerId& leader, Index first_difference);
  void set_leader(const std::optional<PeerId>& leader);

  Outbox outbox_;
  Log log_;
  const Config config_;
  Rng rng_;
  Durability durability_;
  MachineFeed feed_;
  Peers peers_;
  Membership membership_;
  Provider provider_;
  Following following_;
  Elections elections_;
  LeaderContest contest_;
  Replication replication_;
  Notices notices_;
  ByteBudget kept_{limits::forwarded_bytes};  ///< commands and queries that are kept for a leader
  Calls calls_;
  Reads reads_;
  std::uint64_t diverged_ = 0;
};

}  // namespace mosaik::consensus
