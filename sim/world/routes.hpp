#pragma once
/// Routes: which host a datagram reaches, and which addresses it shows there.
///
/// A host has interfaces, each on a segment: the LAN of an office, a second network, a container bridge that no other
/// host sees. Two hosts may have the same private address on different segments. A datagram goes, as in Linux:
/// to the host itself when it has the address; to the holder of the address on a segment that it is on; else to the
/// gateway of its first interface that has one. Gateways translate addresses (NAT): a container's source becomes its
/// host's (masquerade), a published or virtual address becomes that of a backend (DNAT). A mapping belongs to a pair
/// of addresses and ports, and it lives as long as either end uses it.
///
/// A world without segments has no routes: there each address is a host's alone (World).

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <mosaik/types/address.hpp>

#include "base/now.hpp"
#include "sim/world/network.hpp"

namespace mosaik::sim {

struct SegmentId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const SegmentId&, const SegmentId&) noexcept = default;
};

struct Segment {
  std::string name;
  bool routed = false;  ///< the router has an end of it; absent `gateway`, hosts on it are reached by others
  std::optional<HostId> gateway{};  ///< the host whose container bridge it is, and which masquerades for it
  Nanoseconds delay{};              ///< in each direction, beside the weather's
  std::size_t mtu = 1500;           ///< bytes of a datagram with its IP and UDP headers
  bool tells_too_big = false;       ///< its router says so when a datagram does not fit
  unsigned swallowing = 0;          ///< faults that make it lose everything
};

struct Interface {
  SegmentId segment;
  SocketAddress address;  ///< without a port
  unsigned prefix = 24;   ///< bits of the address that all on the segment share
  bool up = true;
};

class Routes {
 public:
  /// The translator: a host for its containers, or the router between the segments.
  using Device = std::optional<HostId>;
  static constexpr Device router = std::nullopt;

  /// How long an unused mapping lives: Linux's for UDP.
  static constexpr Nanoseconds unanswered_mapping = 30s;
  static constexpr Nanoseconds answered_mapping = 120s;
  /// The bytes of the IPv4 and UDP headers, which count for the MTU.
  static constexpr std::size_t header_bytes = 28;

  struct IncomingHandshake {
    HostId to;
    SocketAddress source;  ///< as the receiver sees it
    SocketAddress local;   ///< the receiver's
    Nanoseconds delay{};
    std::size_t mtu = 65535;
    bool listens = true;  ///< a socket of the host has the port
    bool tells_too_big = false;
    bool swallowed = false;
  };

  [[nodiscard]] bool empty() const noexcept { return segments_.empty(); }
  SegmentId add(Segment segment);
  [[nodiscard]] Segment& segment(SegmentId id) { return segments_.at(id.value); }
  [[nodiscard]] const std::vector<Segment>& segments() const noexcept { return segments_; }

  void attach(HostId host, const Interface& interface) { interfaces_[host].push_back(interface); }
  [[nodiscard]] std::vector<Interface>& interfaces(HostId host) { return interfaces_[host]; }
  void listen(HostId host, std::uint16_t port) {
    main_port_[host] = port;
    ports_[host].insert(port);
  }
  /// A socket of the host is no more.
  void close(HostId host, std::uint16_t port) { ports_[host].erase(port); }
  [[nodiscard]] std::uint16_t port(HostId host) const { return main_port_.at(host); }
  /// Addresses of interfaces that are up, in their order, without ports and without loopback.
  [[nodiscard]] std::vector<SocketAddress> addresses(HostId host) const;

  /// What comes to `from` at the device goes to `to`. Mappings that live keep their old backend.
  void translate(Device at, const SocketAddress& from, const SocketAddress& to) { rules_[{at, from}] = to; }
  /// All devices forget their mappings; the next ones have other ports.
  void forget_mappings();
  [[nodiscard]] std::size_t mappings() const noexcept { return mappings_.size(); }

  /// Where a datagram goes that the host sends; empty: it is lost. `local`: its source, each part that is zero is
  /// chosen here. Mappings are made and refreshed.
  [[nodiscard]] std::optional<IncomingHandshake> send(Mono now, HostId from, const SocketAddress& local,
                                                      const SocketAddress& remote);
  /// Whether a datagram of `bytes` to the address and the answer to it both arrive; and who it is that answers.
  /// Nothing changes by the question.
  [[nodiscard]] std::optional<HostId> answers(Mono now, HostId from, const SocketAddress& remote, std::size_t bytes);

  /// Counts what changes: who compares two numbers knows whether something did.
  void note_change() noexcept { ++changes_; }
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

 private:
  struct Packet {
    SocketAddress source, destination;
  };
  struct Mapping {
    Device at;
    Packet original;  ///< of the first packet, before
    Packet translated;
    Mono expires{};
    bool answered = false;
  };
  /// The interfaces that a datagram passes.
  struct Way {
    Nanoseconds delay{};
    std::size_t mtu = 65535;
    bool tells_too_big = false;
    bool swallowed = false;
  };

  [[nodiscard]] bool has(HostId host, const SocketAddress& address) const;
  [[nodiscard]] std::optional<HostId> holder(SegmentId segment, const SocketAddress& address) const;
  [[nodiscard]] const Interface* on_link(HostId host, const SocketAddress& address) const;
  [[nodiscard]] const Interface* way_out(HostId host) const;
  void pass(Way& way, SegmentId segment) const;
  /// From a host that forwards or sends to the one that has the destination.
  [[nodiscard]] std::optional<HostId> forward(Mono now, HostId at, Packet& packet, Way& way);
  /// `masquerade`: the address that packets leave with when the source is behind the device.
  void translate_packet(Mono now, Device at, Packet& packet, const std::optional<SocketAddress>& masquerade);
  [[nodiscard]] SocketAddress free_source(const SocketAddress& wanted, const Packet& packet, Device at);

  std::vector<Segment> segments_;
  std::map<HostId, std::vector<Interface>> interfaces_;
  std::map<HostId, std::uint16_t> main_port_;
  std::map<HostId, std::set<std::uint16_t>> ports_;
  std::map<std::pair<Device, SocketAddress>, SocketAddress> rules_;
  std::vector<Mapping> mappings_;
  std::uint16_t next_port_ = 0;  ///< 0: mappings keep the port of the source
  std::uint64_t changes_ = 0;
};

}  // namespace mosaik::sim
