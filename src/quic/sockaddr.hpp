#pragma once
/// SocketAddress as the sockaddr that ngtcp2 wants. Private to the room.

#include <netinet/in.h>
#include <sys/socket.h>

#include <mosaik/address.hpp>

namespace mosaik::quic {

union Sockaddr {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;

  explicit Sockaddr(const SocketAddress& address) noexcept;
  [[nodiscard]] socklen_t size() const noexcept { return any.sa_family == AF_INET ? sizeof v4 : sizeof v6; }
};

[[nodiscard]] SocketAddress to_address(const sockaddr& from) noexcept;

}  // namespace mosaik::quic
