#pragma once
/// SemVer 2.0.0 text, as far as an entry's protocol label needs it (spec: discovery 1.6).

#include <cstdint>
#include <optional>
#include <string_view>

namespace mosaik::wire {

struct SemVer {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::string_view pre;    ///< without its '-'; a version with one comes before the version without
  std::string_view build;  ///< without its '+'; of no weight in the order
};

/// Views into `text`; empty when it is no SemVer (SemVer 2.0.0, 2 to 10), which fails an entry's decoding in Rust too.
[[nodiscard]] std::optional<SemVer> parse_semver(std::string_view text) noexcept;

/// True when `version` comes before MAJOR.MINOR.0 (SemVer 2.0.0, 11).
[[nodiscard]] bool is_below(const SemVer& version, std::uint64_t major, std::uint64_t minor) noexcept;

}  // namespace mosaik::wire
