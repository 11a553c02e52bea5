// What engines hand over is kept on another thread, and its end comes back to the loop.

#include "runtime/disk_thread.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "runtime/a_dispatcher.hpp"

namespace mosaik::runtime {
namespace {

using testing::ElementsAre;

/// Keeps tickets; refuses what comes behind the place where its disk is full.
struct Notebook final : consensus::LogStore {
  Result<> keep(const consensus::Persist& state) override {
    if (state.ticket.value > room) return fail(Errc::limit, "no space is left on the disk");
    tickets.push_back(state.ticket.value);
    return {};
  }
  std::uint64_t room = 100;
  std::vector<std::uint64_t> tickets;
};

struct ADisk : testing::Test {
  void keep(std::uint64_t ticket) { disk->keep(group, store, {{ticket}, {}, {}, {}, {}}); }
  /// Runs the loop until so many ends were told.
  void run_until(std::size_t count) {
    while (told.size() < count) {
      pollfd ready{inbox->wake_fd(), POLLIN, 0};
      ASSERT_EQ(::poll(&ready, 1, 30'000), 1);
      inbox->acknowledge();
      for (Request& request : inbox->take()) request(a_dispatcher());
    }
  }
  GroupId group;
  std::shared_ptr<Inbox> inbox = Inbox::open().value();
  std::shared_ptr<Notebook> store = std::make_shared<Notebook>();
  std::vector<Kept> told;
  std::unique_ptr<DiskThread> disk = DiskThread::open(inbox, [this](const std::vector<Kept>& kept) {
                                       told.insert(told.end(), kept.begin(), kept.end());
                                     }).value();
};

TEST_F(ADisk, three_hand_overs__are_kept_and_told_in_order) {
  for (const std::uint64_t ticket : {1U, 2U, 3U}) keep(ticket);
  run_until(3);
  EXPECT_THAT(store->tickets, ElementsAre(1, 2, 3));
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].ticket.value, i + 1);
    EXPECT_TRUE(told[i].result);
  }
}

TEST_F(ADisk, full_disk__the_loop_hears_of_it) {
  store->room = 1;
  keep(1);
  keep(2);
  run_until(2);
  EXPECT_TRUE(told[0].result);
  EXPECT_EQ(told[1].result.error().code, Errc::limit);
}

TEST_F(ADisk, end__waits_for_what_was_handed_over) {
  for (std::uint64_t ticket = 1; ticket <= 50; ++ticket) keep(ticket);
  disk.reset();
  EXPECT_EQ(store->tickets.size(), 50U);
}

}  // namespace
}  // namespace mosaik::runtime
