#pragma once
/// The protocols that a mosaik node speaks, each on connections of its own (spec: discovery 0, transport 6).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mosaik {

/// `announce` is the crate's gossip. We do not speak it; that a Rust node dials it tells us where that node is.
enum class Alpn : std::uint8_t { groups, sync, ping, announce };

inline constexpr std::array<std::string_view, 4> alpn_texts = {
    "/mosaik/groups/1", "/mosaik/discovery/sync/1.0", "/mosaik/discovery/ping/1.0", "/mosaik/discovery/announce/1.0"};

[[nodiscard]] constexpr std::string_view text_of(Alpn alpn) noexcept {
  return alpn_texts[static_cast<std::size_t>(alpn)];
}
[[nodiscard]] constexpr std::optional<Alpn> alpn_of(std::string_view text) noexcept {
  for (std::size_t i = 0; i < alpn_texts.size(); ++i)
    if (alpn_texts[i] == text) return static_cast<Alpn>(i);
  return std::nullopt;
}

}  // namespace mosaik
