#pragma once
/// When to try again: jittered, doubling from `least` to `most`.

#include <algorithm>

#include "base/random.hpp"

namespace mosaik::bonds {

class Backoff {
 public:
  /// The pause before the next try: half of the current step for sure, the rest by chance.
  [[nodiscard]] Nanoseconds next(Nanoseconds least, Nanoseconds most, Rng& rng) {
    const Nanoseconds step = std::clamp(step_ * 2, least, most);
    step_ = step;
    return rng.between(step / 2, step);
  }
  void reset() { step_ = {}; }

 private:
  Nanoseconds step_{};
};

}  // namespace mosaik::bonds
