#pragma once
/// Strong reads of a leader: each waits until enough members have confirmed, by answering something that was sent later
/// than the query came, that we still lead (the ReadIndex of Raft; spec: groups 11.3).

#include <map>
#include <set>
#include <vector>

#include "consensus/dynamic/replication.hpp"

namespace mosaik::consensus {

class ReadConfirmations {
 public:
  /// All outlive this.
  ReadConfirmations(const Config& config, const Log& log, const Durability& durability, const Membership& membership,
                    Replication& replication, Outbox& outbox)
      : config_(config),
        log_(log),
        durability_(durability),
        membership_(membership),
        replication_(replication),
        outbox_(outbox) {}

  /// All queries that come within one step share a confirmation.
  void add(QueryId query);
  /// The peer has answered an append of ours.
  void on_answer(const PeerId& peer);
  /// At the end of a step: what goes to all in this step went after the query had come.
  void begin(const Now& now);
  /// Sends a Rust member something that it answers, as long as a confirmation waits for it.
  void probe();
  /// The next queries that are confirmed, in their order; none when there are none.
  [[nodiscard]] std::vector<QueryId> take_confirmed(const Now& now);
  /// Forgets those that no query of `alive(QueryId)` waits for.
  template <class F>
  void drop_idle(F alive) {
    std::erase_if(waiting_, [&](const Confirmation& one) { return std::ranges::none_of(one.queries, alive); });
  }
  /// This member leads no more: all queries that were not confirmed.
  [[nodiscard]] std::vector<QueryId> take_all();
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

  void check_invariants() const;

 private:
  struct Confirmation {
    std::uint64_t number = 0;
    bool begun = false;  ///< members were asked
    std::vector<QueryId> queries;
    std::map<PeerId, std::uint64_t> marks;  ///< peers of ours: how many answers confirm
    std::set<PeerId> confirmed;
  };
  void probe_crate(const PeerId& peer, PeerProgress& progress);
  [[nodiscard]] bool is_confirmed(const Now& now, const Confirmation& confirmation) const;

  const Config& config_;
  const Log& log_;
  const Durability& durability_;
  const Membership& membership_;
  Replication& replication_;
  Outbox& outbox_;
  std::vector<Confirmation> waiting_;
  std::uint64_t last_ = 0;
};

}  // namespace mosaik::consensus
