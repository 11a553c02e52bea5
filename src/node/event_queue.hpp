#pragma once
/// EventQueue: what cores tell, on its way to other cores, oldest first. It is the only queue between them: the events
/// of one input are one batch, stored as the core has made it.

#include <deque>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "bonds/events.hpp"
#include "detector/failure_detector.hpp"
#include "discovery/discovery.hpp"

namespace mosaik::node {

/// Of one group's mesh; the zero id: of handshakes that have named no group.
struct GroupEvents {
  GroupId group;
  std::vector<bonds::MeshEvent> events;
};
using CoreEvents =
    std::variant<GroupEvents, std::vector<discovery::DiscoveryEvent>, std::vector<detector::DetectorEvent>>;

class EventQueue {
 public:
  void push(const GroupId& group, std::vector<bonds::MeshEvent>&& events) {
    if (!events.empty()) batches_.emplace_back(GroupEvents{group, std::move(events)});
  }
  void push(std::vector<discovery::DiscoveryEvent>&& events) {
    if (!events.empty()) batches_.emplace_back(std::move(events));
  }
  void push(std::vector<detector::DetectorEvent>&& events) {
    if (!events.empty()) batches_.emplace_back(std::move(events));
  }
  [[nodiscard]] bool empty() const noexcept { return batches_.empty(); }
  [[nodiscard]] CoreEvents pop() {
    MOSAIK_ASSERT(!batches_.empty());
    CoreEvents out = std::move(batches_.front());
    batches_.pop_front();
    return out;
  }

 private:
  std::deque<CoreEvents> batches_;
};

}  // namespace mosaik::node
