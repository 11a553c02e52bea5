#pragma once
/// The heartbeat of one bond (docs/protocol/groups.md 4.3): asks for life by Ping, counts what is missed, and raises
/// the alert that ends the bond. It is the last resort: health/ is faster. Both ends keep their own.

#include "base/now.hpp"
#include "base/random.hpp"

namespace mosaik::bonds {

struct HeartbeatConfig {
  Nanoseconds base = 500ms;
  Nanoseconds jitter = 150ms;  ///< 0 is legal; more than base counts as base
  std::uint64_t max_missed = 10;
};

/// The draws of one mesh. A tick may be anywhere between base - jitter and base, so all bonds whose window holds a
/// moment that was drawn already take it: their Pings leave in one wake instead of one each.
class Pulse {
 public:
  explicit Pulse(Rng rng) : rng_(rng) {}
  /// In [low, high]: the moment drawn last if it lies there, else a new one, uniformly.
  [[nodiscard]] Mono draw(Mono low, Mono high) {
    if (drawn_ < low || drawn_ > high) drawn_ = low + rng_.between({}, high - low);
    return drawn_;
  }

 private:
  Rng rng_;
  Mono drawn_{};
};

class Heartbeat {
 public:
  /// The first tick is due at once: each end sends a Ping right after the handshake.
  Heartbeat(const HeartbeatConfig& config, const Now& now);

  /// Any frame from the peer: nothing is missed, and the next tick starts over.
  void reset(const Now& now, Pulse& pulse);
  /// A part of a frame: nothing is missed. The tick stays: a peer whose frame is long in coming hears our Pings, while
  /// its own wait behind that frame.
  void part_came(const Now& now) noexcept;
  /// When the tick is due, draws the next one and returns true: send a Ping. A late tick is delayed, not made up for.
  [[nodiscard]] bool on_time(const Now& now, Pulse& pulse);

  [[nodiscard]] Mono tick() const noexcept { return tick_; }
  [[nodiscard]] Mono last_received() const noexcept { return last_received_; }
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  [[nodiscard]] std::uint64_t max_missed() const noexcept { return config_.max_missed; }
  /// True once max_missed consecutive ticks went by without a frame: the bond has failed.
  [[nodiscard]] bool alert() const noexcept { return alert_; }

 private:
  /// In [base - jitter, base], never zero, from now on.
  [[nodiscard]] Mono draw(const Now& now, Pulse& pulse) const;

  HeartbeatConfig config_;
  Mono tick_;
  Mono last_received_;
  std::uint64_t missed_ = 0;
  bool alert_ = false;
};

}  // namespace mosaik::bonds
