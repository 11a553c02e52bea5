#include "sim/world/scheduler.hpp"

#include <gtest/gtest.h>

namespace mosaik::sim {
namespace {

TEST(Scheduler, starts_at_one_second) {
  EXPECT_EQ(Scheduler().now(), Mono(1s));
}

TEST(Scheduler, runs_in_the_order_of_time_and_then_of_planning) {
  Scheduler scheduler;
  std::string order;
  scheduler.after(2ms, [&] { order += 'c'; });
  scheduler.after(1ms, [&] { order += 'a'; });
  scheduler.after(1ms, [&] { order += 'b'; });
  while (scheduler.step(Mono(2s))) continue;
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(scheduler.now(), Mono(2s));
}

TEST(Scheduler, runs_what_lies_in_the_past_now) {
  Scheduler scheduler;
  Mono ran{};
  scheduler.at(Mono(1ms), [&] { ran = scheduler.now(); });
  EXPECT_TRUE(scheduler.step(Mono(2s)));
  EXPECT_EQ(ran, Mono(1s));
}

TEST(Scheduler, leaves_what_is_planned_for_later) {
  Scheduler scheduler;
  scheduler.after(3s, [] { FAIL(); });
  EXPECT_FALSE(scheduler.step(Mono(2s)));
  EXPECT_EQ(scheduler.now(), Mono(2s));
}

TEST(Scheduler, counts_tasks_in_one_moment) {
  Scheduler scheduler;
  for (int i = 0; i < 5; ++i) scheduler.after(1ms, [] {});
  while (scheduler.step(Mono(1500ms))) continue;
  EXPECT_EQ(scheduler.at_once(), 0U) << "time has passed since";
  scheduler.after(1ms, [&] { scheduler.after(0s, [] {}); });
  EXPECT_TRUE(scheduler.step(Mono(2s)));
  EXPECT_TRUE(scheduler.step(Mono(2s)));
  EXPECT_EQ(scheduler.at_once(), 1U);
}

}  // namespace
}  // namespace mosaik::sim
