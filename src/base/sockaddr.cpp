#include "base/sockaddr.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace mosaik {

in_addr to_in_addr(const SocketAddress& address) noexcept {
  in_addr out{};
  std::memcpy(&out, address.octets().data(), sizeof out);
  return out;
}

in6_addr to_in6_addr(const SocketAddress& address) noexcept {
  in6_addr out{};
  std::memcpy(&out, address.octets().data(), sizeof out);
  return out;
}

SocketAddress from_in_addr(const in_addr& address, std::uint16_t port) noexcept {
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &address, octets.size());
  return SocketAddress::v4(octets, port);
}

SocketAddress from_in_addr(const in6_addr& address, std::uint16_t port) noexcept {
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), &address, octets.size());
  return SocketAddress::v6(octets, port);
}

Sockaddr::Sockaddr(const SocketAddress& address) noexcept : v6{} {
  if (address.is_v4()) {
    v4 = sockaddr_in{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    v4.sin_addr = to_in_addr(address);
  } else {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    v6.sin6_addr = to_in6_addr(address);
    v6.sin6_scope_id = address.scope();
  }
}

std::optional<SocketAddress> from_sockaddr(const sockaddr* address) noexcept {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return from_in_addr(v4.sin_addr, ntohs(v4.sin_port));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return from_in_addr(v6.sin6_addr, ntohs(v6.sin6_port)).with_scope(v6.sin6_scope_id);
  }
  return std::nullopt;
}

}  // namespace mosaik
