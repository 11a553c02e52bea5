#pragma once
/// The two countings, as plain functions: does a candidate win, and what is committed (spec: groups 6.4, 6.6; floor:
/// the header of engine.hpp).

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

#include "consensus/dynamic/cursor.hpp"

namespace mosaik::consensus::quorum {

/// More than half of `members`: of two, both.
[[nodiscard]] constexpr std::size_t majority(std::size_t members) noexcept {
  return members / 2 + 1;
}

/// The counts of an election. `granted` includes the candidate itself; `asked` too.
struct Count {
  std::size_t asked = 0;
  std::size_t granted = 0;
  std::size_t abstained = 0;
};

/// An abstainer leaves the number of voters (the crate's rule), and counts for the floor: it is not ahead.
[[nodiscard]] constexpr bool wins(const Count& count, std::size_t floor) noexcept {
  const std::size_t voters = count.asked - std::min(count.asked, count.abstained);
  return count.granted >= majority(voters) && count.granted + count.abstained >= floor;
}

/// The highest index that at least `copies` of the acknowledgements have reached; 0 when there are not so many.
[[nodiscard]] inline Index reached_by(std::vector<Index> acknowledged, std::size_t copies) {
  if (copies == 0 || acknowledged.size() < copies) return {};
  const auto at = acknowledged.begin() + static_cast<std::ptrdiff_t>(copies) - 1;
  std::nth_element(acknowledged.begin(), at, acknowledged.end(), std::greater<>());
  return *at;
}

}  // namespace mosaik::consensus::quorum
