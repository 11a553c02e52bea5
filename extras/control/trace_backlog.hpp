#pragma once
/// TraceBacklog: the decisions that a client of `GET /v1/trace` has not taken yet. Put in by the thread that delivers
/// them, taken out by the server's. Bounded: the newest are counted then, and the next that has room says so.

#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include <mosaik/types/trace.hpp>

#include "control/limits.hpp"

namespace mosaik::control {

class TraceBacklog {
 public:
  /// True when the reader has to be woken: it has not looked since the last time.
  [[nodiscard]] bool push(const TraceRecord& record) {
    const std::scoped_lock lock(mutex_);
    if (records_.size() >= limits::trace_backlog) {
      lost_ += 1 + record.lost;
      return false;
    }
    records_.push_back(record);
    records_.back().lost += std::exchange(lost_, 0);
    return !std::exchange(woken_, true);
  }
  [[nodiscard]] std::optional<TraceRecord> pop() {
    const std::scoped_lock lock(mutex_);
    woken_ = false;
    if (records_.empty()) return std::nullopt;
    TraceRecord out = std::move(records_.front());
    records_.pop_front();
    return out;
  }

 private:
  std::mutex mutex_;
  std::deque<TraceRecord> records_;
  std::uint64_t lost_ = 0;
  bool woken_ = false;
};

}  // namespace mosaik::control
