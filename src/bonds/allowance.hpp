#pragma once
/// A token bucket: so many at once, so many a second after that.

#include <algorithm>
#include <cstddef>

#include "base/now.hpp"

namespace mosaik::bonds {

class Allowance {
 public:
  Allowance(std::size_t burst, std::size_t per_second, const Now& now)
      : most_(cost(per_second) * static_cast<Nanoseconds::rep>(burst)),
        cost_(cost(per_second)),
        left_(most_),
        at_(now.mono) {}

  /// Takes one; false when there is none.
  [[nodiscard]] bool take(const Now& now) {
    left_ = std::min(most_, left_ + (now.mono - at_));
    at_ = now.mono;
    if (left_ < cost_) return false;
    left_ -= cost_;
    return true;
  }

 private:
  /// A token is the time in which it grows.
  [[nodiscard]] static Nanoseconds cost(std::size_t per_second) {
    return Nanoseconds(1s) / static_cast<Nanoseconds::rep>(per_second);
  }

  Nanoseconds most_;
  Nanoseconds cost_;
  Nanoseconds left_;
  Mono at_;
};

}  // namespace mosaik::bonds
