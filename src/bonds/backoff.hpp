#pragma once
/// When to try again: jittered, between `least` and `most`, doubling.

#include <algorithm>

#include "base/random.hpp"

namespace mosaik::bonds {

class Backoff {
 public:
  /// The pause before the next try: half of the current step for sure, the rest by chance.
  [[nodiscard]] Nanoseconds next(Nanoseconds least, Nanoseconds most, Rng& rng) {
    step_ = std::min(std::max(step_, least) * 2, most);
    return rng.between(step_ / 2, step_);
  }
  void reset() { step_ = {}; }

 private:
  Nanoseconds step_{};
};

}  // namespace mosaik::bonds
