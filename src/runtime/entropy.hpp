#pragma once
/// Unguessable bytes from the operating system.

#include <span>

#include <mosaik/types/bytes.hpp>

namespace mosaik::runtime {

/// Fills `out` from getrandom(2); waits only while the kernel's pool has never been seeded since boot.
void fill_random(std::span<std::uint8_t> out) noexcept;

[[nodiscard]] inline Bytes32 random_bytes32() noexcept {
  Bytes32 out;
  fill_random(out);
  return out;
}

}  // namespace mosaik::runtime
