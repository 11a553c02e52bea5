#pragma once
/// Nodes on the loopback interface, and the patience to wait for them.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <mosaik/mosaik.hpp>

#include "base/folder.hpp"

namespace mosaik::test {

using namespace std::chrono_literals;

inline constexpr auto patience = 60s;

inline NetworkConfig on_loopback(std::vector<std::string> bootstrap = {}) {
  return {.network = "api-test", .bootstrap = std::move(bootstrap), .listen = {"127.0.0.1:0"}};
}

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);  // the test fails with it
  return std::move(*result);
}

inline Network open_node(std::vector<std::string> bootstrap = {}) {
  return value_of(Network::open(on_loopback(std::move(bootstrap))));
}

inline Group join(const Network& network, std::string_view secret = "test secret") {
  return value_of(network.groups().with_key(GroupKey::from_secret(secret)).join());
}

/// The value of a future that has to come.
template <class T>
T wait_for(const Future<Result<T>>& future) {
  auto out = future.get_for(patience);
  if (!out) throw std::runtime_error("the future did not complete");
  if (!*out) throw std::runtime_error(out->error().message);
  if constexpr (!std::is_void_v<T>) return std::move(**out);
}

/// All events of a node, and a way to wait for one.
class Events {
 public:
  explicit Events(const Network& network)
      : subscription_(network.subscribe([this](const Event& event) {
          const std::scoped_lock lock(mutex_);
          events_.push_back(event);
          changed_.notify_all();
        })) {}

  template <class Wanted>
  Event wait_for(Wanted wanted) {
    std::unique_lock lock(mutex_);
    std::size_t seen = 0;
    const Event* found = nullptr;
    changed_.wait_for(lock, patience, [&] {
      for (; seen < events_.size() && found == nullptr; ++seen)
        if (wanted(events_[seen])) found = &events_[seen];
      return found != nullptr;
    });
    if (found == nullptr) throw std::runtime_error("the event did not come");
    return *found;
  }
  Event wait_for(EventKind kind) {
    return wait_for([kind](const Event& event) { return event.kind == kind; });
  }
  std::vector<Event> all() {
    const std::scoped_lock lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
  Subscription subscription_;  // the last: no callback comes before the rest is there, or after it is gone
};

}  // namespace mosaik::test
