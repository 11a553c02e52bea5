#pragma once
/// Registry of the protocols that a mosaik node speaks, each on connections of its own (spec: discovery 0, transport
/// 6). A protocol that stands here is known to every endpoint; another one is served when node registers it.

#include <array>
#include <cstdint>
#include <string_view>

namespace mosaik {

/// What a link is for: how long it bears silence.
enum class LinkUse : std::uint8_t {
  lasting,   ///< limits::quic_idle_timeout
  exchange,  ///< a question and its answer: limits::exchange_idle_timeout
};

/// Names a protocol by the text that TLS negotiates (RFC 7301).
class Alpn {
 public:
  /// None.
  constexpr Alpn() noexcept = default;
  /// `text`: 1 to 255 bytes that live as long as the program.
  consteval Alpn(std::string_view text, LinkUse use) : text_(text), use_(use) {
    if (text.empty() || text.size() > 255) throw "an ALPN has 1 to 255 bytes";
  }
  [[nodiscard]] constexpr std::string_view text() const noexcept { return text_; }
  [[nodiscard]] constexpr LinkUse use() const noexcept { return use_; }
  friend constexpr bool operator==(const Alpn& a, const Alpn& b) noexcept { return a.text_ == b.text_; }

  static const Alpn groups;
  static const Alpn sync;
  static const Alpn ping;
  /// The crate's gossip. We do not speak it; that a Rust node dials it tells us where that node is.
  static const Alpn announce;

 private:
  std::string_view text_;
  LinkUse use_ = LinkUse::lasting;
};

inline constexpr Alpn Alpn::groups{"/mosaik/groups/1", LinkUse::lasting};
inline constexpr Alpn Alpn::sync{"/mosaik/discovery/sync/1.0", LinkUse::exchange};
inline constexpr Alpn Alpn::ping{"/mosaik/discovery/ping/1.0", LinkUse::exchange};
inline constexpr Alpn Alpn::announce{"/mosaik/discovery/announce/1.0", LinkUse::lasting};

/// The order is that of their numbers in the simulator's fast tier.
inline constexpr std::array<Alpn, 4> known_alpns = {Alpn::groups, Alpn::sync, Alpn::ping, Alpn::announce};

}  // namespace mosaik
