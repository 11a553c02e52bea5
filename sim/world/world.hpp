#pragma once
/// sim: the same Node as in production in a simulated world, every failure of which is reproduced from one number.
///
/// Place. Above node/, beside runtime/: the world plays the runtime, the sockets, the network, the clocks and the
/// disks. One thread, one heap (scheduler.hpp), one seed with a child stream for each part (base/random.hpp). Two
/// tiers: *links* puts PlainEndpoint in place of QUIC and is for thousands of seeds; *quic* runs ngtcp2 and GnuTLS over
/// the same simulated datagrams.
///
/// Life of a run (run.hpp): a scenario (scenario.hpp) and a seed draw the hosts, the weather and a list of faults
/// (fault.hpp); the faults do what they do; then all is healed, and the mesh must be whole within a deadline and at
/// rest after it. Invariants (invariant.hpp) are checked after every event of every process, against the truth
/// (truth.hpp) that only the world knows. The first that breaks ends the run.
///
/// A process is one queue (host.hpp). Its turn is that of the runtime: take what has arrived, settle, keep timers that
/// are due, transmit. All costs time.

#include <memory>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "bonds/allowance.hpp"
#include "sim/farm/trace.hpp"
#include "sim/invariants/invariant.hpp"
#include "sim/oracle/oracle.hpp"
#include "sim/world/names.hpp"
#include "sim/world/network.hpp"
#include "sim/world/routes.hpp"
#include "sim/world/tcp.hpp"

namespace mosaik::sim {

class Workload;

enum class Tier : std::uint8_t { links, quic };

inline constexpr std::size_t usual_inbox = 1024;

/// What holds in the whole world.
struct Knobs {
  Tier tier = Tier::links;
  ConsensusConfig timing;
  discovery::Config discovery;   ///< staleness and refresh
  Nanoseconds turn_cost = 20us;  ///< of every turn, plus
  Nanoseconds datagram_cost = 8us;
  Nanoseconds verification_cost = 200us;
  Nanoseconds handshake_least = 300us;
  Nanoseconds handshake_most = 1ms;
  std::size_t inbox = usual_inbox;  ///< datagrams that a socket holds
  std::size_t datagrams_a_turn = limits::datagrams_per_step;
  bool sentinels = false;        ///< processes may have TCP connections
  bool icmp_budget = false;      ///< Linux tells one host six times at once that nobody is there, and once a second
  bool port_unreachable = true;  ///< the system of a host whose process is gone says so
  Ppm buggify = 0;               ///< chance that a rare branch at the seam of the node is taken (buggy_transport.hpp)
};

class World {
 public:
  World(std::uint64_t seed, const Knobs& knobs);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  HostId add(HostSpec spec);
  /// The groups have a machine; before anything is booted.
  void replicate(Replication replication) {
    replication_ = std::move(replication);
    groups_.clear();
  }
  [[nodiscard]] const std::optional<Replication>& replication() const noexcept { return replication_; }
  /// A process on a host: a new incarnation of the same key.
  void boot(HostId host);
  /// It is gone; nothing is said to anybody.
  void crash(HostId host);
  /// It leaves the group and ends when that is done.
  void quit(HostId host);
  void join(HostId host);
  void leave(HostId host);
  /// The process stands still; what arrives waits in its socket.
  void pause(HostId host, Nanoseconds span);
  void set_slowness(HostId host, std::uint64_t factor);
  void request(HostId host, Host::Request request);
  /// The computer sleeps: nothing runs, and only `boot` goes on.
  void sleep(HostId host, Nanoseconds span);
  /// Something between the two closes their sentinels' connection.
  void part_sentinels(HostId one, HostId other) { tcp_.part(one, other); }
  /// The host has no descriptor left.
  void exhaust(HostId id, Nanoseconds span) { host(id).exhausted_until = scheduler_.now() + span; }
  void forget_mappings() {
    routes_.forget_mappings();
    routes_.note_change();
  }
  /// An ICMP error reaches `host`, as if nobody listened at `about`; it quotes what was sent there last.
  void forge_error(HostId host, HostId about);
  /// For this long the process is not to blame for being late.
  void excuse(HostId host, Nanoseconds span);

