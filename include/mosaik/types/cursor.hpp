#pragma once
/// Places in the log: Term, Index, Cursor, IndexRange, and their arithmetic (spec: groups 1.4). Nothing here overflows:
/// steps saturate at both ends, and a difference is never below zero.

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>

namespace mosaik {

/// An epoch of leadership. 0: before the first election.
struct Term {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Term&, const Term&) noexcept = default;
};

/// A place in the log. The first entry stands at 1; 0 is the place before it.
struct Index {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Index&, const Index&) noexcept = default;

  friend std::ostream& operator<<(std::ostream& out, Index index) { return out << index.value; }

  [[nodiscard]] constexpr Index plus(std::uint64_t steps) const noexcept {
    return {value > std::numeric_limits<std::uint64_t>::max() - steps ? std::numeric_limits<std::uint64_t>::max()
                                                                      : value + steps};
  }
  [[nodiscard]] constexpr Index minus(std::uint64_t steps) const noexcept { return {value - std::min(value, steps)}; }
  [[nodiscard]] constexpr Index next() const noexcept { return plus(1); }
  [[nodiscard]] constexpr Index previous() const noexcept { return minus(1); }
  /// How many steps this is behind `from`; 0 when it is not.
  [[nodiscard]] constexpr std::uint64_t since(Index from) const noexcept {
    return value > from.value ? value - from.value : 0;
  }
};

/// An entry's place together with the term that it was made in; ordered by term, then by index.
struct Cursor {
  Term term;
  Index index;
  friend constexpr auto operator<=>(const Cursor&, const Cursor&) noexcept = default;
};

/// Both ends included; empty when the last is before the first.
struct IndexRange {
  Index first{1};
  Index last{0};
  friend constexpr bool operator==(const IndexRange&, const IndexRange&) noexcept = default;

  [[nodiscard]] constexpr bool empty() const noexcept { return last < first; }
  /// How many indices; saturates.
  [[nodiscard]] constexpr std::uint64_t size() const noexcept {
    return empty() ? 0 : Index{last.since(first)}.next().value;
  }
  [[nodiscard]] constexpr bool contains(Index index) const noexcept { return first <= index && index <= last; }
};

}  // namespace mosaik
