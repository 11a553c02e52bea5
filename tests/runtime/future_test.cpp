#include <mosaik/async/future.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <thread>

namespace mosaik {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Optional;

/// Runs what it is given when the test says so.
struct Queue {
  std::deque<std::function<void()>> tasks;
  Executor executor() {
    return [this](std::function<void()> task) { tasks.push_back(std::move(task)); };
  }
  void run_all() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }
};

TEST(Future, refers_to_nothing_by_default) {
  EXPECT_FALSE(Future<int>().valid());
  EXPECT_TRUE(Promise<int>().future().valid());
}

TEST(Future, gives_the_value_to_all_copies) {
  Promise<std::string> promise;
  const Future<std::string> first = promise.future();
  const Future<std::string> second = first;
  EXPECT_FALSE(first.ready());
  promise.set("yes");
  EXPECT_TRUE(second.ready());
  EXPECT_EQ(first.get(), "yes");
  EXPECT_EQ(second.get(), "yes");
}

TEST(Future, keeps_the_first_value) {
  Promise<int> promise;
  const Promise<int> copy = promise;
  EXPECT_TRUE(promise.set(1));
  EXPECT_FALSE(copy.set(2));
  EXPECT_EQ(promise.future().get(), 1);
}

TEST(Future, get_waits_for_another_thread) {
  Promise<int> promise;
  std::jthread other([promise] { promise.set(5); });
  EXPECT_EQ(promise.future().get(), 5);
}

TEST(Future, get_for_gives_up_without_a_value) {
  Promise<int> promise;
  EXPECT_EQ(promise.future().get_for(1ns), std::nullopt);
  promise.set(3);
  EXPECT_THAT(promise.future().get_for(10s), Optional(3));
}

TEST(Future, then_runs_in_the_completing_thread_by_default) {
  Promise<int> promise;
  std::thread::id ran_in;
  const auto done = promise.future().then([&](int) { ran_in = std::this_thread::get_id(); });
  std::thread other([promise] { promise.set(1); });
  const auto expected = other.get_id();
  done.get();
  other.join();
  EXPECT_EQ(ran_in, expected);
}

TEST(Future, then_runs_at_once_when_the_value_is_there) {
  Promise<int> promise;
  promise.set(20);
  EXPECT_EQ(promise.future().then([](int value) { return value + 1; }).get_for(0ns), 21);
}

TEST(Future, then_runs_on_the_executor_and_only_there) {
  Queue queue;
  Promise<int> promise;
  const auto next = promise.future().then(queue.executor(), [](int value) { return std::to_string(value); });
  promise.set(42);
  EXPECT_FALSE(next.ready());
  queue.run_all();
  EXPECT_THAT(next.get_for(0ns), Optional(std::string("42")));
}

TEST(Future, chains_and_calls_each_continuation_once_in_order) {
  Promise<int> promise;
  std::vector<int> seen;
  const auto future = promise.future();
  future.then([&](int value) { seen.push_back(value); });
  const auto last = future.then([](int value) { return value * 2; }).then([&](int value) { seen.push_back(value); });
  promise.set(4);
  promise.set(9);
  last.get();
  EXPECT_THAT(seen, ElementsAre(4, 8));
}

TEST(Future, a_continuation_may_end_what_owns_the_promise) {
  auto owner = std::make_unique<Promise<int>>();
  bool second = false;
  owner->future().then([&](int) { owner.reset(); });
  owner->future().then([&](int) { second = true; });
  const Promise<int>& promise = *owner;
  promise.set(1);
  EXPECT_EQ(owner, nullptr);
  EXPECT_TRUE(second);
}

/// A coroutine that nobody waits for.
struct Detached {
  struct promise_type {
    Detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

Detached add_up(Future<int> first, Future<int> second, Promise<int> sum) {
  const int left = co_await first;
  const int right = co_await second;
  sum.set(left + right);
}

TEST(Future, can_be_awaited_before_and_after_its_value) {
  Promise<int> first;
  Promise<int> second;
  second.set(30);
  Promise<int> sum;
  add_up(first.future(), second.future(), sum);
  EXPECT_FALSE(sum.future().ready());
  std::jthread other([first] { first.set(12); });
  EXPECT_EQ(sum.future().get(), 42);
}

TEST(Future, one_value_wins_a_race_and_all_see_the_same) {
  for (int turn = 0; turn < 200; ++turn) {
    Promise<int> promise;
    std::atomic<int> wins = 0;
    std::atomic<int> calls = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] { wins += promise.set(i) ? 1 : 0; });
      threads.emplace_back([&] { promise.future().then([&](int) { ++calls; }); });
    }
    threads.clear();
    EXPECT_EQ(wins, 1);
    EXPECT_EQ(calls, 3);
  }
}

TEST(SettledPromise, wakes_who_waits_and_leaves_the_continuations_to_the_caller) {
  const Promise<int> promise;
  const Future<int> future = promise.future();
  int seen = 0;
  static_cast<void>(future.then([&](int value) { seen = value; }));
  int got = 0;
  std::thread waiter([&] { got = future.get(); });
  auto rest = promise.settle(7);
  waiter.join();
  EXPECT_EQ(got, 7);
  EXPECT_EQ(seen, 0) << "no continuation runs in the thread that settles";
  ASSERT_TRUE(rest);
  rest();
  EXPECT_EQ(seen, 7);
  EXPECT_FALSE(promise.settle(8)) << "the first value counts";
  EXPECT_EQ(future.get(), 7);
}

}  // namespace
}  // namespace mosaik
