#include "transport/udp/interfaces.hpp"

#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include <mosaik/types/bytes.hpp>

#include "base/sockaddr.hpp"

namespace mosaik::udp {
namespace {

/// An address of an interface that is up.
struct Found {
  std::string interface;
  SocketAddress address;
  bool loopback = false;
};

ifreq request_for(const std::string& interface) noexcept {
  ifreq out{};
  interface.copy(out.ifr_name, sizeof out.ifr_name - 1);
  return out;
}

/// Any socket will do for what is asked of interfaces.
Descriptor asking_socket() {
  Descriptor out(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!out) out = Descriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return out;
}

/// The flags of an interface; 0 when there is none.
unsigned flags_of(int socket, const std::string& interface) {
  ifreq request = request_for(interface);
  if (::ioctl(socket, SIOCGIFFLAGS, &request) != 0) return 0;
  return static_cast<unsigned short>(request.ifr_flags);
}

bool is_bridge(int socket, const std::string& interface) {
  ifreq request = request_for(interface);
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  request.ifr_data = reinterpret_cast<char*>(&info);
  return ::ioctl(socket, SIOCETHTOOL, &request) == 0 && std::string_view(info.driver) == "bridge";
}

/// The bridge's ports; a kernel that does not say is taken to have some.
bool has_ports(int socket, const std::string& bridge) {
  ifreq request = request_for(bridge);
  std::array<int, 64> ports{};
  std::array<unsigned long, 4> words = {BRCTL_GET_PORT_LIST, reinterpret_cast<unsigned long>(ports.data()),
                                        ports.size(), 0};
  request.ifr_data = reinterpret_cast<char*>(words.data());
  if (::ioctl(socket, SIOCDEVPRIVATE, &request) < 0) return true;
  return std::ranges::any_of(ports, [](int port) { return port != 0; });
}

/// The address from which a datagram to the rest of the world would leave; nothing without a default route. Connecting
/// a UDP socket asks the routing table and sends nothing.
std::optional<SocketAddress> outward_address(const SocketAddress& far) {
  const Descriptor socket(::socket(far.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Sockaddr remote(far);
  if (!socket || ::connect(socket.get(), &remote.any, remote.size()) != 0) return std::nullopt;
  Sockaddr local;
  socklen_t size = sizeof local;
  if (::getsockname(socket.get(), &local.any, &size) != 0) return std::nullopt;
  const auto address = from_sockaddr(&local.any);
  return address ? std::optional(address->with_port(0)) : std::nullopt;
}

/// Interfaces behind which a default route of either family is.
std::vector<std::string> outward_interfaces(const std::vector<Found>& found) {
  // a.root-servers.net: an address that will stay global, and that no filter takes for one that cannot be.
  const auto far_v4 = SocketAddress::v4({198, 41, 0, 4}, 53);
  const auto far_v6 = SocketAddress::v6({0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x30}, 53);
  std::vector<std::string> out;
  for (const SocketAddress& far : {far_v4, far_v6}) {
    const auto own = outward_address(far);
    if (!own) continue;
    for (const Found& one : found)
      if (one.address == *own && !one.loopback) out.push_back(one.interface);
  }
  return out;
}

std::optional<std::vector<Found>> ask_netlink() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  std::vector<Found> out;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    const auto address = from_sockaddr(at->ifa_addr);
    if (!address || (at->ifa_flags & IFF_UP) == 0) continue;
    out.push_back({at->ifa_name, address->with_port(0), (at->ifa_flags & IFF_LOOPBACK) != 0});
  }
  ::freeifaddrs(list);
  return out;
}

/// Adds it if its interface is up.
void add_found(std::vector<Found>& out, int socket, std::string interface, const SocketAddress& address) {
  const unsigned flags = flags_of(socket, interface);
  if ((flags & IFF_UP) != 0) out.push_back({std::move(interface), address, (flags & IFF_LOOPBACK) != 0});
}

void ask_ioctl(std::vector<Found>& out, int socket) {
  std::array<ifreq, 256> interfaces{};
  ifconf request{};
  request.ifc_len = static_cast<int>(sizeof interfaces);
  request.ifc_req = interfaces.data();
  if (::ioctl(socket, SIOCGIFCONF, &request) != 0) return;
  const std::size_t count = static_cast<std::size_t>(request.ifc_len) / sizeof(ifreq);
  for (const ifreq& one : std::span(interfaces).first(count)) {
    const auto address = from_sockaddr(&one.ifr_addr);
    if (!address) continue;
    // An address of its own name (eth0:1) belongs to the interface before the colon.
    const std::string_view label(one.ifr_name, ::strnlen(one.ifr_name, sizeof one.ifr_name));
    add_found(out, socket, std::string(label.substr(0, label.find(':'))), address->with_port(0));
  }
}

/// `fe80000000000000... 02 40 20 80     eth0`: address, index, length of the prefix, kind, flags, name, all
/// hexadecimal.
void ask_proc(std::vector<Found>& out, int socket) {
  std::ifstream list("/proc/thread-self/net/if_inet6");
  std::string digits;
  std::string index;
  std::string prefix;
  std::string kind;
  std::string flags;
  std::string interface;
  while (list >> digits >> index >> prefix >> kind >> flags >> interface) {
    std::array<std::uint8_t, 16> octets{};
    if (!from_hex(digits, octets)) continue;
    const auto scope = static_cast<std::uint32_t>(std::strtoul(index.c_str(), nullptr, 16));
    add_found(out, socket, interface, SocketAddress::v6(octets, 0).with_scope(scope));
  }
}

std::vector<Found> ask_without_netlink() {
  std::vector<Found> out;
  const Descriptor socket = asking_socket();
  if (!socket) return out;
  ask_ioctl(out, socket.get());
  ask_proc(out, socket.get());
  return out;
}

/// Tells the standing of interfaces; each is looked at once, and only when an address asks for it: a computer with
/// many containers has hundreds that have nothing but a link-local address.
class Standings {
 public:
  explicit Standings(const std::vector<Found>& found) : outward_(outward_interfaces(found)) {}

