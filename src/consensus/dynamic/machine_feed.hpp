#pragma once
/// What the machine gets: committed entries in runs of one term, and queries behind them (spec: groups 6.8). It works
/// elsewhere and in its own time; what is handed over and not yet applied is bounded.
///
/// Epoch: counts how often the machine was put back to its initial state. Answers of an earlier epoch do not count.

#include <deque>
#include <map>
#include <optional>

#include "consensus/dynamic/actions.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {

class MachineFeed {
 public:
  /// `log` outlives this.
  explicit MachineFeed(const Log& log) : log_(log), handed_(log.committed()), applied_(handed_), done_(handed_) {}

  /// The next run of committed commands, while the machine has room; it is handed over with this.
  [[nodiscard]] std::optional<Apply> next_run();
  void on_applied(Epoch epoch, Index index);

  /// Whether the machine may be asked a query of this size that needs all up to `position`.
  [[nodiscard]] bool may_ask(Index position, std::size_t bytes) const noexcept;
  void on_asked(QueryId query, std::size_t bytes);
  void on_answered(QueryId query);

  /// The history is given up: all comes again from the first entry.
  void start_over() noexcept;
  /// The machine must forget what it has applied.
  Reset reset() noexcept;

  [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }
  [[nodiscard]] Index handed() const noexcept { return handed_; }
  [[nodiscard]] Index applied() const noexcept { return applied_; }

  void check_invariants() const;

 private:
  [[nodiscard]] bool has_room() const noexcept;

  const Log& log_;
  Epoch epoch_;
  Index handed_;                          ///< entries up to here were handed to the machine
  Index applied_;                         ///< and up to here applied
  Index done_;                            ///< whole runs up to here are applied: what follows takes room
  std::deque<Index> running_;             ///< the ends of the runs behind that
  std::map<QueryId, std::size_t> asked_;  ///< queries with the machine, waited for or not, and their bytes
  std::size_t asked_bytes_ = 0;
};

}  // namespace mosaik::consensus
