#pragma once
/// A contact: the text with which a person says where a member of the network is expected.
///
///     HOST  HOST:PORT  PEERID@HOST[:PORT]  dns:NAME[:PORT]
///
/// HOST is a name, an IPv4 address, or an IPv6 address, in brackets when a port follows. Without a port, default_port
/// is meant.

#include <string>
#include <string_view>

#include <mosaik/network.hpp>

#include "discovery/discovery.hpp"

namespace mosaik::api {

inline constexpr std::size_t host_name_bytes = 253;  ///< RFC 1035 2.3.4, as text

/// `setting` names the text in errors, which say what is wrong with it and what to write. Errors: invalid_argument.
[[nodiscard]] Result<discovery::BootstrapPeer> parse_contact(std::string_view setting, const std::string& text);

/// The same for one that has to name its peer. Errors: invalid_argument.
[[nodiscard]] Result<discovery::BootstrapPeer> parse_contact_of_peer(std::string_view setting, const std::string& text);

}  // namespace mosaik::api
