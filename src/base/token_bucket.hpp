#pragma once
/// A token bucket of amounts: `burst` at once, `per_second` after that. An amount is taken whole when anything is left,
/// so that one larger than the burst passes too: what it takes too much is owed, and nothing passes before that has
/// grown again.

#include <algorithm>
#include <cstdint>

#include "base/assert.hpp"
#include "base/now.hpp"

namespace mosaik {

template <class Time>
class BasicTokenBucket {
 public:
  BasicTokenBucket(std::uint64_t burst, std::uint64_t per_second, Time now)
      : most_(static_cast<std::int64_t>(burst)),
        rate_(static_cast<std::int64_t>(per_second)),
        level_(most_ * second),
        at_(now) {
    MOSAIK_ASSERT(burst > 0 && per_second > 0 && burst < greatest && per_second < greatest);
  }

  /// Something is left.
  [[nodiscard]] bool ready(Time now) noexcept {
    refill(now);
    return level_ > 0;
  }
  void spend(Time now, std::uint64_t amount) noexcept {
    refill(now);
    const std::int64_t cost = static_cast<std::int64_t>(std::min(amount, greatest)) * second;
    level_ = std::max(level_, -static_cast<std::int64_t>(greatest) * second) - cost;
  }
  /// Takes one whole token, and owes nothing; false when there is none.
  [[nodiscard]] bool take_whole(Mono now) noexcept {
    refill(now);
    if (level_ < second) return false;
    level_ -= second;
    return true;
  }
  /// Takes the amount if anything is left.
  [[nodiscard]] bool take(Time now, std::uint64_t amount = 1) noexcept {
    if (!ready(now)) return false;
    spend(now, amount);
    return true;
  }
  /// When something is left again; not later than the last input when something is.
  [[nodiscard]] Time ready_at() const noexcept {
    return level_ > 0 ? at_ : at_ + Nanoseconds((1 - level_) / rate_ + 1);
  }

 private:
  static constexpr std::int64_t second = 1'000'000'000;
  static constexpr std::uint64_t greatest = std::uint64_t{1} << 32U;  ///< of a burst, a rate or an amount

  void refill(Time now) noexcept {
    if (now <= at_) return;
    const Nanoseconds::rep passed = (now - at_).count();
    at_ = now;
    const bool full = passed > (most_ * second - level_) / rate_;
    level_ = full ? most_ * second : level_ + passed * rate_;
  }

  std::int64_t most_;
  std::int64_t rate_;
  std::int64_t level_;  ///< tokens, in billionths
  Time at_;
};
using TokenBucket = BasicTokenBucket<Mono>;
/// Grows while the computer sleeps, too.
using BootTokenBucket = BasicTokenBucket<Boot>;

}  // namespace mosaik
