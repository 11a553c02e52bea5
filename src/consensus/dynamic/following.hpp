#pragma once
/// How a follower's log stands to its leader's: AppendEntries and catch-up (spec: groups 6.7, 6.12).
///
///   Unmatched --an append meets our log--> InStep
///   Unmatched, InStep --an append begins behind our log, or in another history--> CatchUp --all fetched--> InStep
///
/// An entry of ours that is not the leader's leaves the log. If it is committed, the whole history is given up, aloud:
/// that is the engine's to do (Engine::start_over), so the calls here return where the histories differ.

#include <optional>
#include <variant>

#include "consensus/dynamic/catch_up.hpp"
#include "consensus/dynamic/config.hpp"
#include "consensus/dynamic/durability.hpp"
#include "consensus/dynamic/outbox.hpp"
#include "consensus/dynamic/peers.hpp"

namespace mosaik::consensus {

class Following {
 public:
  /// What came of an append, or of entries that were fetched.
  struct InStep {};
  struct OutOfStep {};
  /// What we have committed differs from the leader's history from here on, at the latest.
  struct Diverged {
    Index first_difference;
  };
  using Outcome = std::variant<InStep, OutOfStep, Diverged>;

  /// All outlive this.
  Following(const Config& config, Log& log, Durability& durability, const Peers& peers, Outbox& outbox)
      : config_(config), log_(log), durability_(durability), peers_(peers), outbox_(outbox) {}

  /// Another leader or none: what was known of the last one's log does not count any more.
  void begin();

  /// OutOfStep and Diverged: `lag` follows.
  [[nodiscard]] Outcome on_append(const PeerId& leader, AppendEntries& append);
  /// Begins or continues to fetch what is missing before the append.
  void lag(const PeerId& leader, AppendEntries& append);
  void on_fetched(FetchEntriesResponse& fetched);
  /// At the end of a step: appends what was fetched. InStep: the catch-up is over.
  [[nodiscard]] Outcome advance(const std::optional<PeerId>& leader);
  void ask(const Now& now, const PeerId& leader);
  /// Our entries from there on have left the log.
  void on_truncated(Index from);

  void acknowledge(const PeerId& leader, Index last, Vote vote);

  [[nodiscard]] bool is_catching_up() const noexcept { return session() != nullptr; }
  /// The last entry that the leader is known to have, while we catch up; else our own last one.
  [[nodiscard]] Cursor known_end() const noexcept;
  [[nodiscard]] Mono next_deadline() const noexcept;

  void check_invariants() const;

 private:
  struct Unmatched {};
  [[nodiscard]] CatchUp* session() noexcept { return std::get_if<CatchUp>(&state_); }
  [[nodiscard]] const CatchUp* session() const noexcept { return std::get_if<CatchUp>(&state_); }
  [[nodiscard]] std::optional<Index> merge(const Cursor& previous, std::vector<Entry>& entries);
  void acknowledge_in_step(const PeerId& leader, Index last);
  void cut(Index from);

  const Config& config_;
  Log& log_;
  Durability& durability_;
  const Peers& peers_;
  Outbox& outbox_;
  std::variant<Unmatched, InStep, CatchUp> state_;
  Index leader_commit_;
};

}  // namespace mosaik::consensus
