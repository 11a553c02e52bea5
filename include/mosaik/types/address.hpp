#pragma once
/// An IP address and a UDP port, IPv4 or IPv6.

#include <array>
#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

#include <mosaik/export.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik {

/// Ordered: IPv4 before IPv6, then octets, port and scope. A scope is never advertised: it means something on this
/// computer alone.
class MOSAIK_EXPORT SocketAddress {
 public:
  enum class Family : std::uint8_t { v4, v6 };

  constexpr SocketAddress() noexcept = default;  ///< 0.0.0.0:0
  [[nodiscard]] static constexpr SocketAddress v4(const std::array<std::uint8_t, 4>& octets,
                                                  std::uint16_t port) noexcept {
    SocketAddress out;
    for (std::size_t i = 0; i < 4; ++i) out.octets_[i] = octets[i];
    out.port_ = port;
    return out;
  }
  [[nodiscard]] static constexpr SocketAddress v6(const std::array<std::uint8_t, 16>& octets,
                                                  std::uint16_t port) noexcept {
    SocketAddress out;
    out.family_ = Family::v6;
    out.octets_ = octets;
    out.port_ = port;
    return out;
  }
  /// `192.0.2.7:4433`, `[2001:db8::1]:4433` or `[fe80::1%3]:4433`; names are not resolved here, those of interfaces
  /// neither.
  [[nodiscard]] static Result<SocketAddress> parse(std::string_view text);

  [[nodiscard]] constexpr Family family() const noexcept { return family_; }
  [[nodiscard]] constexpr bool is_v4() const noexcept { return family_ == Family::v4; }
  /// 16 octets; the first four for IPv4.
  [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& octets() const noexcept { return octets_; }
  [[nodiscard]] constexpr std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] constexpr SocketAddress with_port(std::uint16_t port) const noexcept {
    SocketAddress out = *this;
    out.port_ = port;
    return out;
  }
  /// 0.0.0.0 or [::].
  [[nodiscard]] constexpr bool is_unspecified() const noexcept { return octets_ == std::array<std::uint8_t, 16>{}; }
  [[nodiscard]] bool is_loopback() const noexcept;
  /// 169.254.0.0/16 or fe80::/10: known on one link only.
  [[nodiscard]] constexpr bool is_link_local() const noexcept {
    if (is_v4()) return octets_[0] == 169 && octets_[1] == 254;
    return octets_[0] == 0xfe && (octets_[1] & 0xc0U) == 0x80;
  }
  /// Index of the interface behind which a link-local IPv6 address is (RFC 4007); 0: not known, or of no meaning.
  [[nodiscard]] constexpr std::uint32_t scope() const noexcept { return scope_; }
  /// Behind this interface; as it is unless it is a link-local IPv6 address.
  [[nodiscard]] constexpr SocketAddress with_scope(std::uint32_t scope) const noexcept {
    SocketAddress out = *this;
    if (!is_v4() && is_link_local()) out.scope_ = scope;
    return out;
  }
  [[nodiscard]] std::string text() const;

  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) noexcept = default;
  friend std::ostream& operator<<(std::ostream& out, const SocketAddress& address) { return out << address.text(); }

 private:
  Family family_ = Family::v4;
  std::array<std::uint8_t, 16> octets_{};
  std::uint16_t port_ = 0;
  std::uint32_t scope_ = 0;
};

}  // namespace mosaik
