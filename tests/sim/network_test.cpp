#include "sim/world/network.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mosaik::sim {
namespace {

class OnePath : public testing::Test {
 protected:
  void send(std::uint8_t byte, Mono departure = {}) {
    network_.send(std::max(departure, scheduler_.now()), {from_, to_, {}, {byte}});
  }
  void send_all(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) send(static_cast<std::uint8_t>(i));
  }
  void run_for(Nanoseconds span) {
    const Mono until = scheduler_.now() + span;
    while (scheduler_.step(until)) continue;
  }

  HostId from_{0};
  HostId to_{1};
  Scheduler scheduler_;
  std::vector<std::uint8_t> arrived_;
  Network network_{scheduler_, Rng(1), [this](Network::Datagram datagram) { arrived_.push_back(datagram.bytes[0]); }};
};

TEST_F(OnePath, delivers_after_its_delay) {
  network_.set_weather({.delay = 10ms, .jitter = 0ms});
  send(7);
  run_for(9ms);
  EXPECT_TRUE(arrived_.empty());
  run_for(2ms);
  EXPECT_EQ(arrived_, std::vector<std::uint8_t>{7});
}

TEST_F(OnePath, reorders_by_its_jitter) {
  network_.set_weather({.delay = 10ms, .jitter = 10ms});
  send_all(50);
  run_for(1s);
  ASSERT_EQ(arrived_.size(), 50U);
  EXPECT_FALSE(std::ranges::is_sorted(arrived_));
}

TEST_F(OnePath, loses_about_as_many_as_it_is_told) {
  network_.set_weather({.loss = 250'000});
  for (int i = 0; i < 10; ++i) send_all(200);
  run_for(1s);
  EXPECT_NEAR(static_cast<double>(arrived_.size()), 1500.0, 120.0);
}

TEST_F(OnePath, loses_in_bursts) {
  network_.set_weather({.jitter = 0ms, .burst = 20'000});
  std::size_t runs = 0;
  for (int i = 0; i < 2000; ++i) send(static_cast<std::uint8_t>(i % 2 == 0));
  run_for(1s);
  for (std::size_t i = 1; i < arrived_.size(); ++i) runs += arrived_[i] == arrived_[i - 1] ? 1U : 0U;
  EXPECT_GT(2000 - arrived_.size(), 4 * runs) << "several are lost in a row";
}

TEST_F(OnePath, duplicates_replays_and_corrupts) {
  network_.set_weather({.duplicate = 500'000, .replay = 500'000});
  send_all(100);
  run_for(1s);
  EXPECT_GT(arrived_.size(), 160U);
  arrived_.clear();
  network_.set_weather({.corrupt = 1'000'000});
  for (int i = 0; i < 20; ++i) send(0);
  run_for(1s);
  EXPECT_EQ(std::ranges::count(arrived_, 0), 0) << "one bit of each is another";
}

TEST_F(OnePath, cuts_one_direction_until_as_many_heals) {
  network_.cut(from_, to_);
  network_.cut(from_, to_);
  EXPECT_FALSE(network_.is_cut(to_, from_));
  network_.heal(from_, to_);
  send(1);
  run_for(1s);
  EXPECT_TRUE(arrived_.empty());
  network_.heal(from_, to_);
  send(2);
  run_for(1s);
  EXPECT_EQ(arrived_, std::vector<std::uint8_t>{2});
}

TEST_F(OnePath, holds_up_what_a_clog_meets) {
  network_.set_weather({.delay = 1ms, .jitter = 0ms});
  network_.clog(from_, to_, 100ms);
  send(1);
  run_for(90ms);
  EXPECT_TRUE(arrived_.empty());
  run_for(20ms);
  EXPECT_EQ(arrived_.size(), 1U);
}

TEST_F(OnePath, drops_what_its_queue_has_no_room_for) {
  network_.set_weather({.delay = 1ms, .jitter = 0ms, .bytes_a_second = 100, .queue_bytes = 10});
  send_all(50);
  run_for(10s);
  EXPECT_EQ(arrived_.size(), 10U);
}

TEST_F(OnePath, says_when_what_it_keeps_back_has_left) {
  EXPECT_EQ(network_.drained_at(from_, to_), Mono{});
  network_.set_weather({.delay = 1ms, .jitter = 0ms, .bytes_a_second = 100, .queue_bytes = 10});
  send_all(5);
  const Mono drained = network_.drained_at(from_, to_);
  EXPECT_GT(drained, Mono{});
  run_for(drained - scheduler_.now());
  EXPECT_EQ(arrived_.size(), 4U) << "the last one leaves";
  run_for(1ms);
  EXPECT_EQ(arrived_.size(), 5U);
}

TEST_F(OnePath, sends_the_past_again) {
  send_all(3);
  run_for(1s);
  arrived_.clear();
  EXPECT_EQ(network_.replay(from_, to_, 2), 2U);
  run_for(1s);
  std::ranges::sort(arrived_);
  EXPECT_EQ(arrived_, (std::vector<std::uint8_t>{0, 1}));
}

}  // namespace
}  // namespace mosaik::sim