  /// No fault begins any more.
  void make_peace() noexcept {
    at_war_ = false;
    knobs_.inbox = usual_inbox;
    knobs_.datagrams_a_turn = limits::datagrams_per_step;
  }
  [[nodiscard]] bool peaceful() const noexcept { return !at_war_; }
  void note_fault() noexcept { touched_ = true; }
  /// No fault has begun so far, and nothing is refused at random.
  [[nodiscard]] bool untouched() const noexcept { return !touched_ && knobs_.buggify == 0; }
  /// Judges events too; the caller keeps it alive.
  void watch(Workload* workload) { workload_ = workload; }

  /// Runs until `until`, or until something is broken, or `done`.
  template <class Done>
  void run_until(Mono until, Done done) {
    while (!failure_ && !done())
      if (!step(until)) return;
  }
  void run_until(Mono until) {
    run_until(until, [] { return false; });
  }
  /// An input to the farm's judgement that is no invariant of its own.
  void fail(std::string_view invariant, std::string text);
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }
  void check_at_rest(Mono since);

  [[nodiscard]] Host& host(HostId id) { return *hosts_.at(id.value); }
  [[nodiscard]] const Host& host(HostId id) const { return *hosts_.at(id.value); }
  [[nodiscard]] const std::vector<std::unique_ptr<Host>>& hosts() const noexcept { return hosts_; }
  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }
  [[nodiscard]] Network& network() noexcept { return network_; }
  [[nodiscard]] const Network& network() const noexcept { return network_; }
  [[nodiscard]] const Tcp& tcp() const noexcept { return tcp_; }
  /// Of worlds that are more than one network; else empty.
  [[nodiscard]] Routes& routes() noexcept { return routes_; }
  [[nodiscard]] bool routed() const noexcept { return !routes_.empty(); }
  [[nodiscard]] Names& zone() noexcept { return zone_; }
  /// What a node says of itself when it is left to find its addresses.
  [[nodiscard]] std::vector<SocketAddress> own_addresses(const Host& host) const;
  /// Keeps how the networks are, for heal_networks().
  void remember_networks();
  /// No network swallows, all interfaces are up and have their addresses, name servers tell the truth. What is narrow
  /// stays narrow, and mappings stay.
  void heal_networks();
  /// Interfaces of the host have changed: its process is told, if its system tells.
  void on_interfaces(HostId host);
  /// Since when the two, which should be bonded, could reach one another at an address that one of them knows.
  [[nodiscard]] std::optional<Mono> reachable_since(HostId one, HostId other) const;
  /// Since when the datagrams that the two exchange have had a way, both ways, where they were sent last.
  [[nodiscard]] std::optional<Mono> in_touch_since(HostId one, HostId other) const;
  [[nodiscard]] Trace& trace() noexcept { return trace_; }
  [[nodiscard]] Truth& truth() noexcept { return truth_; }
  [[nodiscard]] const Truth& truth() const noexcept { return truth_; }
  [[nodiscard]] const Knobs& knobs() const noexcept { return knobs_; }
  [[nodiscard]] const Rng& rng() const noexcept { return rng_; }
  [[nodiscard]] Mono now() const noexcept { return scheduler_.now(); }
  [[nodiscard]] Now now_of(const Host& host) const { return host.clock.read(scheduler_.now()); }
  /// Of the processes that lead, the one in the latest term.
  [[nodiscard]] std::optional<HostId> leader() const;
  /// Name of the host with this key, for traces.
  [[nodiscard]] std::string name_of(const PeerId& peer) const;
  /// Which group a secret makes with the world's timing.
  [[nodiscard]] GroupId group_of(const std::string& secret) const;

  /// How many members do not exist, and are heard of all the same.
  [[nodiscard]] std::size_t invented() const;
  /// When each run of a node has sent a datagram to the address that they are said to have.
  using SentToVictim = std::map<std::pair<HostId, unsigned>, std::vector<Mono>>;
  [[nodiscard]] const SentToVictim& sent_to_victim() const noexcept { return sent_to_victim_; }

  /// Hosts whose processes run and should be members of one group, and are bonded as they should be.
  [[nodiscard]] Broken why_not_whole() const;
  /// True when the two, which run, should be bonded.
  [[nodiscard]] bool should_bond(const Life& one, const Life& other) const { return !groups_of(one, other).empty(); }
  [[nodiscard]] bool should_bond(const Life& one, const Life& other, const GroupId& group) const;
  /// The groups in which the two should be bonded.
  [[nodiscard]] std::vector<GroupId> groups_of(const Life& one, const Life& other) const;
  /// True when the process may be late through no fault of its own.
  [[nodiscard]] bool excused(const Host& host, Nanoseconds within) const {
    return host.impaired_until + within > scheduler_.now();
  }

 private:
  bool step(Mono until);
  void deliver(Network::Datagram datagram);
  void wake(Host& host, Mono at);
  void plan_wake(Host& host);
  void turn(Host& host);
  Nanoseconds take_inputs(Host& host, const Now& now);
  void transmit(Host& host, const Now& now, Mono departure);
  void hear(Host& host, const Now& now);
  void on_event(Host& host, Life& life, const Event& event);
  void book(Life& life, const Event& event);
  void sweep();
  void judge(const Invariant& invariant, const Broken& broken);
  void keep_memory(Host& host);
  void keep_log(Host& host);
  void keep_sentinels(Host& host);
  void keep_lookups(Host& host);
  [[nodiscard]] std::optional<Routes::IncomingHandshake> route(Host& from, const DatagramPath& path);
  /// The port of one of its sockets besides the first; it is opened when something is sent through it.
  [[nodiscard]] std::uint16_t port_of(Host& host, std::uint8_t outlet);
  /// What a router says of a datagram that did not fit.
  void tell_too_big(const Host& from, const SocketAddress& remote, BytesView sent, std::size_t mtu);
  void note_reach();
  [[nodiscard]] bool can_reach(const Host& from, const Host& to);
  [[nodiscard]] bool in_touch(const Host& from, const Host& to);
  [[nodiscard]] Broken why_not_bonded(const Life& one, const Life& other, const GroupId& group) const;
  [[nodiscard]] std::unique_ptr<Program> make_program(const Host& host, const Launch& launch, const Now& now) const;

  Knobs knobs_;
  Rng rng_;
  Scheduler scheduler_;
  Trace trace_;
  Network network_;
  Routes routes_;
  Routes healthy_;
  Names zone_;
  Names healthy_zone_;
  Tcp tcp_;
  /// Pairs in ascending order, and since when.
  using Since = std::map<std::pair<HostId, HostId>, Mono>;
  Since reachable_;
  Since in_touch_;
  std::uint64_t changes_seen_ = 0;  ///< of network and routes, when these were noted
  /// From a host, to a host: where datagrams were sent of late, and when last.
  std::map<std::pair<HostId, HostId>, std::map<SocketAddress, Mono>> sent_to_;
  std::map<std::pair<HostId, HostId>, bonds::Allowance> icmp_;  ///< from a host, to a host
  Truth truth_;
  Invariants invariants_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<PeerId, std::string> names_;
  SentToVictim sent_to_victim_;
  std::optional<Failure> failure_;
  bool at_war_ = true;
  bool touched_ = false;
  std::optional<Replication> replication_;
  mutable std::map<std::string, GroupId> groups_;  // by secret
  Workload* workload_ = nullptr;
};

/// The secret key number `index` of the world: ids ascend with it.
[[nodiscard]] const Bytes32& key_seed(std::size_t index);
[[nodiscard]] const PeerId& key_id(std::size_t index);
inline constexpr std::size_t keys = 24;
/// What each planter invents.
inline constexpr std::size_t invented_members = 200;
inline constexpr SocketAddress victim_address = SocketAddress::v4({203, 0, 113, 7}, 4433);

}  // namespace mosaik::sim
