#include "sim/world/terrain.hpp"

#include <algorithm>
#include <string>

namespace mosaik::sim {

namespace {

constexpr std::uint16_t usual_port = 7000;
constexpr std::uint16_t kernel_port = 41'000;    // and up: a port of the kernel's choosing
constexpr std::uint16_t published_port = 7'100;  // and up: of containers, at their host
constexpr const char* common_name = "mesh.sim";

SocketAddress ip(unsigned a, unsigned b, unsigned c, unsigned d) {
  const auto octet = [](unsigned value) { return static_cast<std::uint8_t>(value); };
  return SocketAddress::v4({octet(a), octet(b), octet(c), octet(d)}, 0);
}

std::string text_of_ip(const SocketAddress& address) {
  const auto& octets = address.octets();
  std::string out;
  for (std::size_t i = 0; i < 4; ++i) out += (i == 0 ? "" : ".") + std::to_string(octets[i]);
  return out;
}

class Surveyor {
 public:
  Surveyor(World& world, const Rng& rng) : world_(world), routes_(world.wiring().routes()), rng_(rng) {}

  void lay(Shape shape) {
    switch (shape) {
      case Shape::flat: return;
      case Shape::virtual_address: return lay_virtual();
      case Shape::shared_bridge: return lay_shared();
      case Shape::many_bridges:
        choose_ports(Ports::own);
        lay_lan(1);
        for (const HostId host : all()) add_bridges(host, 4 + rng_.below(9));
        break;
      case Shape::late_interface:
        choose_ports(Ports::same);
        lay_lan(1);
        for (const HostId host : all())
          if (host == HostId{0} || rng_.below(2) == 0) come_up_late(host);
        break;
      case Shape::narrow:
        choose_ports(Ports::same);
        lay_lan(2);
        break;
      case Shape::moved_address:
        choose_ports(chance(2) ? Ports::own : Ports::same);
        lay_lan(1);
        add_floating({0});
        break;
      case Shape::by_name:
        choose_ports(Ports::same);
        lay_lan(1);
        by_name_ = true;
        trouble_names();
        break;
      case Shape::two_networks:
        choose_ports(Ports::same);
        lay_lan(1);
        lay_second();
        break;
      case Shape::mixed: return lay_mixed();
    }
    finish();
  }

 private:
  enum class Ports : std::uint8_t { same, own };

  [[nodiscard]] std::vector<HostId> all() const {
    std::vector<HostId> out;
    for (const auto& host : world_.hosts()) out.push_back(host->id);
    return out;
  }
  [[nodiscard]] bool chance(std::uint64_t of) { return rng_.below(of) == 0; }

  void choose_ports(Ports ports) {
    one_port_ = ports == Ports::same;
    for (const HostId host : all()) {
      const auto own = static_cast<std::uint16_t>(kernel_port + 7 * host.value);
      set_port(host, ports == Ports::same ? usual_port : own);
    }
  }
  void set_port(HostId host, std::uint16_t port) {
    world_.host(host).address = world_.host(host).address.with_port(port);
    routes_.listen(host, port);
  }
  void set_home(HostId host, const SocketAddress& address) {
    world_.host(host).address = address.with_port(world_.host(host).address.port());
  }

  // ---------------------------------------------------------------------------------------------- networks

