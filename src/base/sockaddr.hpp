#pragma once
/// The kernel's forms of a SocketAddress.

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include <mosaik/types/address.hpp>

namespace mosaik {

/// Room for an address of either family.
union Sockaddr {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  Sockaddr() noexcept : v6{} {}
  explicit Sockaddr(const SocketAddress& address) noexcept;
  /// Of the form that its family has.
  [[nodiscard]] socklen_t size() const noexcept { return any.sa_family == AF_INET ? sizeof v4 : sizeof v6; }
};

/// Nothing for null and for a family that is neither IPv4 nor IPv6.
[[nodiscard]] std::optional<SocketAddress> from_sockaddr(const sockaddr* address) noexcept;

[[nodiscard]] SocketAddress from_in_addr(const in_addr& address, std::uint16_t port) noexcept;
[[nodiscard]] SocketAddress from_in_addr(const in6_addr& address, std::uint16_t port) noexcept;
[[nodiscard]] in_addr to_in_addr(const SocketAddress& address) noexcept;
[[nodiscard]] in6_addr to_in6_addr(const SocketAddress& address) noexcept;

}  // namespace mosaik
