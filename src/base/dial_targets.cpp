#include "base/dial_targets.hpp"

#include <algorithm>
#include <array>

namespace mosaik {

namespace {
/// RFC 6890: "this network", multicast, reserved and broadcast; link-local IPv6 needs a scope that no entry carries.
std::string_view no_unicast(const SocketAddress& address) {
  const std::uint8_t first = address.octets()[0];
  if (address.port() == 0) return "it has no port";
  if (address.is_unspecified() || (address.is_v4() && first == 0)) return "it is the unspecified address";
  if (address.is_v4() && first >= 240) return "it is a broadcast or reserved address";
  if (address.is_v4() ? first >= 224 : first == 0xff) return "it is a multicast address";
  if (!address.is_v4() && address.is_link_local() && address.scope() == 0)
    return "it is link-local, and nothing says on which interface";
  return {};
}
}  // namespace

SocketAddress unmapped(const SocketAddress& address) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto& octets = address.octets();
  if (address.is_v4() || !std::equal(mapped.begin(), mapped.end(), octets.begin())) return address;
  return SocketAddress::v4({octets[12], octets[13], octets[14], octets[15]}, address.port());
}

void DialTargets::set_own(const std::vector<SocketAddress>& listening, const std::vector<SocketAddress>& reachable) {
  listening_.clear();
  reachable_.clear();
  for (const SocketAddress& address : listening) listening_.push_back(unmapped(address));
  for (const SocketAddress& address : reachable) reachable_.push_back(unmapped(address));
  const auto loopback = [](const SocketAddress& address) { return address.is_loopback(); };
  const std::vector<SocketAddress>& known = reachable_.empty() ? listening_ : reachable_;
  local_ = !known.empty() && std::ranges::all_of(known, loopback);
}

bool DialTargets::is_own(const SocketAddress& address) const {
  const SocketAddress at = unmapped(address);
  const auto is_at = [&](const SocketAddress& own) { return own == at; };
  if (std::ranges::any_of(reachable_, is_at) || std::ranges::any_of(listening_, is_at)) return true;
  return at.is_loopback() && std::ranges::any_of(listening_, [&](const SocketAddress& own) {
           return own.is_unspecified() && own.port() == at.port();
         });
}

bool DialTargets::is_here(const SocketAddress& remote) const {
  const SocketAddress from = unmapped(remote);
  if (from.is_loopback()) return true;
  return std::ranges::any_of(reachable_, [&](const SocketAddress& own) { return own.with_port(from.port()) == from; });
}

std::string_view DialTargets::objection(const SocketAddress& address, PeerPlace place) const {
  const SocketAddress at = unmapped(address);
  if (const std::string_view why = no_unicast(at); !why.empty()) return why;
  if (is_own(at)) return "it is our own address";
  if (at.is_loopback() && !local_ && place == PeerPlace::unknown) return "it is a loopback address, told from afar";
  return {};
}

}  // namespace mosaik
