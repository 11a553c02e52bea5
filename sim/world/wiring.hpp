#pragma once
/// Wiring: all that connects the hosts. Datagrams and TCP, the routes that they take, and the names that lead to hosts.

#include "base/token_bucket.hpp"
#include "sim/world/hosts.hpp"
#include "sim/world/names.hpp"
#include "sim/world/routes.hpp"
#include "sim/world/tcp.hpp"

namespace mosaik::sim {

class Wiring {
 public:
  /// A datagram arrives; a TCP connection tells one of its ends; whether a process listens on a host.
  struct Ends {
    Network::Deliver deliver;
    Tcp::Tell tell;
    Tcp::Listens listens;
  };
  Wiring(Scheduler& scheduler, Hosts& hosts, const Rng& rng, Ends ends);

  [[nodiscard]] Network& network() noexcept { return network_; }
  [[nodiscard]] const Network& network() const noexcept { return network_; }
  [[nodiscard]] Tcp& tcp() noexcept { return tcp_; }
  [[nodiscard]] const Tcp& tcp() const noexcept { return tcp_; }
  /// Of worlds that are more than one network; else empty.
  [[nodiscard]] Routes& routes() noexcept { return routes_; }
  [[nodiscard]] bool routed() const noexcept { return !routes_.empty(); }
  [[nodiscard]] Names& zone() noexcept { return zone_; }
  /// Counts what changes who can reach whom.
  [[nodiscard]] std::uint64_t changes() const noexcept { return network_.changes() + routes_.changes(); }

  /// What a node says of itself when it is left to find its addresses.
  [[nodiscard]] std::vector<SocketAddress> own_addresses(const Host& host) const;
  /// Where a datagram goes; empty: it is lost.
  [[nodiscard]] std::optional<Routes::IncomingHandshake> route(Host& from, const DatagramPath& path);
  /// The sockets of an earlier process are closed.
  void close_outlets(Host& host);
  /// Linux tells one host six times at once that nobody listens, and once a second.
  [[nodiscard]] bool may_refuse(HostId from, HostId to);
  void forget_mappings();

  /// Keeps how the networks are, for heal().
  void remember();
  /// No network swallows, all interfaces are up and have their addresses, name servers tell the truth. What is narrow
  /// stays narrow, and mappings stay.
  void heal();

 private:
  /// The port of one of its sockets besides the first; it is opened when something is sent through it.
  [[nodiscard]] std::uint16_t port_of(Host& host, std::uint8_t outlet);

  Scheduler& scheduler_;
  Hosts& hosts_;
  Network network_;
  Routes routes_;
  Routes healthy_;
  Names zone_;
  Names healthy_zone_;
  Tcp tcp_;
  std::map<std::pair<HostId, HostId>, TokenBucket> refusals_;  ///< from a host, to a host
};

}  // namespace mosaik::sim
