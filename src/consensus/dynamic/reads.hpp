#pragma once
/// Queries (spec: groups 6.11, 11.3). Weak: this member's machine, after all that is committed here. Strong: the
/// leader's, after enough members have confirmed that it still leads (read_confirmations.hpp).

#include "base/random.hpp"
#include "consensus/dynamic/machine_feed.hpp"
#include "consensus/dynamic/notices.hpp"
#include "consensus/dynamic/read_confirmations.hpp"
#include "consensus/dynamic/read_table.hpp"

namespace mosaik::consensus {

class Reads {
 public:
  /// All outlive this. `kept`: the budget of commands and queries that are kept for a leader.
  Reads(const Config& config, Rng& rng, const Log& log, const Durability& durability, const Peers& peers,
        const Membership& membership, const Elections& elections, Replication& replication, MachineFeed& feed,
        const Notices& notices, Outbox& outbox, ByteBudget& kept)
      : config_(config),
        rng_(rng),
        log_(log),
        peers_(peers),
        elections_(elections),
        feed_(feed),
        notices_(notices),
        outbox_(outbox),
        kept_(kept),
        table_(kept),
        confirmations_(config, log, durability, membership, replication, outbox) {}

  void query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline);
  /// A strong read that asks the machine nothing: the leader confirms an index, and the machine here comes to it.
  void barrier(const Now& now, CallId call, Mono deadline);
  /// Forwards or begins to confirm those that wait, in their order.
  void seek_leader(const Now& now);
  [[nodiscard]] bool any_waits() const noexcept { return table_.first_waiting().has_value(); }

  // -- of other members
  void on_forwarded(const Now& now, const PeerId& from, ForwardQuery& message);
  void on_response(const PeerId& from, const QueryResponse& response);
  /// A ForwardCommand without commands (docs/protocol/groups.md 5.6).
  void on_forwarded_barrier(const Now& now, const PeerId& from, const ForwardCommand& message);
  /// The answer to one of ours; false if it is the answer to commands.
  [[nodiscard]] bool on_barrier_answer(const PeerId& from, const CommandAck& ack);

  // -- a step of a leader
  void confirm(const Now& now);
  void conclude_confirmed(const Now& now);
  /// The peer has answered an append of ours.
  void on_append_answer(const PeerId& peer) { confirmations_.on_answer(peer); }

  // -- leaders
  /// This member leads no more.
  void on_leadership_lost();
  void on_gone(const PeerId& peer);

  // -- the machine
  /// In their order: none overtakes one that has no room yet. A query that waits here longer than it may ends without
  /// having cost the machine anything; one that the machine was handed costs room until the machine is through with it.
  void hand_over();
  void on_answered(QueryId query, const Result<Blob>& answer);

  // -- ends
  /// They wait for an index in a history that is given up.
  void on_history_given_up();
  void expire(const Now& now);
  void stop();

  [[nodiscard]] Mono next_deadline() const noexcept { return table_.next_deadline(); }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return table_.kept_bytes(); }

  void check_invariants() const;

 private:
  void forward(const Now& now, QueryId id);
  void wait_for_leader(QueryId id);
  void confirm_first(QueryId id);
  void on_barrier_confirmed(QueryId id, Index position);
  void pass_barriers();
  ReadRequest extract(QueryId id);
  void drop(QueryId id);
  void refuse(QueryId id, Refusal why);

  const Config& config_;
  Rng& rng_;
  const Log& log_;
  const Peers& peers_;
  const Elections& elections_;
  MachineFeed& feed_;
  const Notices& notices_;
  Outbox& outbox_;
  ByteBudget& kept_;
  ReadTable table_;
  ReadConfirmations confirmations_;
  std::set<QueryId> barriers_;  ///< of the table: they ask the machine nothing
};

}  // namespace mosaik::consensus
