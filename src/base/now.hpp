#pragma once
/// Time is an argument. A core never reads a clock; every input brings the Now at which it happened.

#include <chrono>
#include <cstdint>

namespace mosaik {

using Nanoseconds = std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// Tags for time points; none of them can be asked for the time.
struct MonoClock {
  using duration = Nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;
};
struct BootClock {
  using duration = Nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  static constexpr bool is_steady = true;
};

using Mono = std::chrono::time_point<MonoClock, Nanoseconds>;
using Boot = std::chrono::time_point<BootClock, Nanoseconds>;

/// Wall time, Unix milliseconds: only to date entries and to bound drift.
struct Wall {
  std::int64_t milliseconds = 0;
  friend constexpr auto operator<=>(const Wall&, const Wall&) noexcept = default;
};

struct Now {
  Mono mono;  ///< timers; stops while the machine sleeps
  Boot boot;  ///< age since receipt; counts sleep
  Wall wall;
};

/// "No deadline".
inline constexpr Mono never = Mono::max();

/// `span` later, at most never: spans that people give may be as long as the type holds.
[[nodiscard]] constexpr Mono later(Mono time, Nanoseconds span) noexcept {
  return span > Nanoseconds{} && time > never - span ? never : time + span;
}

}  // namespace mosaik
