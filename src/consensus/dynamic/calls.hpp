#pragma once
/// Calls with commands: appended here, or forwarded to the leader; each ends by its deadline (spec: groups 6.10, 8.1
/// S11 to S13).

#include "base/random.hpp"
#include "consensus/dynamic/call_table.hpp"
#include "consensus/dynamic/notices.hpp"
#include "consensus/dynamic/replication.hpp"

namespace mosaik::consensus {

class Calls {
 public:
  /// All outlive this. `kept`: the budget of commands and queries that are kept for a leader.
  Calls(const Config& config, Rng& rng, const Log& log, const Durability& durability, const Peers& peers,
        const Elections& elections, Replication& replication, const Notices& notices, Outbox& outbox, ByteBudget& kept)
      : config_(config),
        rng_(rng),
        log_(log),
        durability_(durability),
        peers_(peers),
        elections_(elections),
        replication_(replication),
        notices_(notices),
        outbox_(outbox),
        kept_(kept),
        table_(kept) {}

  /// Calls that wait have sought a leader before: no other call overtakes them.
  void submit(const Now& now, CallId id, std::vector<Blob> commands, Until until, Mono deadline);
  /// Why commands are refused, whichever member leads.
  [[nodiscard]] static std::optional<Refusal> refuses(const std::vector<Blob>& commands);
  /// Appends or forwards those that wait, in their order.
  void seek_leader(const Now& now);
  [[nodiscard]] bool any_waits() const noexcept { return table_.first_waiting().has_value(); }

  // -- of other members
  void on_forwarded(const PeerId& from, ForwardCommand& message);
  void on_acknowledged(const PeerId& from, const CommandAck& ack);

  // -- leaders
  /// This member has another leader or none: a forward to the last one is not waited for as long.
  void on_leader_changed(const Now& now);
  void on_gone(const PeerId& peer);

  // -- ends
  void conclude();
  void on_history_given_up();
  void expire(const Now& now);
  void stop();

  [[nodiscard]] Mono next_deadline() const noexcept { return table_.next_deadline(); }
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return table_.kept_bytes(); }
  [[nodiscard]] std::uint64_t overwritten() const noexcept { return overwritten_; }

  void check_invariants() const;

 private:
  void append(CallId id);
  void forward(const Now& now, CallId id);
  void end(CallId id, Outcome outcome);
  void tell_refused(const PeerId& from, const ForwardCommand& message, Refusal why);
  [[nodiscard]] Outcome judge(const OpenCall& call, const IndexRange& range) const;

  const Config& config_;
  Rng& rng_;
  const Log& log_;
  const Durability& durability_;
  const Peers& peers_;
  const Elections& elections_;
  Replication& replication_;
  const Notices& notices_;
  Outbox& outbox_;
  ByteBudget& kept_;
  CallTable table_;
  std::uint64_t overwritten_ = 0;
};

}  // namespace mosaik::consensus
