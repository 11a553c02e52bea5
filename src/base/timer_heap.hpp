#pragma once
/// The deadlines of many owners, the nearest first. Each timer lives in its owner, so that moving one allocates
/// nothing.

#include <cstddef>
#include <vector>

#include "base/assert.hpp"
#include "base/now.hpp"

namespace mosaik {

template <class Owner>
struct Timer {
  Owner owner;
  Mono at = never;
  std::size_t place = 0;  ///< 1 + index in the heap; 0 when not set

  explicit Timer(Owner named) noexcept : owner(named) {}
};

template <class Owner>
class TimerHeap {
 public:
  /// Moves the timer; `never` takes it out.
  void set(Timer<Owner>& timer, Mono at) {
    MOSAIK_ASSERT(timer.place == 0 || (timer.place <= heap_.size() && heap_[timer.place - 1] == &timer));
    if (at == never) return remove(timer);
    timer.at = at;
    if (timer.place == 0) {
      heap_.push_back(&timer);
      timer.place = heap_.size();
    }
    rise(timer.place - 1);
    sink(timer.place - 1);
  }
  void cancel(Timer<Owner>& timer) { set(timer, never); }
  [[nodiscard]] Mono next() const noexcept { return heap_.empty() ? never : heap_.front()->at; }
  [[nodiscard]] Timer<Owner>* nearest() noexcept { return heap_.empty() ? nullptr : heap_.front(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

  void check_invariants() const {
    for (std::size_t i = 0; i < heap_.size(); ++i) {
      // Protects cancel(): a timer that is taken out is the one that was meant.
      MOSAIK_ASSERT(heap_[i]->place == i + 1);
      // Protects next(): no deadline is earlier than the one that is waited for.
      MOSAIK_ASSERT(i == 0 || !before(*heap_[i], *heap_[(i - 1) / 2]));
    }
  }

 private:
  /// Equal times fire in the order of owners, so that every run is the same.
  static bool before(const Timer<Owner>& a, const Timer<Owner>& b) noexcept {
    return a.at != b.at ? a.at < b.at : a.owner < b.owner;
  }
  void remove(Timer<Owner>& timer) {
    if (timer.place == 0) return;
    const std::size_t index = timer.place - 1;
    Timer<Owner>* const last = heap_.back();
    heap_.pop_back();
    timer.place = 0;
    timer.at = never;
    if (last == &timer) return;
    place(index, last);
    rise(index);
    sink(last->place - 1);
  }
  void place(std::size_t index, Timer<Owner>* timer) noexcept {
    heap_[index] = timer;
    timer->place = index + 1;
  }
  void rise(std::size_t index) noexcept {
    Timer<Owner>* const timer = heap_[index];
    while (index > 0) {
      const std::size_t parent = (index - 1) / 2;
      if (!before(*timer, *heap_[parent])) break;
      place(index, heap_[parent]);
      index = parent;
    }
    place(index, timer);
  }
  void sink(std::size_t index) noexcept {
    Timer<Owner>* const timer = heap_[index];
    for (;;) {
      std::size_t child = 2 * index + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
      if (!before(*heap_[child], *timer)) break;
      place(index, heap_[child]);
      index = child;
    }
    place(index, timer);
  }

  std::vector<Timer<Owner>*> heap_;
};

}  // namespace mosaik
