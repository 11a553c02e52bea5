#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

#include "udp/sockaddr.hpp"
#include "udp/socket.hpp"

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
    const auto address = from_kernel(at->ifa_addr);
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

}  // namespace mosaik::udp
