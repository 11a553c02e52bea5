#pragma once
/// Backoff: how long to wait before the next try. Doubles from `least` to `most`; each delay is drawn from the upper
/// half of its step, so that nodes which failed together do not come back together.

#include <algorithm>

#include "base/random.hpp"

namespace mosaik::discovery {

class Backoff {
 public:
  constexpr Backoff(Nanoseconds least, Nanoseconds most) noexcept : least_(least), most_(std::max(least, most)) {}

  /// Counts one more failure and draws the delay before the next try: within [least, most].
  Nanoseconds fail(Rng& rng) noexcept {
    step_ = step_ == Nanoseconds::zero() ? least_ : step_;
    step_ = step_ > most_ / 2 ? most_ : step_ * 2;
    return std::max(least_, rng.between(step_ / 2, step_));
  }
  void reset() noexcept { step_ = Nanoseconds::zero(); }

 private:
  Nanoseconds least_;
  Nanoseconds most_;
  Nanoseconds step_{};
};

}  // namespace mosaik::discovery
