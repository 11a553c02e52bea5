#pragma once
/// The operating systems of the hosts: what a process leaves behind after its turn, on its disk and in its kernel's
/// tables, and what the kernel tells it later.

#include "sim/farm/trace.hpp"
#include "sim/oracle/reachability.hpp"

namespace mosaik::sim {

class Processes;

class Systems {
 public:
  Systems(Scheduler& scheduler, Hosts& hosts, Wiring& wiring, Reachability& reach, Processes& processes, Trace& trace)
      : scheduler_(scheduler), hosts_(hosts), wiring_(wiring), reach_(reach), processes_(processes), trace_(trace) {}

  void after_turn(Host& host);
  /// Where a datagram of the host goes; empty: it is lost.
  [[nodiscard]] std::optional<Routes::IncomingHandshake> route(Host& from, const DatagramPath& path);
  /// Interfaces of the host have changed: its process is told, if its system tells.
  void on_interfaces(HostId host);
  /// What a router says of a datagram that did not fit.
  void tell_too_big(const Host& from, const SocketAddress& remote, BytesView sent, std::size_t mtu);

 private:
  void keep_memory(Host& host);
  void keep_log(Host& host);
  void keep_sentinels(Host& host);
  void keep_lookups(Host& host);
  /// The process of this run; null when it is gone.
  [[nodiscard]] Host* running(HostId id, unsigned run);

  Scheduler& scheduler_;
  Hosts& hosts_;
  Wiring& wiring_;
  Reachability& reach_;
  Processes& processes_;
  Trace& trace_;
};

}  // namespace mosaik::sim
