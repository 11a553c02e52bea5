#pragma once
/// NetworkConfig's texts, read once and checked: what is wrong is said with the setting, the value and the way out.

#include <string>
#include <string_view>
#include <vector>

#include <mosaik/network.hpp>

#include "discovery/discovery.hpp"

namespace mosaik::api {

inline constexpr std::size_t host_name_bytes = 255;  ///< RFC 1035 2.3.4

/// `PEERID@HOST:PORT`, `PEERID@[V6]:PORT`. `setting` names it in errors. Errors: invalid_argument.
[[nodiscard]] Result<discovery::BootstrapPeer> parse_contact(std::string_view setting, const std::string& text);

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

/// What a node that listens on `listening` tells others, when it is not told what to tell: `interfaces` stand for
/// 0.0.0.0 and [::].
[[nodiscard]] std::vector<SocketAddress> dialable(const std::vector<SocketAddress>& listening,
                                                  const std::vector<SocketAddress>& interfaces);

}  // namespace mosaik::api
