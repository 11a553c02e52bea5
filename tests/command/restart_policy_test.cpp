#include "process/restart_policy.hpp"

#include <signal.h>

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace mosaik::command {
namespace {

using namespace std::chrono_literals;
using Time = RestartPolicy::Time;
using Delay = RestartPolicy::Delay;

constexpr Time begin{1000s};

TEST(RestartPolicy, restarts_after_faults_of_the_program_alone) {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE}) EXPECT_TRUE(is_crash(number)) << number;
  for (const int number : {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGSTOP, SIGUSR1, SIGXCPU, SIGSYS, SIGPIPE, 0})
    EXPECT_FALSE(is_crash(number)) << number;
}

TEST(RestartPolicy, delay_doubles_from_100_ms_to_30_s) {
  RestartPolicy policy;
  Time now = begin;
  std::vector<Delay> delays;
  for (int crash = 0; crash < 12; ++crash) {
    policy.on_start(now);
    now += 20s;  // so that there are never five within a minute
    const auto delay = policy.on_crash(now);
    ASSERT_TRUE(delay);
    delays.push_back(*delay);
    now += *delay;
  }
  EXPECT_EQ(delays,
            (std::vector<Delay>{100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30s, 30s, 30s}));
}

TEST(RestartPolicy, run_of_a_minute__delay_begins_anew) {
  RestartPolicy policy;
  policy.on_start(begin);
  EXPECT_EQ(policy.on_crash(begin + 1s), 100ms);
  policy.on_start(begin + 2s);
  EXPECT_EQ(policy.on_crash(begin + 3s), 200ms);
  policy.on_start(begin + 4s);
  EXPECT_EQ(policy.on_crash(begin + 64s), 100ms);
  policy.on_start(begin + 65s);
  EXPECT_EQ(policy.on_crash(begin + 66s), 200ms);
}

TEST(RestartPolicy, fifth_crash_within_a_minute__gives_up) {
  RestartPolicy policy;
  policy.on_start(begin);
  for (int crash = 0; crash < 4; ++crash) EXPECT_TRUE(policy.on_crash(begin + crash * 10s)) << crash;
  EXPECT_FALSE(policy.on_crash(begin + 60s - 1ns));
}

TEST(RestartPolicy, fifth_crash_after_a_minute__goes_on_and_the_window_moves) {
  RestartPolicy policy;
  policy.on_start(begin);
  for (int crash = 0; crash < 4; ++crash) EXPECT_TRUE(policy.on_crash(begin + crash * 10s)) << crash;
  EXPECT_TRUE(policy.on_crash(begin + 60s)) << "the first was a minute ago";
  EXPECT_FALSE(policy.on_crash(begin + 69s)) << "10, 20, 30, 60 and 69 s";
}

}  // namespace
}  // namespace mosaik::command
