#pragma once
/// One thread, one heap ordered by (time, sequence): what is planned first for a moment happens first in it.
/// This is the world's true time; what a node believes is its Clock's business. Time starts at 1 s, never at 0, so that
/// a forgotten default shows.

#include <cstdint>
#include <functional>
#include <vector>

#include "base/now.hpp"

namespace mosaik::sim {

using Task = std::move_only_function<void()>;

class Scheduler {
 public:
  [[nodiscard]] Mono now() const noexcept { return now_; }
  /// Plans `task` for `time`, or for now when that has passed.
  void at(Mono time, Task task);
  void after(Nanoseconds pause, Task task) { at(now_ + pause, std::move(task)); }
  /// Some task is planned up to `until`.
  [[nodiscard]] bool due(Mono until) const noexcept { return !heap_.empty() && heap_.front().time <= until; }
  /// Runs the next task; false when none is planned up to `until`, and the time is then `until`.
  bool step(Mono until);
  /// Tasks run since time last passed: many of them mean that the world spins.
  [[nodiscard]] std::uint64_t at_once() const noexcept { return at_once_; }
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

 private:
  struct Item {
    Mono time;
    std::uint64_t sequence;
    Task task;
  };
  /// The heap's order: the earliest is the greatest.
  static bool later(const Item& one, const Item& other) noexcept;

  Mono now_{Nanoseconds(1s)};
  std::uint64_t sequence_ = 0;
  std::uint64_t at_once_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Item> heap_;
};

}  // namespace mosaik::sim
