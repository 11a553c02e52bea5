#pragma once
// The body of Engine, one file a concern: engine.cpp (the face, messages, steps), elections.cpp (timers, campaigns,
// votes), follower.cpp (AppendEntries, catch-up), leader.cpp (placing, acknowledgements), commit_rule.cpp, provider.cpp
// (serving catch-up), commands.cpp and reads.cpp (calls), machine.cpp (applying), durable.cpp (the disk). What it is
// made of: roles.hpp, calls.hpp.

#include <deque>
#include <map>
#include <set>
#include <variant>

#include "base/assert.hpp"
#include "consensus/dynamic/calls.hpp"
#include "consensus/dynamic/durability.hpp"
#include "consensus/dynamic/engine.hpp"
#include "consensus/dynamic/machine_feed.hpp"
#include "consensus/dynamic/membership.hpp"
#include "consensus/dynamic/outbox.hpp"
#include "consensus/dynamic/provider.hpp"
#include "consensus/dynamic/roles.hpp"

namespace mosaik::consensus {

/// Heartbeats for which a lone beginner with new company keeps silent: after who came last, and in all.
inline constexpr int silence = 2;
inline constexpr int longest_silence = 6;

class Engine::Impl {
 public:
  Impl(const Config& config, Restored restored, FramePool& pool, Rng rng, const Now& now);

