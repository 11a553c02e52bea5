#pragma once
// The body of Engine: the one place where its parts meet. Each part owns its fields and knows of the others only what
// it was given; whatever concerns several of them happens here, in engine.cpp (inputs, steps) and transitions.cpp
// (roles, leaders, votes).
//
//   Durability  term, vote, what the disk has        Replication        what followers have, commit rule
//   Elections   roles, timers, votes                 Provider           serves joiners
//   Membership  size of the group, minority delay    Following, CatchUp our log against the leader's
//   Calls, Reads  calls and queries until they end   MachineFeed        what the machine has
//   Outbox      what is to be done                   Notices            what was told

#include "consensus/dynamic/calls.hpp"
#include "consensus/dynamic/engine.hpp"
#include "consensus/dynamic/provider.hpp"
#include "consensus/dynamic/reads.hpp"

namespace mosaik::consensus {

class Engine::Impl {
 public:
  Impl(const Config& config, Restored restored, FramePool& pool, Rng rng, const Now& now);

  // engine.cpp: see Engine
  void on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts);
  void on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors);
  Result<> on_message(const Now& now, const PeerId& from, const Blob& bytes);
  void on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head);
  void on_stall(Nanoseconds late) { elections_.on_stall(late); }
  void on_queues(const QueueEmpty& empty) { provider_.on_queues(empty); }
  void on_timer(const Now& now);
  void submit(const Now& now, CallId call, std::vector<Blob> commands, Until until, Mono deadline);
  void query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline);
  void on_applied(Epoch epoch, Index index) { feed_.on_applied(epoch, index); }
  void on_answered(QueryId query, const Result<Blob>& answer) { reads_.on_answered(query, answer); }
  void on_persisted(const Now& now, Ticket ticket);
  void stop(std::string_view reason);
  void give_up_memory();
  void settle(const Now& now);
  void check_invariants() const;
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] ConsensusStatus status() const;

  Outbox outbox;
  Log log;

 private:
  // engine.cpp
  /// What is left to say when the engine has ended and its bonds have not.
  Result<> stand_by(const PeerId& from, const Blob& bytes);
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

  const Config config_;
  Rng rng_;
  Durability durability_;
  MachineFeed feed_;
  Peers peers_;
  Membership membership_;
  Provider provider_;
  Following following_;
  Elections elections_;
  Replication replication_;
  Notices notices_;
  ByteBudget kept_{limits::forwarded_bytes};  ///< commands and queries that are kept for a leader
  Calls calls_;
  Reads reads_;
  std::uint64_t diverged_ = 0;
};

}  // namespace mosaik::consensus
