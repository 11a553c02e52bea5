#pragma once
/// What one bonded peer is given of the log: one answer at a time, at a bounded rate.
///
/// A request costs a joiner six bytes and its provider a quarter of a megabyte, copied and sent. So the next one is
/// looked at when the last answer has left our queue, and of those that come meanwhile only the newest is kept: a
/// joiner that has asked again does not wait for the older answer.

#include <optional>
#include <utility>

#include "base/limits.hpp"
#include "base/token_bucket.hpp"
#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

class Provision {
 public:
  explicit Provision(Mono now) : rate_(limits::catch_up_burst, limits::catch_up_rate, now) {}

  void ask(const IndexRange& range) { asked_ = range; }
  /// The request to answer now.
  [[nodiscard]] std::optional<IndexRange> next(Mono now) {
    if (!asked_ || out_ || !rate_.ready(now)) return std::nullopt;
    return std::exchange(asked_, std::nullopt);
  }
  /// The request got an answer of so much, sent with this urgency.
  void answered(Mono now, std::size_t entries, std::size_t bytes, Urgency urgency) {
    rate_.spend(now, 1 + entries + bytes / limits::catch_up_unit);
    out_ = urgency;
  }
  /// The class in which an answer has not left our queue yet, as far as we were told.
  [[nodiscard]] const std::optional<Urgency>& out() const noexcept { return out_; }
  void taken() noexcept { out_.reset(); }
  /// When a request that waits for nothing but the rate is due.
  [[nodiscard]] Mono next_deadline() const noexcept { return asked_ && !out_ ? rate_.ready_at() : never; }

 private:
  TokenBucket rate_;
  std::optional<IndexRange> asked_;
  std::optional<Urgency> out_;
};

}  // namespace mosaik::consensus
