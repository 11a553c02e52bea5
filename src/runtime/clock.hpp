#pragma once
/// The one place of the house that reads clocks.

#include "base/now.hpp"

namespace mosaik::runtime {

/// CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME, one after the other; no system call where the kernel offers the
/// vDSO.
[[nodiscard]] Now read_clock() noexcept;
[[nodiscard]] Mono read_mono() noexcept;

}  // namespace mosaik::runtime
