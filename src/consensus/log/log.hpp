#pragma once
/// The replicated log of one member, in memory: entries 1 to last, never pruned (spec: groups 7; log replay rebuilds a
/// joiner from entry 1).

#include <deque>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

class Log {
 public:
  [[nodiscard]] Cursor last() const noexcept;
  [[nodiscard]] Index last_index() const noexcept { return {entries_.size()}; }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  /// Bytes of all commands.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Bytes of memory, about.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes_ + entries_.size() * limits::log_entry; }

  /// The term at a place: 0 before the first entry, none beyond the last.
  [[nodiscard]] std::optional<Term> term_at(Index index) const noexcept;
  [[nodiscard]] bool matches(const Cursor& at) const noexcept { return term_at(at.index) == at.term; }
  /// The entry at `index`, which exists.
  [[nodiscard]] const Entry& at(Index index) const;

  Index append(Entry entry);
  /// Drops all entries from `from` on. Returns how many there were.
  std::uint64_t truncate(Index from);

  /// Copies entries of `range` that exist, as many as fit in `most` bytes; the first one always fits.
  [[nodiscard]] std::vector<Entry> copy(IndexRange range, std::size_t most) const;

 private:
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace mosaik::consensus