  /// `count` networks with a router between them. Links between hosts are slower than a host's own.
  void lay_lan(std::size_t count) { lay_lan(count, all()); }
  void lay_lan(std::size_t count, const std::vector<HostId>& hosts) {
    constexpr std::array<std::array<unsigned, 3>, 4> nets = {{{192, 168, 1}, {10, 0, 0}, {172, 31, 5}, {172, 16, 9}}};
    const std::uint64_t first = rng_.below(nets.size());
    constexpr Nanoseconds delays[] = {0ms, 300us, 2ms, 10ms, 25ms};
    for (std::size_t i = 0; i < count; ++i)
      lans_.push_back(routes_.add({.name = "lan" + std::to_string(i),
                                   .routed = true,
                                   .delay = delays[rng_.below(std::size(delays))],
                                   .tells_too_big = chance(2)}));
    for (const HostId host : hosts) {
      const std::size_t at = host.value % count;
      const auto& net = nets[(first + at) % nets.size()];
      const SocketAddress address = ip(net[0], net[1], net[2], 11 + host.value);
      routes_.attach(host, {.segment = lans_[at], .address = address});
      set_home(host, address);
    }
  }
  void lay_second() {
    const SegmentId second = routes_.add({.name = "second"});
    for (const HostId host : all())
      if (!is_container(host)) routes_.attach(host, {.segment = second, .address = ip(10, 77, 0, 1 + host.value)});
  }
  void add_bridges(HostId host, std::size_t count) {
    for (std::size_t i = bridges_[host].size(); i < count; ++i) {
      const SegmentId bridge = routes_.add({.name = "bridge" + std::to_string(i), .gateway = host});
      const auto net = static_cast<unsigned>(17 + i);
      routes_.attach(host, {.segment = bridge, .address = ip(172, net, 0, 1), .prefix = 16});
      bridges_[host].push_back(bridge);
    }
  }
  /// A container on the first bridge of a host, which publishes its port.
  void contain(HostId container, HostId machine) {
    add_bridges(machine, 1);
    const unsigned last = 2 + residents_[machine]++;
    const SocketAddress inside = ip(172, 17, 0, last);
    routes_.attach(container, {.segment = bridges_[machine].front(), .address = inside, .prefix = 16});
    Host& host = world_.host(container);
    const auto port = static_cast<std::uint16_t>(published_port + container.value);
    const SocketAddress outside = world_.host(machine).address.with_port(port);
    routes_.translate(machine, outside, inside.with_port(host.address.port()));
    host.spec.advertise = {inside.with_port(host.address.port()), outside};
    homes_[container] = outside;
    set_home(container, inside);
    machines_[container] = machine;
  }
  [[nodiscard]] bool is_container(HostId host) const { return machines_.contains(host); }
  /// The second address of a host that others may take over, as VRRP has it.
  void add_floating(HostId host) {
    floats_ = true;
    const Interface& lan = routes_.interfaces(host).front();
    const auto& octets = lan.address.octets();
    const unsigned last = chance(3) ? 200 : 1;
    routes_.attach(host, {.segment = lan.segment, .address = ip(octets[0], octets[1], octets[2], last), .prefix = 32});
    const std::uint16_t port = world_.host(host).address.port();
    if (chance(2)) homes_[host] = routes_.interfaces(host).back().address.with_port(port);
  }

  // ---------------------------------------------------------------------------------------------- hosts

  /// Its network comes up when its process runs already; and its system may not tell, or may hide all interfaces.
  void come_up_late(HostId host) {
    HostSpec& spec = world_.host(host).spec;
    const std::uint64_t how = rng_.below(3);
    spec.hears_of_changes = how == 0;
    spec.sees_interfaces = how != 2;
    routes_.interfaces(host).front().up = false;
    world_.scheduler().after(rng_.between(2s, 7s), [&world = world_, host] {
      world.wiring().routes().interfaces(host).front().up = true;
      world.processes().on_interfaces(host);
    });
  }
  void trouble_names() {
    constexpr Names::Mood moods[] = {Names::Mood::truthful, Names::Mood::silent, Names::Mood::failing,
                                     Names::Mood::lying, Names::Mood::slow};
    const Names::Mood mood = moods[rng_.below(std::size(moods))];
    world_.wiring().zone().set_mood(mood);
    world_.scheduler().after(rng_.between(3s, 15s),
                             [&world = world_] { world.wiring().zone().set_mood(Names::Mood::truthful); });
  }

  // ---------------------------------------------------------------------------------------------- shapes

  /// Of four hosts or more, some are containers on the bridges of the first two, with equal addresses there.
  void lay_shared() {
    choose_ports(Ports::same);
    const std::vector<HostId> hosts = all();
    const std::size_t machines = hosts.size() >= 4 ? 2 : hosts.size();
    lay_lan(1, {hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(machines)});
    for (std::size_t i = 0; i < machines; ++i) add_bridges(hosts[i], 1 + rng_.below(3));
    for (std::size_t i = machines; i < hosts.size(); ++i) contain(hosts[i], hosts[i % machines]);
    finish();
  }

  void lay_mixed() {
    choose_ports(chance(3) ? Ports::own : Ports::same);
    const std::vector<HostId> hosts = all();
    const std::size_t containers = hosts.size() >= 3 ? rng_.below(hosts.size() - 1) : 0;
    const std::size_t machines = hosts.size() - containers;
    lay_lan(1 + rng_.below(2), {hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(machines)});
    for (std::size_t i = 0; i < machines; ++i)
      if (chance(2)) add_bridges(hosts[i], 1 + rng_.below(8));
    for (std::size_t i = machines; i < hosts.size(); ++i) contain(hosts[i], hosts[rng_.below(machines)]);
    if (chance(3)) lay_second();
    if (chance(3)) add_floating(hosts.front());
    by_name_ = chance(3);
    if (by_name_ && chance(2)) trouble_names();
    for (std::size_t i = 0; i < machines; ++i)
      if (!residents_.contains(hosts[i]) && chance(4)) come_up_late(hosts[i]);
    finish();
  }

