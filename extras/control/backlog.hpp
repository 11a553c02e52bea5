#pragma once
/// Backlog: the events that a reader has not taken yet. Bounded: the oldest are dropped and counted, and the reader
/// finds one `lost` event in their place. News about a set (bonds, topology) stands once for each group: the reader
/// gets the newest set anyway, so that a slow one is not sent the same list many times.

#include <cstdint>
#include <deque>
#include <optional>

#include <mosaik/types/event.hpp>

#include "control/limits.hpp"

namespace mosaik::control {

class Backlog {
 public:
  explicit Backlog(std::size_t limit = limits::event_backlog) : limit_(limit) {}

  void push(const Event& event);
  /// The oldest; what was lost before it comes first.
  [[nodiscard]] std::optional<Event> pop();
  [[nodiscard]] bool empty() const noexcept { return lost_ == 0 && events_.empty(); }

 private:
  std::size_t limit_;
  std::uint64_t lost_ = 0;
  std::deque<Event> events_;
};

}  // namespace mosaik::control
