#pragma once
/// What one computer believes of the time: `mono` runs at its own rate and never back, `boot` also counts sleep, `wall`
/// can be set. All integers, so that every platform reads the same.

#include "base/now.hpp"

namespace mosaik::sim {

class Clock {
 public:
  /// Wall time of a right clock at the world's time 0, Unix milliseconds.
  static constexpr std::int64_t epoch_ms = 1'776'500'000'000;

  /// `uptime`: how long the computer has been up when the world begins.
  explicit Clock(Nanoseconds uptime = 0s) : local_(uptime) {}

  [[nodiscard]] Now read(Mono world) const;
  /// When, in world time, `mono` will show `local`; not before `world`.
  [[nodiscard]] Mono when(Mono local, Mono world) const;

  /// Parts per million that the oscillator is fast; all three clocks follow.
  void set_rate(Mono world, std::int64_t ppm);
  /// Somebody sets the wall clock.
  void jump(std::chrono::milliseconds by) { wall_offset_ += by; }
  /// The computer sleeps for `span` from now: `mono` stands still, `boot` and `wall` go on.
  void sleep_until(Mono world, Nanoseconds span);
  /// It is woken, earlier than that.
  void wake(Mono world);
  /// Wall time is right again and the rate too.
  void set_right(Mono world);

  [[nodiscard]] std::int64_t rate() const noexcept { return ppm_; }
  [[nodiscard]] std::chrono::milliseconds wall_offset() const noexcept { return wall_offset_; }

 private:
  [[nodiscard]] Nanoseconds elapsed(Mono world) const;

  Mono anchor_{};          ///< world time of the last change of rate
  Nanoseconds local_{};    ///< what `mono` showed then
  Nanoseconds drifted_{};  ///< what the wall clock had gained by its rate then
  std::int64_t ppm_ = 0;
  Nanoseconds slept_{};  ///< before the anchor
  std::chrono::milliseconds wall_offset_{};
};

}  // namespace mosaik::sim
