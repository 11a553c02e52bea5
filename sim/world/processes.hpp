#pragma once
/// The processes of the hosts: each is one queue (host.hpp). Its turn is that of the runtime: take what has arrived,
/// settle, keep timers that are due, transmit. All costs time.

#include "sim/oracle/ledger.hpp"
#include "sim/world/systems.hpp"

namespace mosaik::sim {

struct Knobs;
class Peace;

class Processes {
 public:
  /// The parts of the world that a process lives among.
  struct Surroundings {
    Knobs& knobs;
    const Peace& peace;
    Scheduler& scheduler;
    Trace& trace;
    Hosts& hosts;
    const Roster& roster;
    Truth& truth;
    Wiring& wiring;
    Reachability& reach;
    Judge& judge;
  };
  explicit Processes(const Surroundings& around);

  /// A process on a host: a new incarnation of the same key.
  void boot(HostId host);
  /// It is gone; nothing is said to anybody.
  void crash(HostId host);
  /// It leaves the group and ends when that is done.
  void quit(HostId host);
  void join(HostId host);
  void leave(HostId host);
  void request(HostId host, Host::Request request);

  /// The process stands still; what arrives waits in its socket.
  void pause(HostId host, Nanoseconds span);
  /// The computer sleeps: nothing runs, and only `boot` goes on.
  void sleep(HostId host, Nanoseconds span);
  void set_slowness(HostId host, std::uint64_t factor) { around_.hosts.at(host).slowness = factor; }
  /// The host has no descriptor left.
  void exhaust(HostId host, Nanoseconds span);
  /// For this long the process is not to blame for being late.
  void excuse(HostId host, Nanoseconds span);
  /// True when the process may be late through no fault of its own.
  [[nodiscard]] bool excused(const Host& host, Nanoseconds within) const;
  /// An ICMP error reaches `host`, as if nobody listened at `about`; it quotes what was sent there last.
  void forge_error(HostId host, HostId about);

  void deliver(Network::Datagram datagram);
  void on_sentinel(const Tcp::End& end, std::optional<detector::SentinelEnd> how);
  void on_interfaces(HostId host) { systems_.on_interfaces(host); }

  void check_invariants() const;

  /// When each run of a node has sent a datagram to the address that invented members are said to have.
  using SentToVictim = std::map<std::pair<HostId, unsigned>, std::vector<Mono>>;
  [[nodiscard]] const SentToVictim& sent_to_victim() const noexcept { return sent_to_victim_; }

 private:
  [[nodiscard]] Mono time() const noexcept { return around_.scheduler.now(); }
  [[nodiscard]] Launch launch_of(Host& host) const;
  [[nodiscard]] std::unique_ptr<Program> make_program(const Host& host, const Launch& launch, const Now& now) const;
  void refuse(Network::Datagram datagram);
  void wake(Host& host, Mono at);
  void plan_wake(Host& host);
  void turn(Host& host);
  Nanoseconds take_inputs(Host& host, const Now& now);
  void transmit(Host& host, const Now& now, Mono departure);
  void send(Host& host, const Routes::IncomingHandshake& arrival, const SocketAddress& remote, BytesView datagram,
            Mono departure);

  Surroundings around_;
  Ledger ledger_;
  Systems systems_;
  SentToVictim sent_to_victim_;
};

}  // namespace mosaik::sim