  /// A client, a server behind a virtual address, and the host that the server comes back on. It has nothing on disk
  /// and knows nobody: only the client dials, and its datagrams keep the mapping to the old host alive.
  void lay_virtual() {
    choose_ports(Ports::same);
    const HostId client{0};
    const HostId before{1};
    const HostId after{2};
    const SocketAddress service = ip(10, 9, 0, 100).with_port(usual_port);
    for (const HostId host : {client, before, after}) {
      const SegmentId lan = routes_.add({.name = "lan" + std::to_string(host.value), .routed = true});
      const SocketAddress address = ip(10, 1 + host.value, 0, 2);
      routes_.attach(host, {.segment = lan, .address = address});
      set_home(host, address);
      homes_[host] = host == client ? address.with_port(usual_port) : service;
      HostSpec& spec = world_.host(host).spec;
      spec.advertise = {homes_[host]};
      spec.persists = host == client;
      spec.bootstrap = host == client ? std::vector{before} : std::vector<HostId>{};
    }
    routes_.translate(Routes::router, service, world_.host(before).address);
    world_.host(after).wanted = world_.host(after).member = false;
    const Nanoseconds gone = rng_.between(6s, 10s);
    const Nanoseconds back = gone + rng_.between(500ms, 3s);
    world_.scheduler().after(gone, [&world = world_, before] {
      world.processes().crash(before);
      Host& host = world.host(before);
      host.wanted = host.member = false;
      host.retired = true;
      world.wiring().routes().interfaces(before).front().up = false;
      world.wiring().routes().note_change();
    });
    world_.scheduler().after(back, [&world = world_, service, after] {
      world.wiring().routes().translate(Routes::router, service, world.host(after).address);
      world.wiring().routes().note_change();
      world.host(after).member = true;
      world.processes().boot(after);
      world.processes().join(after);
    });
    finish();
  }

  // ---------------------------------------------------------------------------------------------- contacts

  [[nodiscard]] SocketAddress home(HostId host) const {
    const auto found = homes_.find(host);
    return found == homes_.end() ? world_.host(host).address : found->second;
  }

  void finish() {
    std::vector<SocketAddress> everyone;
    for (const HostId id : all()) {
      Host& host = world_.host(id);
      const SocketAddress address = home(id);
      world_.wiring().zone().set(host.spec.name + ".sim", {address.with_port(0)});
      if (!is_container(id)) everyone.push_back(address.with_port(0));
    }
    world_.wiring().zone().set(common_name, everyone);
    for (const HostId id : all()) {
      HostSpec& spec = world_.host(id).spec;
      world_.host(id).found_by_name = by_name_ && spec.advertise.empty() && !residents_.contains(id);
      for (const HostId told : spec.bootstrap) {
        const SocketAddress address = home(told);
        const std::string own_name = world_.host(told).spec.name + ".sim";
        // A common name leads to one port; behind it are many keys.
        const bool common = !is_container(told) && chance(2) && one_port_;
        const std::string name = common ? common_name : own_name;
        // People have no ids when they write a unit file.
        const bool nameless = chance(2) && !floats_;
        const PeerId peer = nameless ? PeerId{} : world_.host(told).peer;
        spec.contacts.push_back({peer, by_name_ ? name : text_of_ip(address), address.port()});
      }
      spec.bootstrap.clear();
    }
    world_.wiring().remember();
  }

  World& world_;
  Routes& routes_;
  Rng rng_;
  std::vector<SegmentId> lans_;
  std::map<HostId, std::vector<SegmentId>> bridges_;
  std::map<HostId, unsigned> residents_;
  std::map<HostId, HostId> machines_;      // of containers
  std::map<HostId, SocketAddress> homes_;  // where others reach it first, when that is not its own address
  bool by_name_ = false;
  bool one_port_ = false;
  bool floats_ = false;  ///< contacts may be addresses that others take over: who answers there says nothing
};

}  // namespace

void lay_out(World& world, Shape shape, const Rng& rng) {
  Surveyor(world, rng).lay(shape);
}

}  // namespace mosaik::sim
