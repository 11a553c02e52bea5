#include "sim/world/scheduler.hpp"

#include <algorithm>

namespace mosaik::sim {

bool Scheduler::later(const Item& one, const Item& other) noexcept {
  return one.time != other.time ? one.time > other.time : one.sequence > other.sequence;
}

void Scheduler::at(Mono time, Task task) {
  heap_.push_back({std::max(time, now_), ++sequence_, std::move(task)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

bool Scheduler::step(Mono until) {
  if (!due(until)) {
    now_ = std::max(now_, until);
    at_once_ = 0;
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Item item = std::move(heap_.back());
  heap_.pop_back();
  at_once_ = item.time == now_ ? at_once_ + 1 : 0;
  ++steps_;
  now_ = item.time;
  item.task();
  return true;
}

}  // namespace mosaik::sim
