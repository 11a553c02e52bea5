#pragma once
/// NetworkConfig's texts, read once and checked: what is wrong is said with the setting, the value and the way out.

#include <string>
#include <string_view>
#include <vector>

#include <mosaik/network.hpp>

#include "discovery/discovery.hpp"
#include "runtime/loop.hpp"
#include "transport/udp/interfaces.hpp"

namespace mosaik::api {

/// What open() needs beside the key.
struct Settings {
  NetworkId network;
  std::vector<discovery::BootstrapPeer> bootstrap;  ///< each peer and place once
  std::vector<SocketAddress> listen;
  std::vector<SocketAddress> advertise;
  std::vector<Tag> tags;
};

/// Errors: invalid_argument, limit.
[[nodiscard]] Result<Settings> parse_settings(const NetworkConfig& config);

/// All addresses that lead to sockets which listen on `listening`: `interfaces` stand for 0.0.0.0 and [::], in their
/// order, behind addresses that were named.
[[nodiscard]] std::vector<SocketAddress> leading_here(const std::vector<SocketAddress>& listening,
                                                      const std::vector<udp::HostAddress>& interfaces);

/// Those of them that others are told, when the node is not told what to tell: an IPv4 link-local address only when
/// there is nothing better, loopback only when there is nothing else, a link-local IPv6 address never. Best first; more
/// than an entry holds when there are more.
[[nodiscard]] std::vector<SocketAddress> dialable(const std::vector<SocketAddress>& listening,
                                                  const std::vector<udp::HostAddress>& interfaces);

/// What others are told, and what leads here; with a warning when an entry cannot hold it all, or there is nothing.
/// `advertise`: what the node was told to tell; empty: nothing.
[[nodiscard]] runtime::OwnAddresses own_addresses(const std::vector<SocketAddress>& listening,
                                                  const std::vector<SocketAddress>& advertise,
                                                  const std::vector<udp::HostAddress>& interfaces);

}  // namespace mosaik::api
