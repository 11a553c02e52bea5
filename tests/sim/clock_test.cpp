#include "sim/world/clock.hpp"

#include <gtest/gtest.h>

namespace mosaik::sim {
namespace {

constexpr Mono second(std::int64_t value) {
  return Mono(std::chrono::seconds(value));
}

TEST(Clock, shows_its_own_uptime_and_the_worlds_date) {
  const Clock clock(100s);
  const Now now = clock.read(second(5));
  EXPECT_EQ(now.mono, second(105));
  EXPECT_EQ(now.boot, Boot(105s));
  EXPECT_EQ(now.wall.milliseconds, Clock::epoch_ms + 5000);
}

TEST(Clock, that_is_fast_gains) {
  Clock clock;
  clock.set_rate(second(10), 1000);
  EXPECT_EQ(clock.read(second(20)).mono, Mono(20s + 10ms));
  EXPECT_EQ(clock.read(second(20)).wall.milliseconds, Clock::epoch_ms + 20'010);
  clock.set_rate(second(20), 0);
  EXPECT_EQ(clock.read(second(30)).mono, Mono(30s + 10ms)) << "what it gained stays";
}

TEST(Clock, tells_when_it_will_show_a_time) {
  for (const std::int64_t ppm : {-2000, -7, 0, 3, 2000}) {
    Clock clock(7s);
    clock.set_rate(second(10), ppm);
    for (const Nanoseconds ahead : {Nanoseconds(1), Nanoseconds(999'999), Nanoseconds(1s + 1ns), Nanoseconds(3600s)}) {
      const Mono local = clock.read(second(11)).mono + ahead;
      const Mono at = clock.when(local, second(11));
      EXPECT_GE(clock.read(at).mono, local) << ppm;
      EXPECT_LT(clock.read(at - 2ns).mono, local) << ppm << " and not much later";
    }
  }
}

TEST(Clock, does_not_point_into_the_past) {
  const Clock clock(100s);
  EXPECT_EQ(clock.when(second(3), second(50)), second(50));
  EXPECT_EQ(clock.when(never, second(50)), never);
}

TEST(Clock, that_is_set_changes_the_date_alone) {
  Clock clock;
  clock.jump(-3000ms);
  EXPECT_EQ(clock.read(second(10)).wall.milliseconds, Clock::epoch_ms + 7000);
  EXPECT_EQ(clock.read(second(10)).mono, second(10));
}

TEST(Clock, counts_sleep_in_boot_and_date_only) {
  Clock clock;
  clock.sleep_until(second(10), 5s);
  const Now now = clock.read(second(20));
  EXPECT_EQ(now.mono, second(15));
  EXPECT_EQ(now.boot, Boot(20s));
  EXPECT_EQ(now.wall.milliseconds, Clock::epoch_ms + 20'000);
  EXPECT_EQ(clock.when(second(15), second(20)), second(20));
}

TEST(Clock, sleeps_once_when_it_is_sent_to_sleep_twice) {
  Clock clock;
  clock.sleep_until(second(10), 5s);
  clock.sleep_until(second(12), 5s);
  EXPECT_EQ(clock.read(second(20)).mono, second(13));
  EXPECT_EQ(clock.read(second(20)).boot, Boot(20s));
  clock.sleep_until(second(20), 10s);
  clock.wake(second(22));
  EXPECT_EQ(clock.read(second(25)).mono, second(16));
  EXPECT_EQ(clock.read(second(25)).boot, Boot(25s));
}

}  // namespace
}  // namespace mosaik::sim
