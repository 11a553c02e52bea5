#pragma once
/// Tracing: the decisions of the node, on their way to those who subscribed to them.
///
/// The port of the node is set only while there is a reader. A record is made on the loop for each reader that wants
/// it, and delivered at the end of the turn, on the delivery thread. Limits: trace_backlog records wait for one
/// reader; the newest have no room then, and the next record that has says how many they were.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <mosaik/types/trace.hpp>

#include "base/trace.hpp"
#include "runtime/completion.hpp"

namespace mosaik::node {
class Node;
}

namespace mosaik::runtime {

/// Records that wait for one reader.
inline constexpr std::size_t trace_backlog = 4096;

class TraceReader {
 public:
  TraceReader(TraceFilter filter, std::function<void(const TraceRecord&)> call)
      : filter_(std::move(filter)), call_(std::move(call)) {}

  // The loop's side.
  [[nodiscard]] bool wants(const Decision& decision) const;
  /// Takes a place in the backlog; empty when there is none. The value: how many had none before.
  [[nodiscard]] std::optional<std::uint64_t> reserve();

  // The delivery thread's side.
  void deliver(const TraceRecord& record);

  // Any thread's side.
  [[nodiscard]] bool alive() const noexcept { return alive_.load(); }
  /// No callback runs after that; waits for one that does, unless it is the caller.
  void end();

 private:
  const TraceFilter filter_;
  const std::function<void(const TraceRecord&)> call_;
  std::uint64_t lost_ = 0;  ///< the loop's
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<bool> alive_ = true;
  std::atomic<std::thread::id> delivery_;
  std::mutex running_;  ///< held while the callback runs
};

/// Used on the loop's thread only.
class Tracing final : public TracePort {
 public:
  explicit Tracing(node::Node& node) : node_(node) {}
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  void add(std::shared_ptr<TraceReader> reader);
  /// Forgets the readers that have ended.
  void prune();
  /// Delivers what was decided since the last call; null when that is nothing.
  [[nodiscard]] Task take();
  void on_decision(const Now& now, const Decision& decision) override;

 private:
  using Batch = std::vector<std::pair<std::shared_ptr<TraceReader>, TraceRecord>>;

  node::Node& node_;
  std::vector<std::shared_ptr<TraceReader>> readers_;
  Batch batch_;
};

}  // namespace mosaik::runtime
