#include "runtime/mailbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace mosaik::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Mailbox, gives_items_in_the_order_of_their_push) {
  Mailbox<int> box;
  for (const int i : {1, 2, 3}) box.push(i);
  EXPECT_THAT(box.drain(), ElementsAre(1, 2, 3));
  EXPECT_THAT(box.drain(), IsEmpty());
}

TEST(Mailbox, tells_its_pusher_when_it_was_empty) {
  Mailbox<int> box;
  EXPECT_TRUE(box.push(1));
  EXPECT_FALSE(box.push(2));
  box.drain();
  EXPECT_TRUE(box.push(3));
}

TEST(Mailbox, lets_go_of_what_nobody_takes) {
  const auto item = std::make_shared<int>(7);
  {
    Mailbox<std::shared_ptr<int>> box;
    box.push(item);
    box.push(item);
    EXPECT_EQ(item.use_count(), 3);
  }
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Mailbox, loses_nothing_and_keeps_each_pushers_order_under_contention) {
  struct Item {
    std::size_t pusher;
    int number;
  };
  constexpr std::size_t pushers = 4;
  constexpr int each = 20'000;
  Mailbox<Item> box;
  std::vector<std::jthread> threads;
  for (std::size_t pusher = 0; pusher < pushers; ++pusher)
    threads.emplace_back([&box, pusher] {
      for (int number = 0; number < each; ++number) box.push({pusher, number});
    });
  std::vector<int> next(pushers);
  for (std::size_t taken = 0; taken < pushers * each;) {
    for (const Item& item : box.drain()) {
      ASSERT_EQ(item.number, next[item.pusher]++);
      ++taken;
    }
  }
}

}  // namespace
}  // namespace mosaik::runtime
