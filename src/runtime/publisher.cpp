#include "runtime/publisher.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "base/limits.hpp"
#include "posix/thread.hpp"
#include "runtime/forks.hpp"
#include "runtime/mailbox.hpp"

namespace mosaik::runtime {
namespace {

/// Events that the mailbox had no room for, at their place in the order.
struct Missed {
  std::uint64_t count = 0;
};
using Item = std::variant<Task, Event, Missed>;

Event lost_event(std::uint64_t count) {
  Event out;
  out.kind = EventKind::lost;
  out.code = count;
  return out;
}

struct Subscriber {
  explicit Subscriber(std::function<void(const Event&)> callback) : call(std::move(callback)) {}

  void queue(const Event& event) {
    if (backlog.size() >= limits::event_backlog) {
      lost += backlog.front().kind == EventKind::lost ? backlog.front().code : 1;
      backlog.pop_front();
    }
    backlog.push_back(event);
  }
  /// The next event for this subscriber; `lost` first when the oldest had to go.
  Event next() {
    if (lost > 0) return lost_event(std::exchange(lost, 0));
    Event out = std::move(backlog.front());
    backlog.pop_front();
    return out;
  }
  [[nodiscard]] bool idle() const noexcept { return lost == 0 && backlog.empty(); }

  const std::function<void(const Event&)> call;
  // Behind the publisher's mutex.
  std::deque<Event> backlog;
  std::uint64_t lost = 0;
  // Held while the callback runs, so that whoever ends the subscription can wait for that.
  std::mutex running;
  std::atomic<bool> alive = true;
};

}  // namespace

class Publisher::State : public std::enable_shared_from_this<Publisher::State> {
 public:
  explicit State(Snapshot first) : first_(first), current_(std::move(first)) {}
  ~State() { delete slot_.load(); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<> start() {
    // The thread keeps the state alive: it may be left behind in a callback.
    auto thread = start_thread("mosaik-deliver", [self = shared_from_this()] { self->loop(); });
    if (!thread) return std::unexpected(thread.error());
    thread_ = std::move(*thread);
    return {};
  }

  // The loop's side.
  void publish(Snapshot snapshot) {
    // What no reader has taken makes room for the next: a loop that commits allocates nothing here.
    std::unique_ptr<Snapshot> next = spare_ ? std::move(spare_) : std::make_unique<Snapshot>();
    *next = std::move(snapshot);
    spare_.reset(slot_.exchange(next.release()));
    if (spare_) *spare_ = {};
  }
  void run(Task task) { mailbox_.push(std::move(task)); }
  void tell(Event event) {
    if (waiting_events_.load() >= limits::event_backlog) {
      missed_.fetch_add(1);
      return;
    }
    if (const std::uint64_t missed = missed_.exchange(0)) mailbox_.push(Missed{missed});
    waiting_events_.fetch_add(1);
    mailbox_.push(std::move(event));
  }
  void flush() {
    signal_.fetch_add(1);
    signal_.notify_one();
  }

  [[nodiscard]] bool is_watched(Interest interest) const noexcept {
    return interest == Interest::mesh || consensus_watches_.load() > 0;
  }

  // Any thread's side.
  Reading latest() {
    if (mark_.forked()) return {first_, false};
    const std::scoped_lock lock(mutex_);
    take_up();
    return {current_, std::exchange(read_, current_.status) != current_.status};
  }

  void watch(Watch watch, Interest interest) {
    Task task;
    if (mark_.forked()) {
      task = watch(nullptr);
    } else {
      const std::scoped_lock lock(mutex_);
      // Counted before the slot is read: what the loop publishes behind that, it wakes this watch for.
      if (interest == Interest::consensus) consensus_watches_.fetch_add(1);
      take_up();
      task = watch(ended_ ? nullptr : &current_);
      if (!task)
        watches_.emplace_back(std::move(watch), interest);
      else if (interest == Interest::consensus)
        consensus_watches_.fetch_sub(1);
    }
    if (task) task();
  }

  void reconsider() {
    if (mark_.forked()) return;
    {
      const std::scoped_lock lock(mutex_);
      take_up();
      show(ended_ ? nullptr : &current_);
    }
    flush();
  }

  std::shared_ptr<void> subscribe(std::function<void(const Event&)> call) {
    auto subscriber = std::make_shared<Subscriber>(std::move(call));
    if (mark_.forked()) return subscriber;
    {
      const std::scoped_lock lock(mutex_);
      take_up();  // events from now on, so the older ones must not wait in the mailbox
      subscribers_.push_back(subscriber);
    }
    Subscriber* const raw = subscriber.get();
    return {raw, [self = shared_from_this(), subscriber = std::move(subscriber)](void*) mutable {
              self->unsubscribe(subscriber);
            }};
  }

  void stop(Nanoseconds limit) {
    if (mark_.forked()) return;
    std::thread thread;
    std::deque<Task> left;
    {
      std::unique_lock lock(mutex_);
      if (!thread_.joinable()) return;
      take_up();
      ended_ = true;
      show(nullptr);
      thread = std::move(thread_);
      stopping_.store(true);
      flush();
      if (thread.get_id() == std::this_thread::get_id()) {
        thread.detach();
        return;
      }
      if (!finished_.wait_for(lock, limit, [this] { return finished_flag_; })) {
        abandoned_.store(true);
        left.swap(due_);
        thread.detach();
      }
    }
    for (Task& task : left) task();
    if (thread.joinable()) thread.join();
  }

 private:
  /// Empties the boxes. The mailbox first: a snapshot is handed over before its events, so what is in the slot then is
  /// at least as new.
  void take_up() {
    for (Item& item : mailbox_.drain()) {
      if (auto* task = std::get_if<Task>(&item)) {
        due_.push_back(std::move(*task));
      } else if (const auto* event = std::get_if<Event>(&item)) {
        waiting_events_.fetch_sub(1);
        queue(*event);
      } else {
        queue(lost_event(std::get<Missed>(item).count));
      }
    }
    // Nothing was told since the mailbox was full, or it would stand in there.
    if (const std::uint64_t missed = missed_.exchange(0)) queue(lost_event(missed));

    const std::unique_ptr<Snapshot> newest(slot_.exchange(nullptr));
    if (!newest) return;
    current_ = std::move(*newest);
    show(&current_);
  }

  void queue(const Event& event) {
    for (const auto& subscriber : subscribers_) subscriber->queue(event);
  }

  void show(const Snapshot* snapshot) {
    std::erase_if(watches_, [&](auto& watch) {
      Task task = watch.first(snapshot);
      if (!task) return false;
      if (watch.second == Interest::consensus) consensus_watches_.fetch_sub(1);
      due_.push_back(std::move(task));
      return true;
    });
  }

  void unsubscribe(const std::shared_ptr<Subscriber>& subscriber) {
    if (mark_.forked()) return;
    {
      const std::scoped_lock lock(mutex_);
      std::erase(subscribers_, subscriber);
    }
    subscriber->alive.store(false);
    if (delivery_.load() == std::this_thread::get_id()) return;
    const std::scoped_lock wait_for_running_callback(subscriber->running);
  }

  void loop() {
    delivery_.store(std::this_thread::get_id());
    for (;;) {
      const std::uint32_t seen = signal_.load();
      const bool last = stopping_.load();  // read first: what is due when it is set must be delivered
      if (deliver_round()) continue;
      if (last) break;
      signal_.wait(seen);
    }
    const std::scoped_lock lock(mutex_);
    finished_flag_ = true;
    finished_.notify_all();
  }

  /// One at a time: those behind one that never ends are stop()'s to run.
  Task next_task() {
    const std::scoped_lock lock(mutex_);
    if (due_.empty()) return nullptr;
    Task out = std::move(due_.front());
    due_.pop_front();
    return out;
  }

  /// True when there was anything to do.
  bool deliver_round() {
    std::size_t tasks = 0;
    std::vector<std::pair<std::shared_ptr<Subscriber>, Event>> events;
    {
      const std::scoped_lock lock(mutex_);
      take_up();
      tasks = due_.size();
      for (const auto& subscriber : subscribers_)
        if (!subscriber->idle()) events.emplace_back(subscriber, subscriber->next());
    }
    for (std::size_t left = tasks; left > 0; --left)
      if (Task task = next_task()) task();
    for (const auto& [subscriber, event] : events) {
      const std::scoped_lock lock(subscriber->running);
      if (subscriber->alive.load() && !abandoned_.load()) subscriber->call(event);
    }
    return tasks > 0 || (!events.empty() && !abandoned_.load());
  }

  // Lock-free: between the loop and everybody else.
  Mailbox<Item> mailbox_;
  std::atomic<Snapshot*> slot_ = nullptr;
  std::unique_ptr<Snapshot> spare_;  // the loop's own
  std::atomic<std::size_t> waiting_events_ = 0;
  std::atomic<std::uint32_t> signal_ = 0;
  std::atomic<std::uint64_t> missed_ = 0;
  std::atomic<std::size_t> consensus_watches_ = 0;

  std::atomic<bool> stopping_ = false;
  std::atomic<bool> abandoned_ = false;
  std::atomic<std::thread::id> delivery_;

  ForkMark mark_;
  const Snapshot first_;  // for children: nobody changes it

  std::mutex mutex_;
  std::condition_variable finished_;
  bool finished_flag_ = false;
  bool ended_ = false;
  Snapshot current_;
  std::shared_ptr<const NodeStatus> read_;  // the last one that somebody has read
  std::vector<std::pair<Watch, Interest>> watches_;
  std::deque<Task> due_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
  std::thread thread_;
};

const ReplicaStatus* Snapshot::replica(const GroupId& group) const noexcept {
  const std::span<const ReplicaStatus> all = replicas.view();
  const auto found = std::ranges::find(all, group, &ReplicaStatus::group);
  return found == all.end() ? nullptr : &*found;
}

Result<std::unique_ptr<Publisher>> Publisher::open(Snapshot first) {
  auto state = std::make_shared<State>(std::move(first));
  if (auto started = state->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<Publisher>(new Publisher(std::move(state)));
}

Publisher::~Publisher() {
  stop(300ms);
}

void Publisher::publish(Snapshot snapshot) {
  state_->publish(std::move(snapshot));
}
void Publisher::run(Task task) {
  state_->run(std::move(task));
}
void Publisher::tell(Event event) {
  state_->tell(std::move(event));
}
void Publisher::flush() {
  state_->flush();
}
Publisher::Reading Publisher::latest() {
  return state_->latest();
}
void Publisher::watch(Watch watch, Interest interest) {
  state_->watch(std::move(watch), interest);
}
bool Publisher::is_watched(Interest interest) const noexcept {
  return state_->is_watched(interest);
}
void Publisher::reconsider() {
  state_->reconsider();
}
std::shared_ptr<void> Publisher::subscribe(std::function<void(const Event&)> call) {
  return state_->subscribe(std::move(call));
}
void Publisher::stop(Nanoseconds limit) {
  state_->stop(limit);
}

}  // namespace mosaik::runtime
