#pragma once
/// The replicated log of one member, in memory, and how much of it is committed (spec: groups 7; log replay rebuilds a
/// joiner from entry 1).
///
/// A log begins behind `before`, the last entry that is not kept. Today that is index 0 at every member: nothing
/// truncates the head yet. Committed entries are never truncated; only `clear` gives them up, with the whole history.

#include <deque>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

class Log {
 public:
  explicit Log(const Cursor& before = {}) : before_(before), committed_(before.index) {}

  /// The first entry that is kept; behind the last one when none is.
  [[nodiscard]] Index first_index() const noexcept { return before_.index.next(); }
  [[nodiscard]] Cursor last() const noexcept;
  [[nodiscard]] Index last_index() const noexcept { return before_.index.plus(slots_.size()); }
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  /// Bytes of all commands.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_through(last_index()); }
  /// Bytes of memory, about.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes() + slots_.size() * limits::log_entry; }
  /// Bytes of the commands from the first one to `index`, which is not behind the last one.
  [[nodiscard]] std::size_t bytes_through(Index index) const noexcept;

  /// The term at an index: that of the head right before the first entry, none beyond both ends.
  [[nodiscard]] std::optional<Term> term_at(Index index) const noexcept;
  [[nodiscard]] bool matches(const Cursor& at) const noexcept { return term_at(at.index) == at.term; }
  /// The entry at `index`, which exists.
  [[nodiscard]] const Entry& at(Index index) const;

  Index append(Entry entry);
  /// Drops all entries from `from` on; none of them is committed. Returns how many there were.
  std::uint64_t truncate(Index from);
  /// Gives up the whole history, what is committed too.
  void clear();

  [[nodiscard]] Index committed() const noexcept { return committed_; }
  /// Bytes of the commands that are not committed.
  [[nodiscard]] std::size_t uncommitted_bytes() const noexcept { return bytes() - bytes_through(committed_); }
  /// All up to `index` is committed, as far as the log goes; what is committed stays so.
  void commit_to(Index index) noexcept;

  /// Copies entries of `range` that exist, as many as fit in `most` bytes; the first one always fits.
  [[nodiscard]] std::vector<Entry> copy(IndexRange range, std::size_t most) const;

  void check_invariants() const;

 private:
  /// An entry, and the bytes of the commands up to it: sums over a part of the log are differences.
  struct Slot {
    Entry entry;
    std::size_t bytes_through = 0;
  };
  [[nodiscard]] const Slot& slot(Index index) const { return slots_[index.since(first_index())]; }

  Cursor before_;
  std::deque<Slot> slots_;
  Index committed_;
};

}  // namespace mosaik::consensus
