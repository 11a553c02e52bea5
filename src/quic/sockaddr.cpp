#include "quic/sockaddr.hpp"

#include <cstring>

namespace mosaik::quic {

Sockaddr::Sockaddr(const SocketAddress& address) noexcept : v6{} {
  if (address.is_v4()) {
    v4 = sockaddr_in{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port());
    std::memcpy(&v4.sin_addr, address.octets().data(), sizeof v4.sin_addr);
  } else {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port());
    std::memcpy(&v6.sin6_addr, address.octets().data(), sizeof v6.sin6_addr);
  }
}

SocketAddress to_address(const sockaddr& from) noexcept {
  if (from.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    return SocketAddress::v4(octets, ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from, sizeof v6);
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
  return SocketAddress::v6(octets, ntohs(v6.sin6_port));
}

}  // namespace mosaik::quic
