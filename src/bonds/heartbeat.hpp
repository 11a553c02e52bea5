#pragma once
/// The heartbeat of one bond (docs/protocol/groups.md 4.3): asks for life by Ping, counts what is missed, and raises the
/// alert that ends the bond. It is the last resort: health/ is faster. Both ends keep their own.

#include "base/now.hpp"
#include "base/random.hpp"

namespace mosaik::bonds {

struct HeartbeatConfig {
  Nanoseconds base = 500ms;
  Nanoseconds jitter = 150ms;  ///< 0 is legal; more than base counts as base
  std::uint64_t max_missed = 10;
};

class Heartbeat {
 public:
  /// The first tick is due at once: each end sends a Ping right after the handshake.
  Heartbeat(const HeartbeatConfig& config, const Now& now, Rng rng);

  /// Any frame from the peer: nothing is missed, and the next tick starts over.
  void reset(const Now& now);
  /// When the tick is due, draws the next one and returns true: send a Ping. A late tick is delayed, not made up for.
  [[nodiscard]] bool on_time(const Now& now);

  [[nodiscard]] Mono tick() const noexcept { return tick_; }
  [[nodiscard]] Mono last_received() const noexcept { return last_received_; }
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  [[nodiscard]] std::uint64_t max_missed() const noexcept { return config_.max_missed; }
  /// True once max_missed consecutive ticks went by without a frame: the bond has failed.
  [[nodiscard]] bool alert() const noexcept { return alert_; }

 private:
  /// Uniform in [base - jitter, base], never zero.
  [[nodiscard]] Nanoseconds draw();

  HeartbeatConfig config_;
  Rng rng_;
  Mono tick_;
  Mono last_received_;
  std::uint64_t missed_ = 0;
  bool alert_ = false;
};

}  // namespace mosaik::bonds
