#include "runtime/inbox.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace mosaik::runtime {
namespace {

bool wakes(const Inbox& inbox) {
  pollfd ready{inbox.wake_fd(), POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

struct InboxOfALoop : testing::Test {
  InboxOfALoop() { inbox->adopt(); }
  void post() {
    inbox->post([this](RequestDispatcher*) { ++ran; });
  }
  void post_from_elsewhere() {
    std::thread([this] { post(); }).join();
  }
  void take() {
    for (Request& request : inbox->take()) request(nullptr);
  }
  std::shared_ptr<Inbox> inbox = Inbox::open().value();
  int ran = 0;
};

TEST_F(InboxOfALoop, is_woken_by_others) {
  post_from_elsewhere();
  EXPECT_TRUE(wakes(*inbox));
  EXPECT_FALSE(inbox->has_own());
  inbox->acknowledge();
  EXPECT_FALSE(wakes(*inbox));
  take();
  EXPECT_EQ(ran, 1);
}

TEST_F(InboxOfALoop, knows_without_a_wake_what_the_loop_itself_has_posted) {
  post();
  EXPECT_FALSE(wakes(*inbox));
  EXPECT_TRUE(inbox->has_own());
  take();
  EXPECT_EQ(ran, 1);
  EXPECT_FALSE(inbox->has_own());
}

TEST_F(InboxOfALoop, keeps_awake_for_what_others_post_behind_its_own) {
  post();
  post_from_elsewhere();
  EXPECT_TRUE(inbox->has_own());
  take();
  EXPECT_EQ(ran, 2);
}

TEST_F(InboxOfALoop, runs_what_is_left_when_it_ends) {
  post();
  inbox->end();
  EXPECT_EQ(ran, 1);
  post();
  post_from_elsewhere();
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace mosaik::runtime
