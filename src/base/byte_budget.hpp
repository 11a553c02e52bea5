#pragma once
/// Bytes that may be kept, of a fixed amount. The owner of what is kept takes and gives back; check_invariants() of the
/// owner compares the sum.

#include <cstddef>

#include "base/assert.hpp"

namespace mosaik {

class ByteBudget {
 public:
  explicit constexpr ByteBudget(std::size_t most) noexcept : most_(most) {}

  [[nodiscard]] constexpr bool has_room(std::size_t bytes) const noexcept {
    return used_ <= most_ && bytes <= most_ - used_;
  }
  /// Whether there is room was asked before.
  void take(std::size_t bytes) noexcept {
    MOSAIK_ASSERT(has_room(bytes));
    used_ += bytes;
  }
  void give_back(std::size_t bytes) noexcept {
    // Giving back twice would let the owner keep without end.
    MOSAIK_ASSERT(bytes <= used_);
    used_ -= bytes;
  }
  [[nodiscard]] constexpr std::size_t used() const noexcept { return used_; }

 private:
  std::size_t most_;
  std::size_t used_ = 0;
};

}  // namespace mosaik
