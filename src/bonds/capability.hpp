#pragma once
/// What a C++ peer said in its handshake that it can do (docs/protocol/extensions.md, tag 2).

#include <cstdint>

namespace mosaik::bonds {

enum class Capability : std::uint64_t {
  topology_rows = 1,  ///< sends its topology row behind Pings, understands ours
  sentinel = 2,       ///< understands offers of a sentinel
  opinions = 4,       ///< says what it knows of others' life and death
  forget = 8,         ///< forgets a member when another one asks it to
};

struct Capabilities {
  std::uint64_t bits = 0;
  [[nodiscard]] constexpr bool can(Capability capability) const noexcept {
    return (bits & static_cast<std::uint64_t>(capability)) != 0;
  }
};

[[nodiscard]] constexpr Capabilities operator&(Capabilities one, Capabilities other) noexcept {
  return {one.bits & other.bits};
}

/// What this node says of itself.
inline constexpr Capabilities own_capabilities{
    static_cast<std::uint64_t>(Capability::topology_rows) | static_cast<std::uint64_t>(Capability::sentinel) |
    static_cast<std::uint64_t>(Capability::opinions) | static_cast<std::uint64_t>(Capability::forget)};

}  // namespace mosaik::bonds
