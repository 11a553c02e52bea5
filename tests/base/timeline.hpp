#pragma once
/// Simulated time for the small worlds of the rooms' tests: sim::Scheduler, and a stop when a world spins.

#include <cstdint>
#include <functional>

#include <gtest/gtest.h>

#include "base/now.hpp"
#include "sim/world/scheduler.hpp"

namespace mosaik::test {

class Timeline {
 public:
  [[nodiscard]] Mono mono() const noexcept { return scheduler_.now(); }
  /// All clocks of a machine that has never slept and whose wall clock is right.
  [[nodiscard]] Now now() const {
    const auto since = mono().time_since_epoch();
    return {mono(), Boot(since), Wall{1'776'500'000'000 + since / 1ms}};
  }
  void at(Mono time, std::function<void()> what) { scheduler_.at(time, std::move(what)); }
  void after(Nanoseconds pause, std::function<void()> what) { at(mono() + pause, std::move(what)); }

  void run_for(Nanoseconds span) {
    run(mono() + span, [] { return false; });
  }
  /// True as soon as `done`; false when the time is over.
  bool run_until(const std::function<bool()>& done, Nanoseconds most) { return run(mono() + most, done); }

 private:
  static constexpr std::uint64_t spins = 200'000;

  bool run(Mono end, const std::function<bool()>& done) {
    while (!done()) {
      if (testing::Test::HasFatalFailure() || !scheduler_.step(end)) return done();
      if (scheduler_.at_once() > spins) {
        ADD_FAILURE() << "the world spins without time passing";
        return false;
      }
    }
    return true;
  }

  sim::Scheduler scheduler_;
};

}  // namespace mosaik::test
