#include "api/config.hpp"

#include <algorithm>
#include <utility>

#include "api/contact.hpp"
#include "base/limits.hpp"

namespace mosaik::api {
namespace {

std::string quoted(std::string_view setting, std::string_view value) {
  return std::string(setting) + " '" + std::string(value) + "' ";
}

std::unexpected<Error> bad(std::string_view setting, std::string_view value, std::string_view what) {
  return fail(Errc::invalid_argument, quoted(setting, value) + std::string(what));
}

Result<SocketAddress> parse_address(std::string_view setting, const std::string& text) {
  auto out = SocketAddress::parse(text);
  if (!out)
    return bad(setting, text,
               "is no address; write IP:PORT, e.g. 192.0.2.7:4433 or [2001:db8::7]:4433 (names are not resolved here)");
  return out;
}

Result<std::vector<SocketAddress>> parse_listen(const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(Errc::invalid_argument, "listen is empty; name at least one IP:PORT, e.g. 0.0.0.0:0");
  std::vector<SocketAddress> out;
  for (const std::string& text : texts) {
    const auto address = parse_address("listen", text);
    if (!address) return std::unexpected(address.error());
    if (!address->is_v4() && address->is_link_local() && address->scope() == 0)
      return bad("listen", text,
                 "is a link-local address, which names no interface; write [::]:" + std::to_string(address->port()) +
                     " to listen on all");
    const auto same_family = [&](const SocketAddress& other) { return other.family() == address->family(); };
    if (std::ranges::any_of(out, same_family))
      return bad("listen", text,
                 "is a second address of its family; a node listens on at most one IPv4 and one IPv6 address");
    out.push_back(*address);
  }
  return out;
}

Result<std::vector<SocketAddress>> parse_advertise(const std::vector<std::string>& texts) {
  if (texts.size() > limits::entry_addresses)
    return fail(Errc::limit, "advertise has " + std::to_string(texts.size()) + " addresses; at most " +
                                 std::to_string(limits::entry_addresses) + " fit into an entry");
  std::vector<SocketAddress> out;
  for (const std::string& text : texts) {
    const auto address = parse_address("advertise", text);
    if (!address) return std::unexpected(address.error());
    if (address->is_unspecified())
      return bad("advertise", text, "cannot be dialed; write an address that others can reach");
    if (address->port() == 0) return bad("advertise", text, "has no port; write the port that others shall dial");
    if (!address->is_v4() && address->is_link_local())
      return bad("advertise", text,
                 "is a link-local address: what it means depends on the link, and others are not told which; write "
                 "another address");
    out.push_back(*address);
  }
  return out;
}

Result<std::vector<discovery::BootstrapPeer>> parse_bootstrap(const std::vector<std::string>& texts) {
  if (texts.size() > limits::bootstrap_peers)
    return fail(Errc::limit, "bootstrap has " + std::to_string(texts.size()) + " contacts; at most " +
                                 std::to_string(limits::bootstrap_peers) + " are tried: a few of them are enough");
  std::vector<discovery::BootstrapPeer> out;
  for (const std::string& text : texts) {
    auto peer = parse_contact("bootstrap", text);
    if (!peer) return std::unexpected(peer.error());
    const auto same = [&](const discovery::BootstrapPeer& other) {
      return other.id == peer->id && other.host == peer->host && other.port == peer->port &&
             other.service == peer->service;
    };
    if (std::ranges::none_of(out, same)) out.push_back(std::move(*peer));
  }
  return out;
}

}  // namespace

Result<Settings> parse_settings(const NetworkConfig& config) {
  if (config.network.empty()) return fail(Errc::invalid_argument, "network is empty; give the network a name");
  if (config.secret_key && !config.secret_key_file.empty())
    return fail(Errc::invalid_argument, "secret_key and secret_key_file are both set; keep one of them");
  if (config.tags.size() > limits::entry_items)
    return fail(Errc::limit, "there are " + std::to_string(config.tags.size()) + " tags; at most " +
                                 std::to_string(limits::entry_items) + " fit into an entry");
  Settings out;
  out.network = id_of<NetworkId>(config.network);
  auto bootstrap = parse_bootstrap(config.bootstrap);
  if (!bootstrap) return std::unexpected(bootstrap.error());
  auto listen = parse_listen(config.listen);
  if (!listen) return std::unexpected(listen.error());
  auto advertise = parse_advertise(config.advertise);
  if (!advertise) return std::unexpected(advertise.error());
  out.bootstrap = std::move(*bootstrap);
  out.listen = std::move(*listen);
  out.advertise = std::move(*advertise);
  for (const std::string& tag : config.tags) out.tags.push_back(id_of<Tag>(tag));
  return out;
}

namespace {

/// An address that leads here, with its standing; one that was named is as good as any.
std::vector<udp::HostAddress> reachable(const std::vector<SocketAddress>& listening,
                                        const std::vector<udp::HostAddress>& interfaces) {
  std::vector<udp::HostAddress> out;
  const auto add = [&](const SocketAddress& address, udp::Standing standing) {
    const auto same = [&](const udp::HostAddress& other) { return other.address == address; };
    if (std::ranges::none_of(out, same)) out.push_back({address, standing});
  };
  for (const SocketAddress& address : listening)
    if (!address.is_unspecified()) add(address, udp::Standing::outward);
  for (const udp::HostAddress& own : interfaces)
    for (const SocketAddress& address : listening)
      if (address.is_unspecified() && own.address.family() == address.family())
        add(own.address.with_port(address.port()), own.standing);
  return out;
}

}  // namespace

std::vector<SocketAddress> leading_here(const std::vector<SocketAddress>& listening,
                                        const std::vector<udp::HostAddress>& interfaces) {
  std::vector<SocketAddress> out;
  for (const udp::HostAddress& one : reachable(listening, interfaces)) out.push_back(one.address);
  return out;
}

std::vector<SocketAddress> dialable(const std::vector<SocketAddress>& listening,
                                    const std::vector<udp::HostAddress>& interfaces) {
  std::vector<udp::HostAddress> all = reachable(listening, interfaces);
  std::erase_if(all, [](const udp::HostAddress& one) { return !one.address.is_v4() && one.address.is_link_local(); });
  // A dial of a link-local or loopback address from elsewhere finds somebody else there, or nobody.
  auto best = udp::Standing::loopback;
  for (const udp::HostAddress& one : all) best = std::min(best, one.standing);
  const auto worst = std::max(best, udp::Standing::idle_bridge);
  std::vector<SocketAddress> out;
  for (const udp::HostAddress& one : all)
    if (one.standing <= worst) out.push_back(one.address);
  return out;
}

runtime::OwnAddresses own_addresses(const std::vector<SocketAddress>& listening,
                                    const std::vector<SocketAddress>& advertise,
                                    const std::vector<udp::HostAddress>& interfaces) {
  runtime::OwnAddresses out{
      .advertised = advertise, .leading_here = leading_here(listening, interfaces), .warnings = {}};
  if (!advertise.empty()) return out;
  out.advertised = dialable(listening, interfaces);
  if (out.advertised.empty())
    out.warnings.emplace_back(
        "no address is known at which others could dial this node; name one with --advertise or --listen IP:PORT");
  if (out.advertised.size() > limits::entry_addresses) {
    out.warnings.push_back("this computer has " + std::to_string(out.advertised.size()) +
                           " addresses, and others are told the first " + std::to_string(limits::entry_addresses) +
                           ", those of bridges last; name the right ones with --advertise");
    out.advertised.resize(limits::entry_addresses);
  }
  return out;
}

}  // namespace mosaik::api