  // engine.cpp
  void on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts);
  void on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors);
  Result<> on_message(const Now& now, const PeerId& from, const Blob& bytes);
  void on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head);
  void on_stall(Nanoseconds late);
  void on_timer(const Now& now);
  [[nodiscard]] Mono next_deadline() const;
  void stop(const Now& now, std::string_view reason);
  void give_up_memory(const Now& now);
  void settle(const Now& now);
  void check_invariants() const;
  [[nodiscard]] ConsensusStatus status() const;

  // provider.cpp
  void on_queues(const QueueEmpty& empty);

  // commands.cpp, reads.cpp, machine.cpp, durable.cpp
  void submit(const Now& now, CallId call, std::vector<Blob> commands, Until until, Mono deadline);
  void query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline);
  void on_applied(const Now& now, Epoch epoch, Index index);
  void on_answered(const Now& now, QueryId query, const Result<Blob>& answer);
  void on_persisted(const Now& now, Ticket ticket);

  Outbox outbox;
  Log log;

 private:
  using State = std::variant<Follower, Candidate, Leader, Ended>;
  template <class T>
  [[nodiscard]] T* role() {
    return std::get_if<T>(&state_);
  }
  template <class T>
  [[nodiscard]] const T* role() const {
    return std::get_if<T>(&state_);
  }

  // engine.cpp
  [[nodiscard]] std::uint32_t others_in_step() const;
  [[nodiscard]] Waiting waiting() const;
  [[nodiscard]] Nanoseconds waits_for(Waiting what) const;
  void tell_waiting();
  void tell_log_fills();
  [[nodiscard]] NotApplied no_leader() const;
  void set_leader(const std::optional<PeerId>& leader);
  void set_online(bool online);
  void publish();
  /// What is left to say when the engine has ended and its bonds have not.
  Result<> stand_by(const PeerId& from, const Blob& bytes);
  /// Whether a message of this term counts; a later term is joined.
  [[nodiscard]] bool heeds(const Now& now, Term term);

  // elections.cpp
  [[nodiscard]] Nanoseconds draw();
  /// After a proven death: so long after it this member campaigns.
  [[nodiscard]] Nanoseconds stagger() const;
  void arm_follower(const Now& now, Follower& follower);
  /// So much longer does a member wait that was outvoted.
  [[nodiscard]] Nanoseconds deference() const;
  /// A log that ends there lacks what a leader has told committed, and we have not seen committed ourselves.
  [[nodiscard]] bool lacks_owed(const Now& now, Index last) const;
  void become_follower(const Now& now, Term term, const std::optional<PeerId>& leader);
  void campaign(const Now& now);
  void on_silence(const Now& now);
  void note_mute(const Candidate& candidate);
  void on_leader_gone(const Now& now, Loss loss, Survivors survivors);
  void on_request_vote(const Now& now, const PeerId& from, const RequestVote& request);
  [[nodiscard]] Vote judge(const Now& now, const PeerId& from, const RequestVote& request);
  [[nodiscard]] bool keeps_leader(const Now& now, const PeerId& from, const RequestVote& request) const;
  void put_off(const PeerId& from, const RequestVote& request);
  /// Judges the request again, now that the leader is gone; true when its candidate got this term's vote.
  [[nodiscard]] bool votes_after_all(const Now& now, const RequestVote& request);
  void on_vote(const Now& now, const PeerId& from, const RequestVoteResponse& response);
  void count_votes(const Now& now);
  void become_leader(const Now& now, const std::set<PeerId>& granted);
  /// The leader lacks what we have committed, and we may still win against it.
  [[nodiscard]] bool contests(const Now& now, const AppendEntries& append);

  // follower.cpp
  void on_append_entries(const Now& now, const PeerId& from, AppendEntries& append);
  /// Of a lone beginner that has new company; true when the message is dealt with.
  bool on_rival_while_silent(const Now& now, const PeerId& from, const AppendEntries& append);
  /// A leader that we do not follow yet, in our term or a later one.
  void on_new_leader(const Now& now, const PeerId& from, AppendEntries& append);
  /// A campaign against the leader of that term.
  void contest(const Now& now, Term term);
  void follow(const Now& now, const PeerId& from, AppendEntries& append);
  /// The leader is heard: nobody campaigns for an election timeout from now on.
  void hear_leader(const Now& now, Follower& follower);
  void accept(const PeerId& from, AppendEntries& append);
  void lag(const PeerId& from, AppendEntries& append);
  [[nodiscard]] std::optional<Index> merge(const Cursor& previous, std::vector<Entry>& entries);
  void acknowledge(const PeerId& leader, Index last, Vote vote);
  void acknowledge_in_step(const PeerId& leader, Index last);
  void on_fetched(const PeerId& from, FetchEntriesResponse& fetched);
  void advance_session(const Now& now);
  void end_session(Follower& follower);
  void cut(Index from);
  /// Our entries from there on have left the log.
  void forget_from(Index from);
  void start_over(const PeerId& leader, Index first_difference);

  // leader.cpp
  [[nodiscard]] IndexRange place(std::vector<Blob> commands);
  /// Why there is no room for the commands of this member's own calls.
  [[nodiscard]] std::optional<Refusal> lacks_room(const std::vector<Blob>& commands) const;
  /// The same for those of another member, which gets its fair share.
  [[nodiscard]] std::optional<Refusal> lacks_room_for(const PeerId& from, const std::vector<Blob>& commands) const;
  void end_silence(const Now& now);
  void broadcast(const Now& now);
  void append_to(const Now& now, const PeerId& peer, Bonded& bonded, const Frame& frame, Index placed,
                 bool with_entries);
  void heartbeat(const Now& now);
  [[nodiscard]] Cursor broadcast_end() const;
  [[nodiscard]] Mono next_deadline_of(const Leader& leader) const;
  [[nodiscard]] std::vector<std::vector<Entry>> missed_since(Index from) const;
  void greet(const Now& now, const PeerId& peer, Bonded& bonded);
  void on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response);
  void drop_laggards(const Now& now);
  void check_floor(const Now& now);
  void lead_on(const Now& now);

  // commit_rule.cpp
  /// Whether its acknowledgements are waited for.
  [[nodiscard]] bool counts(const Now& now, const Bonded& bonded) const;
  /// Up to where enough members have what this leader has.
  [[nodiscard]] Index agreed(const Now& now) const;
  void advance_commit(const Now& now);

  // provider.cpp
  void on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range);
  /// What those who catch up are offered.
  [[nodiscard]] Provider::Offer offer() const;
  /// A joiner has all: it waits for our next append.
  void hurry_append(const Now& now);

  // commands.cpp
  /// This member leads, or the leader is in reach.
  [[nodiscard]] bool has_leader() const;
  void seek_leader(const Now& now);
  void place_call(CallId id);
  void forward(const Now& now, CallId id);
  [[nodiscard]] bool waits_for_leader(CallId id) const;
  void stop_calls();
  [[nodiscard]] NotApplied stopped() const;
  void end_call(CallId id, Outcome outcome);
  void set_deadline(CallId id, Call& call, Mono at);
  [[nodiscard]] std::optional<Refusal> refuses(const std::vector<Blob>& commands) const;
  void on_forwarded_command(const PeerId& from, ForwardCommand& message);
  void tell_refused(const PeerId& from, const ForwardCommand& message, Refusal why);
  void on_command_ack(const PeerId& from, const CommandAck& ack);
  void conclude_calls();
  [[nodiscard]] Outcome judge_call(const Call& call) const;
  void hurry_forwards(const Now& now);
  void drop_forwards_to(const PeerId& leader);
  void give_up_places(Doubt why);
  void expire_calls(const Now& now);

  // reads.cpp
  void on_forwarded_query(const Now& now, const PeerId& from, ForwardQuery& message);
  void on_query_response(const PeerId& from, const QueryResponse& response);
  void start_query(const Now& now, WaitingQuery waiting);
  void forward_query(const Now& now, std::uint64_t key, WaitingQuery& waiting);
  void seek_leader_for_queries(const Now& now);
  void wait_for_leader(std::uint64_t key);
  void drop_query(std::uint64_t key);
  void confirm_first(std::uint64_t key);
  void refuse_query(const WaitingQuery& waiting, Refusal why);
  void end_service(const WaitingQuery& waiting);
  void end_query(std::uint64_t key);
  void refuse(std::uint64_t key, Refusal why);
  void refuse_waiting_reads(Refusal why);
  void probe(const Now& now);
  void probe_rust(const PeerId& peer, Bonded& bonded);
  void on_confirmed(const PeerId& peer, Bonded& bonded);
  void conclude_confirmations(const Now& now);
  [[nodiscard]] bool confirmed(const Now& now, const Confirmation& confirmation) const;
  void drop_reads_of_leader();
  void drop_queries_to(const PeerId& leader);
  void expire_queries(const Now& now);

  void feed_machine();
  void hand_over_queries();

  const Config config_;
  Rng rng_;
  Durability durability_;
  MachineFeed feed_;
  Peers peers_;
  Membership membership_;
  Provider provider_;
  State state_;
  const std::uint64_t slot_;
  std::map<PeerId, Bonded> bonded_;
  std::optional<PeerId> leader_;  ///< as told
  bool online_ = false;
  unsigned contests_ = 0;
  Index owed_;             ///< with a floor: what C++ leaders of this history have told committed, at most
  Mono owed_until_{};      ///< when nobody who has it is heard, others must do
  bool outvoted_ = false;  ///< a member denied us its vote, and no leader has been heard since
  bool haste_ = false;     ///< the last leader's death is proven, and no other has been heard since

  // calls
  std::map<CallId, Call> calls_;
  std::multimap<Index, CallId> by_place_;  ///< placed calls by their last index
  std::map<ForwardId, CallId> by_forward_;
  std::set<CallId> leaderless_;                 ///< calls that wait for a leader
  std::set<std::uint64_t> leaderless_queries_;  ///< and own strong queries
  std::set<std::pair<Mono, CallId>> call_deadlines_;
  std::size_t kept_bytes_ = 0;                     ///< of commands that calls keep, and of queries, for the leader
  std::map<std::uint64_t, WaitingQuery> queries_;  ///< in the order in which they came
  std::map<ForwardId, std::uint64_t> queries_by_forward_;
  std::set<std::pair<Mono, std::uint64_t>> query_deadlines_;
  std::set<std::uint64_t> queries_for_machine_;  ///< have a position and wait for the machine to get there
  std::size_t own_query_bytes_ = 0;              ///< of queries of this member
  struct Served {
    std::size_t queries = 0;
    std::size_t bytes = 0;
  };
  Served served_;                       ///< queries of other members
  std::map<PeerId, Served> served_to_;  ///< of each
  std::uint64_t next_query_ = 0;

  Mono settled_at_{};

  // told
  Index told_committed_;
  Cursor told_position_;
  Waiting waiting_ = Waiting::nothing;
  Mono waiting_since_{};
  bool waiting_told_ = false;
  bool log_fills_told_ = false;
  std::string stopped_because_;
  std::uint64_t elections_ = 0;
  std::uint64_t overwritten_ = 0;
  std::uint64_t diverged_ = 0;
};

}  // namespace mosaik::consensus
