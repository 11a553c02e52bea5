#pragma once
/// What discovery is told at the start.

#include <string>
#include <vector>

#include <mosaik/types/id.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik::discovery {

/// A contact: where a member of the network is expected.
struct BootstrapPeer {
  PeerId id;         ///< zero: whoever answers there
  std::string host;  ///< a name, or an address
  std::uint16_t port = 0;
  bool service = false;  ///< the name of a service: its SRV records lead to members too
};

/// HOST:PORT as a person writes it, with `dns:` before the name of a service.
[[nodiscard]] std::string text_of(const BootstrapPeer& peer);

/// Knobs; the defaults are limits.hpp's. A simulated world shrinks them.
struct Config {
  NetworkId network;
  std::vector<BootstrapPeer> bootstrap;
  Nanoseconds stale_after = limits::stale_after;
  Nanoseconds clock_drift = limits::clock_drift;
  Nanoseconds refresh_least = limits::refresh_least;
  Nanoseconds refresh_most = limits::refresh_most;
  Nanoseconds sync_timeout = limits::sync_timeout;
  std::size_t catalog_entries = limits::catalog_entries;
  std::size_t catalog_bytes = limits::catalog_bytes;
};

}  // namespace mosaik::discovery
