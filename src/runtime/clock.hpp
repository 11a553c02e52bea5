#pragma once
/// The one place of the house that reads clocks.

#include <chrono>

#include "base/now.hpp"

namespace mosaik::runtime {

/// CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME, one after the other; no system call where the kernel offers the
/// vDSO.
[[nodiscard]] Now read_clock() noexcept;

/// The same instant for std::chrono::steady_clock, which is CLOCK_MONOTONIC too.
[[nodiscard]] inline std::chrono::steady_clock::time_point to_steady(Mono at) noexcept {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(at.time_since_epoch()));
}

}  // namespace mosaik::runtime
