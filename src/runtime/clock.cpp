#include "runtime/clock.hpp"

#include <ctime>

#include "base/assert.hpp"

namespace mosaik::runtime {
namespace {

Nanoseconds read(clockid_t clock) noexcept {
  timespec out{};
  MOSAIK_ASSERT(::clock_gettime(clock, &out) == 0);
  return std::chrono::seconds(out.tv_sec) + std::chrono::nanoseconds(out.tv_nsec);
}

}  // namespace

Mono read_mono() noexcept {
  return Mono(read(CLOCK_MONOTONIC));
}

Now read_clock() noexcept {
  return {.mono = read_mono(),
          .boot = Boot(read(CLOCK_BOOTTIME)),
          .wall = Wall{std::chrono::duration_cast<std::chrono::milliseconds>(read(CLOCK_REALTIME)).count()}};
}

}  // namespace mosaik::runtime
