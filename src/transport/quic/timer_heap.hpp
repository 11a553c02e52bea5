#pragma once
/// The deadlines of all connections, the nearest first. Each timer lives in its owner, so that moving one allocates
/// nothing.

#include <cstddef>
#include <vector>

#include "base/now.hpp"
#include "link/link.hpp"

namespace mosaik::quic {

struct Timer {
  LinkId link;
  Mono at = never;
  std::size_t place = 0;  ///< 1 + index in the heap; 0 when not set

  explicit Timer(LinkId owner) noexcept : link(owner) {}
};

class TimerHeap {
 public:
  /// Moves the timer; `never` takes it out.
  void set(Timer& timer, Mono at);
  void cancel(Timer& timer) { set(timer, never); }
  [[nodiscard]] Mono next() const noexcept { return heap_.empty() ? never : heap_.front()->at; }
  /// The owner of the nearest deadline, if that is not after `now`.
  [[nodiscard]] const Timer* due(Mono now) const noexcept {
    return next() <= now && !heap_.empty() ? heap_.front() : nullptr;
  }
  [[nodiscard]] Timer* nearest() noexcept { return heap_.empty() ? nullptr : heap_.front(); }

 private:
  /// Equal times fire in the order of link ids, so that every run is the same.
  static bool before(const Timer& a, const Timer& b) noexcept { return a.at != b.at ? a.at < b.at : a.link < b.link; }
  void place(std::size_t index, Timer* timer) noexcept;
  void rise(std::size_t index) noexcept;
  void sink(std::size_t index) noexcept;

  std::vector<Timer*> heap_;
};

}  // namespace mosaik::quic
