#include "control/backlog.hpp"

#include <utility>

namespace mosaik::control {

void Backlog::push(const Event& event) {
  if (event.kind == EventKind::bonds_changed || event.kind == EventKind::topology_changed) {
    std::erase_if(events_, [&](const Event& old) { return old.kind == event.kind && old.group == event.group; });
  }
  if (events_.size() >= limit_) {
    lost_ += events_.front().kind == EventKind::lost ? events_.front().code : 1;
    events_.pop_front();
  }
  events_.push_back(event);
}

std::optional<Event> Backlog::pop() {
  if (lost_ > 0) {
    Event lost;
    lost.kind = EventKind::lost;
    lost.code = std::exchange(lost_, 0);
    if (!events_.empty()) {
      lost.sequence = events_.front().sequence;
      lost.wall_ms = events_.front().wall_ms;
      lost.mono_ns = events_.front().mono_ns;
    }
    return lost;
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace mosaik::control
