/// What the loop sleeps in: it wakes for readiness and for the deadline, and for nothing else.

#include "runtime/poller.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "runtime/clock.hpp"

namespace mosaik::runtime {
namespace {

struct PollerTest : testing::Test {
  PollerTest() {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, ends.data()), 0);
    EXPECT_TRUE(poller.add(ends[0], 7));
  }
  ~PollerTest() override {
    for (const int end : ends) ::close(end);
  }
  void write() { EXPECT_EQ(::write(ends[1], "x", 1), 1); }

  std::array<int, 2> ends{};
  Poller poller = std::move(Poller::open().value());
};

TEST_F(PollerTest, returns_at_the_deadline_and_not_before) {
  for (const Nanoseconds pause : {Nanoseconds(200us), Nanoseconds(1500us), Nanoseconds(20ms)}) {
    const Mono until = read_mono() + pause;
    EXPECT_TRUE(poller.wait(until).empty());
    EXPECT_GE(read_mono(), until);
  }
}

TEST_F(PollerTest, returns_at_once_when_the_deadline_is_over) {
  EXPECT_TRUE(poller.wait(Mono{}).empty());
}

TEST_F(PollerTest, tells_what_is_readable_until_it_was_read) {
  write();
  for (int i = 0; i < 2; ++i) {
    const auto ready = poller.wait(never);
    ASSERT_EQ(ready.size(), 1U);
    EXPECT_EQ(ready[0].key, 7U);
    EXPECT_TRUE(ready[0].readable);
    EXPECT_FALSE(ready[0].writable);
  }
  std::array<char, 1> byte{};
  ASSERT_EQ(::read(ends[0], byte.data(), 1), 1);
  EXPECT_TRUE(poller.wait(read_mono() + 1ms).empty());
}

TEST_F(PollerTest, tells_of_room_to_write_only_while_it_is_asked_to) {
  poller.watch_writable(ends[0], 7, true);
  const auto ready = poller.wait(never);
  ASSERT_EQ(ready.size(), 1U);
  EXPECT_TRUE(ready[0].writable);
  EXPECT_FALSE(ready[0].readable);
  poller.watch_writable(ends[0], 7, false);
  EXPECT_TRUE(poller.wait(read_mono() + 1ms).empty());
}

}  // namespace
}  // namespace mosaik::runtime
