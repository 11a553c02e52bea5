#include "udp/interfaces.hpp"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/sockaddr.hpp"

namespace mosaik::udp {
namespace {

/// 169.254.0.0/16 and fe80::/10: meaningless without a scope.
bool is_link_local(const SocketAddress& address) {
  const auto& octets = address.octets();
  if (address.is_v4()) return octets[0] == 169 && octets[1] == 254;
  return octets[0] == 0xfe && (octets[1] & 0xc0U) == 0x80;
}

}  // namespace

std::vector<SocketAddress> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  std::vector<SocketAddress> found;
  std::vector<SocketAddress> loopback;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) == 0) continue;
    const auto address = from_sockaddr(at->ifa_addr);
    if (!address || address->is_unspecified() || is_link_local(*address)) continue;
    const bool own = (at->ifa_flags & IFF_LOOPBACK) != 0 || address->is_loopback();
    (own ? loopback : found).push_back(address->with_port(0));
  }
  ::freeifaddrs(list);
  std::vector<SocketAddress>& out = found.empty() ? loopback : found;
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

std::optional<InterfaceWatch> InterfaceWatch::open() {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return std::nullopt;
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) return std::nullopt;
  return InterfaceWatch(std::move(socket));
}

// What changed does not matter: the addresses are asked for anew. An overrun (ENOBUFS) is news too.
bool InterfaceWatch::drain() noexcept {
  std::array<char, 8192> message;
  for (bool news = false;;) {
    const ssize_t got = ::recv(fd(), message.data(), message.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return news;
    if (got < 0 && errno != ENOBUFS && errno != EINTR) return news;
    news = true;
  }
}

}  // namespace mosaik::udp
