#include "transport/quic/timer_heap.hpp"

namespace mosaik::quic {

void TimerHeap::set(Timer& timer, Mono at) {
  if (timer.place == 0) {
    if (at == never) return;
    timer.at = at;
    heap_.push_back(&timer);
    timer.place = heap_.size();
    rise(heap_.size() - 1);
    return;
  }
  const std::size_t index = timer.place - 1;
  if (at == never) {
    Timer* const last = heap_.back();
    heap_.pop_back();
    timer.place = 0;
    timer.at = never;
    if (last == &timer) return;
    place(index, last);
    rise(index);
    sink(last->place - 1);
    return;
  }
  timer.at = at;
  rise(index);
  sink(timer.place - 1);
}

void TimerHeap::place(std::size_t index, Timer* timer) noexcept {
  heap_[index] = timer;
  timer->place = index + 1;
}

void TimerHeap::rise(std::size_t index) noexcept {
  Timer* const timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!before(*timer, *heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void TimerHeap::sink(std::size_t index) noexcept {
  Timer* const timer = heap_[index];
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

}  // namespace mosaik::quic
