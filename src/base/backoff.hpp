#pragma once
/// When to try again: doubling from `least` to `most`, each pause drawn from the upper half of its step, so that nodes
/// which failed together do not come back together.

#include <algorithm>

#include "base/random.hpp"

namespace mosaik {

class Backoff {
 public:
  /// The pause before the next try, within [least, most]: half of the current step for sure, the rest by chance.
  [[nodiscard]] Nanoseconds next(Nanoseconds least, Nanoseconds most, Rng& rng) {
    step_ = std::min(std::max(step_, least) * 2, most);
    return std::max(least, rng.between(step_ / 2, step_));
  }
  void reset() { step_ = {}; }

 private:
  Nanoseconds step_{};
};

}  // namespace mosaik
