#pragma once
/// Which pairs could reach one another, and since when, as only the world knows.

#include "sim/oracle/roster.hpp"
#include "sim/world/wiring.hpp"

namespace mosaik::sim {

class Reachability {
 public:
  Reachability(const Scheduler& scheduler, const Hosts& hosts, Wiring& wiring, const Truth& truth, const Roster& roster)
      : scheduler_(scheduler), hosts_(hosts), wiring_(wiring), truth_(truth), roster_(roster) {}

  /// A datagram went from one host to the other, to this address.
  void note_sent(HostId from, HostId to, const SocketAddress& address);
  /// Notes the pairs that can reach one another now.
  void note();
  /// The same, if anything has changed since: also pairs that come and go between two sweeps count.
  void note_changes();
  /// Since when the two, which should be bonded, could reach one another at an address that one of them knows.
  [[nodiscard]] std::optional<Mono> reachable_since(HostId one, HostId other) const;
  /// Since when the datagrams that the two exchange have had a way, both ways, where they were sent last.
  [[nodiscard]] std::optional<Mono> in_touch_since(HostId one, HostId other) const;

 private:
  /// Pairs in ascending order, and since when.
  using Since = std::map<std::pair<HostId, HostId>, Mono>;

  [[nodiscard]] bool can_reach(const Host& from, const Host& to);
  [[nodiscard]] bool in_touch(const Host& from, const Host& to);

  const Scheduler& scheduler_;
  const Hosts& hosts_;
  Wiring& wiring_;
  const Truth& truth_;
  const Roster& roster_;
  Since reachable_;
  Since in_touch_;
  std::uint64_t changes_seen_ = 0;  ///< when these were noted
  /// From a host, to a host: where datagrams were sent of late, and when last.
  std::map<std::pair<HostId, HostId>, std::map<SocketAddress, Mono>> sent_to_;
};

}  // namespace mosaik::sim
