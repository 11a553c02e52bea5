#pragma once
/// Byte views, fixed byte arrays and hexadecimal text.

#include <mosaik/export.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mosaik {

using Byte = std::uint8_t;
using BytesView = std::span<const std::uint8_t>;  ///< somebody else's bytes, for the length of a call
using Bytes32 = std::array<std::uint8_t, 32>;     ///< a digest, a key, an id
using Bytes64 = std::array<std::uint8_t, 64>;     ///< a signature

/// The bytes of a text, without a terminator.
[[nodiscard]] inline BytesView bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Lower-case hexadecimal text, two digits a byte.
[[nodiscard]] inline std::string to_hex(BytesView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 15U]);
  }
  return out;
}

/// Reads exactly `out.size()` bytes of hexadecimal text (either case); false when the text is anything else.
[[nodiscard]] constexpr bool from_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() != out.size() * 2) return false;
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace mosaik
