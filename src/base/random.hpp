#pragma once
/// A seeded generator (xoshiro256**): the same numbers on every platform, from a seed that is an argument.
/// For timing and choice only. What must not be guessed comes from crypto/drbg.hpp.

#include <array>
#include <cstdint>
#include <string_view>

#include "base/now.hpp"

namespace mosaik {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) noexcept;

  std::uint64_t next() noexcept;
  /// Uniform in [0, bound); 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// Uniform in [low, high]; low when high < low.
  Nanoseconds between(Nanoseconds low, Nanoseconds high) noexcept;
  /// A child stream that depends on this one's seed and the name, not on what was drawn so far.
  [[nodiscard]] Rng fork(std::string_view name, std::uint64_t index = 0) const noexcept;

 private:
  std::uint64_t seed_;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace mosaik
