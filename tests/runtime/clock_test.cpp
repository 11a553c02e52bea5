#include "runtime/clock.hpp"

#include <gtest/gtest.h>

#include "runtime/entropy.hpp"

namespace mosaik::runtime {
namespace {

TEST(Clock, does_not_go_back) {
  const Now first = read_clock();
  const Now second = read_clock();
  EXPECT_GE(second.mono, first.mono);
  EXPECT_GE(second.boot, first.boot);
}

TEST(Clock, tells_the_time_of_the_standard_clocks) {
  const auto steady_before = std::chrono::steady_clock::now();
  const auto wall_before = std::chrono::system_clock::now();
  const Now now = read_clock();
  const auto wall_after = std::chrono::system_clock::now();
  const auto steady_after = std::chrono::steady_clock::now();
  EXPECT_GE(now.mono.time_since_epoch(), steady_before.time_since_epoch());
  EXPECT_LE(now.mono.time_since_epoch(), steady_after.time_since_epoch());
  const auto wall = std::chrono::milliseconds(now.wall.milliseconds);
  EXPECT_GE(wall, std::chrono::floor<std::chrono::milliseconds>(wall_before.time_since_epoch()));
  EXPECT_LE(wall, wall_after.time_since_epoch());
}

TEST(Clock, counts_sleep_in_boot_time_only) {
  const Now now = read_clock();
  EXPECT_GE(now.boot.time_since_epoch(), now.mono.time_since_epoch());
}

TEST(Entropy, never_gives_the_same_bytes_twice) {
  EXPECT_NE(random_bytes32(), random_bytes32());
}

TEST(Entropy, fills_more_than_one_call_of_the_kernel_gives) {
  std::vector<std::uint8_t> bytes(1U << 16U);
  fill_random(bytes);
  // 64 zero bytes at the end of random ones: once in 2^512 runs.
  EXPECT_NE(std::vector<std::uint8_t>(bytes.end() - 64, bytes.end()), std::vector<std::uint8_t>(64));
}

}  // namespace
}  // namespace mosaik::runtime
