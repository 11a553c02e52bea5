#pragma once
/// The demo's counting: adds through one node of the mesh, one after the other, each waiting for its commit, and keeps
/// the books: what the counter must show at the end, and how long the longest pause was.

#include "demo/demo_node.hpp"

namespace mosaik::command {

class DemoCounter {
 public:
  /// Begins to count through `node`, which outlives the counting.
  void begin(DemoNode& node);
  /// Adds no more; the last add may still be under way.
  void finish() { counting_ = false; }
  /// Takes answers up and adds again. Call when the node has said something, and at next_due().
  void pump();
  [[nodiscard]] DemoClock::time_point next_due() const noexcept;

  /// Adds under way.
  [[nodiscard]] bool busy() const noexcept { return asked_; }
  [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  /// Whether `value` is what the acknowledged adds come to; those whose end nobody could tell may be in it.
  [[nodiscard]] bool explains(std::int64_t value) const noexcept;
  /// The longest time between two acknowledged adds since forget_pause().
  [[nodiscard]] std::chrono::nanoseconds pause() const noexcept { return pause_; }
  void forget_pause() noexcept { pause_ = {}; }

 private:
  void add();
  void on_reply(const DemoNode::Reply& reply);

  DemoNode* node_ = nullptr;
  bool counting_ = false;
  bool asked_ = false;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t doubtful_ = 0;
  DemoClock::time_point last_;
  DemoClock::time_point again_at_;
  std::chrono::nanoseconds pause_{};
};

}  // namespace mosaik::command