  [[nodiscard]] Standing of(const Found& one) {
    if (one.loopback || one.address.is_loopback()) return Standing::loopback;
    if (one.address.is_link_local()) return Standing::link_local;
    const auto [at, fresh] = known_.try_emplace(one.interface, Standing::ordinary);
    if (fresh) at->second = of_interface(one.interface);
    return at->second;
  }

 private:
  [[nodiscard]] Standing of_interface(const std::string& interface) const {
    if (std::ranges::find(outward_, interface) != outward_.end()) return Standing::outward;
    if (!socket_ || !is_bridge(socket_.get(), interface)) return Standing::ordinary;
    return has_ports(socket_.get(), interface) ? Standing::bridge : Standing::idle_bridge;
  }

  std::vector<std::string> outward_;
  Descriptor socket_ = asking_socket();
  std::map<std::string, Standing> known_;
};

std::vector<HostAddress> ranked(const std::vector<Found>& found) {
  Standings standings(found);
  std::vector<HostAddress> out;
  for (const Found& one : found)
    if (!one.address.is_unspecified()) out.push_back({one.address, standings.of(one)});
  std::ranges::sort(out, {}, [](const HostAddress& one) { return std::pair(one.standing, one.address); });
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

}  // namespace

std::vector<HostAddress> interface_addresses() {
  const auto found = ask_netlink();
  return found ? ranked(*found) : interface_addresses_without_netlink();
}

std::vector<HostAddress> interface_addresses_without_netlink() {
  return ranked(ask_without_netlink());
}

Result<InterfaceWatch> InterfaceWatch::open() {
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0)
    return fail(Errc::io, std::generic_category().message(errno));
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
