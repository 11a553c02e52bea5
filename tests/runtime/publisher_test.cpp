#include "runtime/publisher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include <mosaik/async/future.hpp>

#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

using testing::SizeIs;

constexpr auto patience = 30s;

Snapshot snapshot_of(std::size_t known_peers) {
  auto status = std::make_shared<NodeStatus>();
  status->known_peers = known_peers;
  return {.status = std::move(status), .catalog = {}, .own = {}};
}

Event event_of(std::uint64_t sequence) {
  Event out;
  out.kind = EventKind::notice;
  out.sequence = sequence;
  return out;
}

std::unique_ptr<Publisher> open_publisher() {
  return Publisher::open(snapshot_of(0)).value();
}

std::size_t peers_seen(Publisher& publisher) {
  return publisher.latest().snapshot.status->known_peers;
}

/// What a subscriber was told, and a way to wait for it.
class Log {
 public:
  void add(const Event& event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }
  std::vector<Event> wait_until_last_is(std::uint64_t sequence) {
    return wait_until([&](const std::vector<Event>& all) { return !all.empty() && all.back().sequence == sequence; });
  }
  std::vector<Event> wait_until(const std::function<bool(const std::vector<Event>&)>& done) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience, [&] { return done(events_); }));
    return events_;
  }
  [[nodiscard]] std::size_t size() {
    const std::scoped_lock lock(mutex_);
    return events_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

/// Completes with the first snapshot that has `wanted` peers; -1 when there will be none.
Future<int> when_peers(Publisher& publisher, std::size_t wanted) {
  Promise<int> promise;
  publisher.watch([promise, wanted](const Snapshot* snapshot) -> Task {
    if (snapshot == nullptr) return [promise] { promise.set(-1); };
    if (snapshot->status->known_peers != wanted) return {};
    return [promise, wanted] { promise.set(static_cast<int>(wanted)); };
  });
  return promise.future();
}

TEST(Publisher, readers_see_the_newest_snapshot) {
  const auto publisher = open_publisher();
  EXPECT_EQ(peers_seen(*publisher), 0U);
  publisher->publish(snapshot_of(1));
  publisher->publish(snapshot_of(2));
  EXPECT_EQ(peers_seen(*publisher), 2U);
  EXPECT_EQ(peers_seen(*publisher), 2U);
}

TEST(Publisher, tells_the_first_reader_of_each_snapshot) {
  const auto publisher = open_publisher();
  EXPECT_TRUE(publisher->latest().first);
  EXPECT_FALSE(publisher->latest().first);
  publisher->publish(snapshot_of(1));
  EXPECT_TRUE(publisher->latest().first);
}

TEST(Publisher, completes_a_watch_when_its_snapshot_comes) {
  const auto publisher = open_publisher();
  const auto future = when_peers(*publisher, 3);
  publisher->publish(snapshot_of(2));
  publisher->flush();
  EXPECT_EQ(peers_seen(*publisher), 2U);
  EXPECT_FALSE(future.ready());
  publisher->publish(snapshot_of(3));
  publisher->flush();
  EXPECT_EQ(future.get_for(patience), 3);
}

TEST(Publisher, completes_a_watch_at_once_when_it_is_so_already) {
  const auto publisher = open_publisher();
  publisher->publish(snapshot_of(5));
  EXPECT_EQ(when_peers(*publisher, 5).get_for(0ns), 5);
}

TEST(Publisher, ends_all_watches_when_it_stops) {
  // At whatever moment of the delivery thread's round.
  for (int i = 0; i < 300; ++i) {
    const auto publisher = open_publisher();
    const auto waiting = when_peers(*publisher, 9);
    publisher->stop(patience);
    ASSERT_EQ(waiting.get_for(0ns), -1) << i;
    ASSERT_EQ(when_peers(*publisher, 9).get_for(0ns), -1);  // nothing will come any more
  }
}

TEST(Publisher, shows_a_watch_the_present_again_on_request) {
  const auto publisher = open_publisher();
  const auto left = std::make_shared<std::atomic<bool>>(false);
  Promise<bool> promise;
  publisher->watch([promise, left](const Snapshot*) -> Task {
    if (!left->load()) return {};
    return [promise] { promise.set(true); };
  });
  left->store(true);
  publisher->reconsider();
  EXPECT_EQ(promise.future().get_for(patience), true);
}

TEST(Publisher, tells_events_in_order_to_every_subscriber) {
  const auto publisher = open_publisher();
  Log one;
  Log two;
  const auto first = publisher->subscribe([&](const Event& event) { one.add(event); });
  const auto second = publisher->subscribe([&](const Event& event) { two.add(event); });
  for (std::uint64_t i = 1; i <= 100; ++i) publisher->tell(event_of(i));
  publisher->flush();
  for (Log* log : {&one, &two}) {
    const auto events = log->wait_until_last_is(100);
    ASSERT_THAT(events, SizeIs(100));
    for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(events[i].sequence, i + 1);
  }
}

TEST(Publisher, tells_a_subscriber_nothing_of_the_past) {
  const auto publisher = open_publisher();
  publisher->tell(event_of(1));  // not flushed: still on its way when the subscriber comes
  Log log;
  const auto subscription = publisher->subscribe([&](const Event& event) { log.add(event); });
  publisher->tell(event_of(2));
  publisher->flush();
  EXPECT_THAT(log.wait_until_last_is(2), SizeIs(1));
}

TEST(Publisher, a_callback_sees_the_snapshot_that_was_published_with_its_event) {
  const auto publisher = open_publisher();
  std::atomic<int> behind = 0;
  Log log;
  const auto subscription = publisher->subscribe([&](const Event& event) {
    if (peers_seen(*publisher) < event.sequence) ++behind;
    log.add(event);
  });
  for (std::uint64_t i = 1; i <= 500; ++i) {
    publisher->publish(snapshot_of(i));
    publisher->tell(event_of(i));
    publisher->flush();
  }
  log.wait_until_last_is(500);
  EXPECT_EQ(behind, 0);
}

/// A subscriber whose first event holds the delivery thread until it is let go.
class Stuck {
 public:
  explicit Stuck(Publisher& publisher) {
    subscription_ = publisher.subscribe([this](const Event& event) {
      if (event.sequence != 1) return log.add(event);
      entered_.count_down();
      go_on_.wait();
      log.add(event);
    });
    publisher.tell(event_of(1));
    publisher.flush();
    entered_.wait();
  }
  void release() { go_on_.count_down(); }

  Log log;

 private:
  std::latch entered_{1};
  std::latch go_on_{1};
  std::shared_ptr<void> subscription_;
};

TEST(Publisher, readers_are_not_held_up_by_a_callback) {
  const auto publisher = open_publisher();
  Stuck stuck(*publisher);
  publisher->publish(snapshot_of(8));
  EXPECT_EQ(peers_seen(*publisher), 8U);
  stuck.release();
}

TEST(Publisher, counts_what_a_slow_subscriber_missed_and_drops_the_oldest) {
  const auto publisher = open_publisher();
  Stuck stuck(*publisher);
  constexpr std::uint64_t all = limits::event_backlog + 10;
  for (std::uint64_t i = 2; i <= all; ++i) {
    publisher->tell(event_of(i));
    peers_seen(*publisher);  // a reader empties the mailbox into the subscriber's backlog
  }
  stuck.release();
  const auto events = stuck.log.wait_until_last_is(all);
  ASSERT_THAT(events, SizeIs(2 + limits::event_backlog));
  EXPECT_EQ(events[1].kind, EventKind::lost);
  EXPECT_EQ(events[1].code, 9U);
  EXPECT_EQ(events[2].sequence, 11U);
}

TEST(Publisher, keeps_a_bounded_number_of_events_while_nobody_takes_them) {
  const auto publisher = open_publisher();
  Stuck stuck(*publisher);
  constexpr std::uint64_t kept = limits::event_backlog + 1;
  for (std::uint64_t i = 2; i <= kept + 50; ++i) publisher->tell(event_of(i));
  publisher->publish(snapshot_of(1));
  peers_seen(*publisher);  // the mailbox has room again
  publisher->tell(event_of(5000));
  publisher->flush();
  stuck.release();
  const auto events = stuck.log.wait_until_last_is(5000);
  std::uint64_t lost = 0;
  for (const Event& event : events)
    if (event.kind == EventKind::lost) lost += event.code;
  // Every event is accounted for: told, or counted.
  const auto told = static_cast<std::uint64_t>(
      std::ranges::count_if(events, [](const Event& event) { return event.kind == EventKind::notice; }));
  EXPECT_EQ(told + lost, kept + 50 + 1);
  EXPECT_GE(lost, 50U);
}

TEST(Publisher, tells_what_was_missed_though_nothing_follows) {
  const auto publisher = open_publisher();
  Stuck stuck(*publisher);
  constexpr std::uint64_t kept = limits::event_backlog + 1;
  for (std::uint64_t i = 2; i <= kept + 50; ++i) publisher->tell(event_of(i));
  publisher->flush();
  stuck.release();
  // Every event is accounted for: told, or counted.
  const auto events = stuck.log.wait_until([&](const std::vector<Event>& all) {
    std::uint64_t out = 0;
    for (const Event& event : all) out += event.kind == EventKind::lost ? event.code : 1;
    return out == kept + 50;
  });
  EXPECT_EQ(events.back().kind, EventKind::lost);
}

TEST(Publisher, completions_overtake_the_backlog_of_a_slow_subscriber) {
  const auto publisher = open_publisher();
  std::atomic<int> events_before = 0;
  std::promise<int> at_completion;
  std::latch in_first{1};
  std::latch go_on{1};
  const auto subscription = publisher->subscribe([&](const Event& event) {
    if (event.sequence == 1) {
      in_first.count_down();
      go_on.wait();
    }
    ++events_before;
  });
  for (std::uint64_t i = 1; i <= 100; ++i) publisher->tell(event_of(i));
  publisher->flush();
  in_first.wait();
  publisher->run([&] { at_completion.set_value(events_before.load()); });
  publisher->flush();
  go_on.count_down();
  EXPECT_EQ(at_completion.get_future().get(), 1);
}

TEST(Publisher, no_callback_runs_once_its_subscription_has_ended) {
  const auto publisher = open_publisher();
  std::atomic<bool> over = false;
  std::atomic<int> late = 0;
  std::jthread loop([&](const std::stop_token& stop) {
    for (std::uint64_t i = 1; !stop.stop_requested(); ++i) {
      publisher->tell(event_of(i));
      publisher->flush();
    }
  });
  for (int turn = 0; turn < 200; ++turn) {
    over = false;
    std::latch called{1};
    std::once_flag once;
    auto subscription = publisher->subscribe([&](const Event&) {
      if (over) ++late;
      std::call_once(once, [&] { called.count_down(); });
    });
    called.wait();
    subscription.reset();
    over = true;
  }
  EXPECT_EQ(late, 0);
}

TEST(Publisher, a_subscription_may_end_in_its_own_callback) {
  const auto publisher = open_publisher();
  std::shared_ptr<void> subscription;
  Log log;
  Log witness;
  std::mutex mutex;
  {
    const std::scoped_lock lock(mutex);
    subscription = publisher->subscribe([&](const Event& event) {
      const std::scoped_lock inner(mutex);
      subscription.reset();
      log.add(event);
    });
  }
  const auto other = publisher->subscribe([&](const Event& event) { witness.add(event); });
  publisher->tell(event_of(1));
  publisher->tell(event_of(2));
  publisher->flush();
  witness.wait_until_last_is(2);
  EXPECT_EQ(log.size(), 1U);
}

TEST(Publisher, delivers_what_is_due_before_it_stops) {
  const auto publisher = open_publisher();
  Log log;
  const auto subscription = publisher->subscribe([&](const Event& event) { log.add(event); });
  std::atomic<bool> ran = false;
  for (std::uint64_t i = 1; i <= 50; ++i) publisher->tell(event_of(i));
  publisher->run([&] { ran = true; });
  publisher->stop(patience);
  EXPECT_TRUE(ran);
  EXPECT_EQ(log.size(), 50U);
}

TEST(Publisher, stops_in_time_though_a_callback_does_not_return) {
  std::promise<void> entered;
  auto gate = std::make_shared<std::promise<void>>();
  auto finished = std::make_shared<std::promise<void>>();
  {
    const auto publisher = open_publisher();
    auto subscription = publisher->subscribe([&entered, gate, finished](const Event&) {
      entered.set_value();
      gate->get_future().wait();
      finished->set_value();
    });
    publisher->tell(event_of(1));
    publisher->flush();
    entered.get_future().wait();
    const auto waiting = when_peers(*publisher, 1);
    publisher->stop(1ms);
    EXPECT_EQ(waiting.get_for(0ns), -1);  // whoever waits is not forgotten
    gate->set_value();
    subscription.reset();
  }
  finished->get_future().wait();
}

TEST(Publisher, runs_what_is_due_behind_a_completion_that_does_not_return) {
  std::promise<void> entered;
  auto gate = std::make_shared<std::promise<void>>();
  auto finished = std::make_shared<std::promise<void>>();
  bool ran = false;
  {
    const auto publisher = open_publisher();
    publisher->run([&entered, gate, finished] {
      entered.set_value();
      gate->get_future().wait();
      finished->set_value();
    });
    publisher->run([&ran] { ran = true; });  // of the same round
    publisher->flush();
    entered.get_future().wait();
    publisher->stop(1ms);
    EXPECT_TRUE(ran);
    gate->set_value();
  }
  finished->get_future().wait();
}

TEST(Publisher, may_be_stopped_by_its_own_callback) {
  auto publisher = open_publisher();
  std::promise<void> stopped;
  auto subscription = publisher->subscribe([&](const Event&) {
    publisher->stop(patience);
    publisher.reset();
    stopped.set_value();
  });
  publisher->tell(event_of(1));
  publisher->flush();
  ASSERT_EQ(stopped.get_future().wait_for(patience), std::future_status::ready);
  subscription.reset();
}

TEST(Publisher, survives_readers_watchers_subscribers_and_a_busy_loop_at_once) {
  const auto publisher = open_publisher();
  constexpr std::uint64_t last = 3000;
  std::atomic<std::size_t> tasks = 0;
  Log log;
  const auto subscription = publisher->subscribe([&](const Event& event) {
    if (event.sequence % 100 == 0) log.add(event);
  });
  std::vector<std::jthread> threads;
  threads.emplace_back([&](const std::stop_token& stop) {
    for (std::size_t before = 0; !stop.stop_requested();) {
      const std::size_t now = peers_seen(*publisher);
      EXPECT_GE(now, before);
      before = now;
    }
  });
  threads.emplace_back([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) publisher->subscribe([](const Event&) {}).reset();
  });
  const auto end = when_peers(*publisher, last);
  std::jthread loop([&] {
    for (std::uint64_t i = 1; i <= last; ++i) {
      publisher->publish(snapshot_of(i));
      publisher->tell(event_of(i));
      publisher->run([&] { ++tasks; });
      publisher->flush();
    }
  });
  EXPECT_EQ(end.get_for(patience), static_cast<int>(last));
  loop.join();
  threads.clear();
  publisher->stop(patience);
  EXPECT_EQ(tasks, last);
}

}  // namespace
}  // namespace mosaik::runtime
