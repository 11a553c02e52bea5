#pragma once
/// The kernel's form of a SocketAddress. Private to this room.

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include <mosaik/address.hpp>

namespace mosaik::udp {

struct KernelAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] KernelAddress to_kernel(const SocketAddress& address) noexcept;
/// Nothing for a family that is neither IPv4 nor IPv6.
[[nodiscard]] std::optional<SocketAddress> from_kernel(const sockaddr* address) noexcept;

[[nodiscard]] SocketAddress from_kernel(const in_addr& address, std::uint16_t port) noexcept;
[[nodiscard]] SocketAddress from_kernel(const in6_addr& address, std::uint16_t port) noexcept;
[[nodiscard]] in_addr to_in_addr(const SocketAddress& address) noexcept;
[[nodiscard]] in6_addr to_in6_addr(const SocketAddress& address) noexcept;

}  // namespace mosaik::udp
