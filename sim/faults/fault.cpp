#include "sim/faults/fault.hpp"

#include <algorithm>
#include <array>

namespace mosaik::sim {

namespace {

constexpr std::array<std::string_view, fault_kinds> names = {"cut",
                                                             "cut one way",
                                                             "isolate",
                                                             "deafen",
                                                             "halves",
                                                             "ring",
                                                             "bridge",
                                                             "flap",
                                                             "weather",
                                                             "squeeze",
                                                             "clog",
                                                             "crash",
                                                             "restart",
                                                             "restart all",
                                                             "rolling",
                                                             "pause",
                                                             "slow",
                                                             "clock rate",
                                                             "clock jump",
                                                             "clock set back",
                                                             "sleep",
                                                             "quit",
                                                             "rejoin",
                                                             "replay",
                                                             "storm",
                                                             "forged error",
                                                             "disk",
                                                             "wipe",
                                                             "leader crash",
                                                             "leader restart",
                                                             "leader isolate",
                                                             "leader pause",
                                                             "close sentinel",
                                                             "swallow",
                                                             "narrow",
                                                             "unplug",
                                                             "renumber",
                                                             "hand over",
                                                             "rebind",
                                                             "resolver",
                                                             "descriptors"};

/// One fault at work: what the functions below need at hand.
struct Work {
  World& world;
  Fault fault;

  [[nodiscard]] Network& network() const { return world.wiring().network(); }
  [[nodiscard]] std::size_t hosts() const { return world.hosts().size(); }
  void later(Nanoseconds pause, Task task) const { world.scheduler().after(pause, std::move(task)); }
  [[nodiscard]] Rng rng(std::string_view name) const { return Rng(fault.value).fork(name); }

  void cut(HostId from, HostId to) const {
    if (from == to || world.peaceful()) return;
    network().cut(from, to);
    later(fault.span, [network = &network(), from, to] { network->heal(from, to); });
  }
  void cut_both(HostId one, HostId other) const {
    cut(one, other);
    cut(other, one);
  }
  /// Cuts every pair for which `apart(i, j)` holds, both ways.
  template <class Apart>
  void cut_where(Apart apart) const {
    for (std::uint32_t i = 0; i < hosts(); ++i)
      for (std::uint32_t j = i + 1; j < hosts(); ++j)
        if (apart(i, j)) cut_both({i}, {j});
  }
  [[nodiscard]] bool side(std::uint32_t host) const { return (fault.value >> (host % 64) & 1U) != 0; }

  void come_back(HostId host, Nanoseconds pause) const {
    later(pause, [w = &world, host] {
      if (!w->host(host).wanted || w->host(host).program) return;
      w->processes().boot(host);
      if (w->host(host).member) w->processes().join(host);
    });
  }
  void fall(HostId host, Nanoseconds pause) const {
    if (!world.host(host).wanted || world.peaceful()) return;
    world.processes().crash(host);
    come_back(host, pause);
  }
};

void flap(const Work& work) {
  Rng rng = work.rng("flap");
  for (Nanoseconds at = 0s; at < work.fault.span;) {
    const Nanoseconds down = rng.between(20ms, 1500ms);
    Work once = work;
    once.fault.span = down;
    work.later(at, [once] { once.cut_both(once.fault.a, once.fault.b); });
    at += down + rng.between(20ms, 1500ms);
  }
}

void weather(const Work& work) {
  Rng rng = work.rng("weather");
  Weather sky = work.network().weather();
  sky.jitter = rng.between(sky.jitter, sky.delay * 3);
  sky.loss = rng.below(4) == 0 ? rng.below(400'000) : rng.below(100'000);
  sky.burst = rng.below(20'000);
  sky.duplicate = rng.below(100'000);
  sky.replay = rng.below(50'000);
  sky.corrupt = rng.below(50'000);
  for (const auto& [from, to] : {std::pair(work.fault.a, work.fault.b), std::pair(work.fault.b, work.fault.a)}) {
    work.network().set_weather(from, to, sky);
    work.later(work.fault.span, [network = &work.network(), from, to] { network->clear_weather(from, to); });
  }
}

void squeeze(const Work& work) {
  Rng rng = work.rng("squeeze");
  Weather sky = work.network().weather();
  sky.bytes_a_second = 2'000 + rng.below(40'000);
  sky.queue_bytes = 2'000 + rng.below(20'000);
  work.network().set_weather(work.fault.a, work.fault.b, sky);
  work.later(work.fault.span,
             [network = &work.network(), from = work.fault.a, to = work.fault.b] { network->clear_weather(from, to); });
}

void rolling(const Work& work) {
  const Nanoseconds pause = std::max<Nanoseconds>(work.fault.span / static_cast<std::int64_t>(work.hosts()), 10ms);
  for (std::uint32_t i = 0; i < work.hosts(); ++i)
    work.later(pause * i, [work, i, pause] { work.fall({i}, pause / 2); });
}

void set_clock(const Work& work, std::chrono::milliseconds by) {
  Host& host = work.world.host(work.fault.a);
  // Peers hold entries to a bound of drift and of age; the sum of all jumps stays well inside it.
  const auto sum = host.clock.wall_offset() + by;
  if (sum > 20s || sum < -20s) return;
  host.clock.jump(by);
}

void storm(const Work& work) {
  for (std::uint32_t i = 0; i < work.hosts(); ++i) {
    for (std::uint32_t j = 0; j < work.hosts(); ++j) {
      if (i == j) continue;
      const Host& to = work.world.host({j});
      work.world.processes().request({i}, [peer = to.peer, address = to.address](Program& program, const Now& now) {
        program.sync_with(now, peer, address);
      });
    }
  }
}

void rejoin(const Work& work) {
  const HostId host = work.fault.a;
  if (!work.world.host(host).program || !work.world.host(host).member) return;
  work.world.processes().leave(host);
  work.later(work.fault.span, [w = &work.world, host] {
    if (w->host(host).wanted) w->processes().join(host);
  });
}

void quit(const Work& work) {
  const HostId host = work.fault.a;
  if (!work.world.host(host).wanted) return;
  const bool member = work.world.host(host).member;
  work.world.processes().quit(host);
  work.later(std::max<Nanoseconds>(work.fault.span, 1s), [w = &work.world, host, member] {
    if (w->host(host).wanted || w->host(host).program) return;
    w->processes().boot(host);
    if (member) w->processes().join(host);
  });
}

void set_back(const Work& work) {
  if (!work.world.host(work.fault.a).wanted) return;
  work.world.processes().crash(work.fault.a);
  set_clock(work, -std::chrono::milliseconds(5'000 + work.fault.value % 10'000));
  work.come_back(work.fault.a, work.fault.span);
}

void disk(const Work& work) {
  Disk& of = work.world.host(work.fault.a).disk;
  of.full = work.fault.value % 2 == 0;
  if (!of.full) of.sync_time = 2s;
  work.later(work.fault.span, [&of] {
    of.full = false;
    of.sync_time = 2ms;
  });
}

/// Whatever the host sends to b is quoted back to it; it is the network's doing and proves nothing.
void forged_error(const Work& work) {
  Rng rng = work.rng("forged");
  for (Nanoseconds at = 0s; at < work.fault.span; at += rng.between(5ms, 200ms))
    work.later(at, [work] {
      if (!work.world.peaceful()) work.world.processes().forge_error(work.fault.a, work.fault.b);
    });
}

/// The leader when there is one: who that is shows only when the time has come.
HostId victim(const Work& work) {
  return leader_of(work.world).value_or(work.fault.a);
}

void isolate(const Work& work, HostId host) {
  work.cut_where([at = host.value](std::uint32_t i, std::uint32_t j) { return i == at || j == at; });
}

void deafen(const Work& work) {
  for (std::uint32_t i = 0; i < work.hosts(); ++i) work.cut({i}, work.fault.a);
}

void halves(const Work& work) {
  work.cut_where([&](std::uint32_t i, std::uint32_t j) { return work.side(i) != work.side(j); });
}

void ring(const Work& work) {
  const auto n = static_cast<std::uint32_t>(work.hosts());
  work.cut_where([n](std::uint32_t i, std::uint32_t j) { return j - i != 1 && !(i == 0 && j + 1 == n); });
}

/// Two halves, and one host that hears both.
void bridge(const Work& work) {
  work.cut_where([&, both = work.fault.a.value](std::uint32_t i, std::uint32_t j) {
    return i != both && j != both && work.side(i) != work.side(j);
  });
}

void restart(const Work& work, HostId host) {
  work.fall(host, Nanoseconds(static_cast<std::int64_t>(work.fault.value % 50'000'000)));
}

void restart_all(const Work& work) {
  for (std::uint32_t i = 0; i < work.hosts(); ++i) work.fall({i}, work.fault.span / (1 + i));
}

void slow(const Work& work) {
  const auto& [at, kind, span, host, other, value] = work.fault;
  work.world.processes().set_slowness(host, 20 + value % 400);
  work.world.processes().excuse(host, span);
  work.later(span, [w = &work.world, id = host] { w->processes().set_slowness(id, 1); });
}

void clock_rate(const Work& work) {
  const auto set = [w = &work.world, host = work.fault.a](std::int64_t rate) {
    w->host(host).clock.set_rate(w->now(), rate);
  };
  set(static_cast<std::int64_t>(work.fault.value % 4000) - 2000);
  work.later(work.fault.span, [set] { set(0); });
}

void clock_jump(const Work& work) {
  set_clock(work, std::chrono::milliseconds(static_cast<std::int64_t>(work.fault.value % 40'000) - 20'000));
}

void wipe(const Work& work) {
  work.fall(work.fault.a, work.fault.span);
  work.world.host(work.fault.a).disk.wipe();
}

// ------------------------------------------------------------------------------------------------ networks

/// One of the networks between hosts that the host is on; not a bridge of its own.
std::optional<SegmentId> network_of(const Work& work) {
  std::vector<SegmentId> out;
  for (const Interface& each : work.world.wiring().routes().interfaces(work.fault.a))
    if (!work.world.wiring().routes().segment(each.segment).gateway) out.push_back(each.segment);
  if (out.empty()) return std::nullopt;
  return out[work.fault.value % out.size()];
}

void swallow(const Work& work) {
  const auto segment = work.world.peaceful() ? std::nullopt : network_of(work);
  if (!segment) return;
  Routes& routes = work.world.wiring().routes();
  ++routes.segment(*segment).swallowing;
  routes.note_change();
  work.later(work.fault.span, [&routes, id = *segment] {
    if (routes.segment(id).swallowing == 0) return;  // healed
    --routes.segment(id).swallowing;
    routes.note_change();
  });
}

void narrow(const Work& work) {
  const auto segment = network_of(work);
  if (!segment) return;
  Routes& routes = work.world.wiring().routes();
  routes.segment(*segment).mtu = 1280 + work.rng("mtu").below(120);
  routes.note_change();
  work.later(work.fault.span, [&routes, id = *segment] {
    routes.segment(id).mtu = 1500;
    routes.note_change();
  });
}

/// Interfaces are named by their places: the list of a host grows and shrinks at its end alone.
void unplug(const Work& work) {
  World& world = work.world;
  const HostId host = work.fault.a;
  const std::size_t count = world.wiring().routes().interfaces(host).size();
  if (count == 0 || world.peaceful() || world.host(host).retired) return;
  const std::size_t at = work.fault.value % count;
  world.wiring().routes().interfaces(host)[at].up = false;
  world.processes().on_interfaces(host);
  work.later(work.fault.span, [&world, host, at] {
    auto& interfaces = world.wiring().routes().interfaces(host);
    if (at >= interfaces.size() || world.host(host).retired) return;
    interfaces[at].up = true;
    world.processes().on_interfaces(host);
  });
}

/// The entry and the name of the host follow; addresses that an operator gave cannot.
void set_address(World& world, HostId host, const SocketAddress& address, Nanoseconds name_later) {
  if (world.peaceful()) return;
  Host& of = world.host(host);
  world.wiring().routes().interfaces(host).front().address = address;
  of.address = address.with_port(of.address.port());
  world.processes().on_interfaces(host);
  world.scheduler().after(name_later, [&world, name = of.spec.name + ".sim", address] {
    if (!world.peaceful()) world.wiring().zone().set(name, {address});
  });
}

bool may_move(World& world, HostId host) {
  if (world.peaceful() || !world.host(host).found_by_name || world.wiring().routes().interfaces(host).empty())
    return false;
  const auto& segments = world.wiring().routes().segments();
  // The ports that a host publishes for its containers have its address.
  return std::ranges::none_of(world.hosts(), [&](const auto& other) {
    if (other->id == host) return false;
    const auto& interfaces = world.wiring().routes().interfaces(other->id);
    return std::ranges::any_of(interfaces,
                               [&](const Interface& each) { return segments[each.segment.value].gateway == host; });
  });
}

void renumber(const Work& work) {
  World& world = work.world;
  const auto& [at, kind, span, a, b, value] = work.fault;
  if (!may_move(world, a)) return;
  const SocketAddress old = world.wiring().routes().interfaces(a).front().address;
  const Nanoseconds later = work.rng("names").between(0s, 3s);
  const bool swapped =
      value % 3 == 0 && may_move(world, b) &&
      world.wiring().routes().interfaces(a).front().segment == world.wiring().routes().interfaces(b).front().segment;
  if (swapped) {
    const SocketAddress other = world.wiring().routes().interfaces(b).front().address;
    set_address(world, a, other, later);
    set_address(world, b, old, later);
    return;
  }
  auto octets = old.octets();
  octets[3] = static_cast<std::uint8_t>(100 + value % 100);
  set_address(world, a, SocketAddress::v4({octets[0], octets[1], octets[2], octets[3]}, 0), later);
}

/// VRRP: the address with a prefix of its own belongs to whoever is master.
void hand_over(const Work& work) {
  World& world = work.world;
  if (world.peaceful()) return;
  std::optional<Interface> floating;
  for (const auto& host : world.hosts()) {
    if (host->id == work.fault.b) continue;
    auto& interfaces = world.wiring().routes().interfaces(host->id);
    const auto found = std::ranges::find(interfaces, 32U, &Interface::prefix);
    const auto& to = world.wiring().routes().interfaces(work.fault.b);
    if (found == interfaces.end() || to.empty() || to.front().segment != found->segment) continue;
    floating = *found;
    interfaces.erase(found);
    world.processes().on_interfaces(host->id);
    break;
  }
  if (!floating) return;
  floating->up = true;
  world.wiring().routes().attach(work.fault.b, *floating);
  world.processes().on_interfaces(work.fault.b);
}

void resolver(const Work& work) {
  if (work.world.peaceful()) return;
  work.world.wiring().zone().set_mood(static_cast<Names::Mood>(1 + work.fault.value % 4));
  work.later(work.fault.span, [&world = work.world] { world.wiring().zone().set_mood(Names::Mood::truthful); });
}

void begin(const Work& work) {
  const auto& [at, kind, span, a, b, value] = work.fault;
  World& world = work.world;
  switch (kind) {
    case FaultKind::cut: return work.cut_both(a, b);
    case FaultKind::cut_one_way: return work.cut(a, b);
    case FaultKind::isolate: return isolate(work, a);
    case FaultKind::leader_isolate: return isolate(work, victim(work));
    case FaultKind::deafen: return deafen(work);
    case FaultKind::halves: return halves(work);
    case FaultKind::ring: return ring(work);
    case FaultKind::bridge: return bridge(work);
    case FaultKind::flap: return flap(work);
    case FaultKind::weather: return weather(work);
    case FaultKind::squeeze: return squeeze(work);
    case FaultKind::clog: return world.wiring().network().clog(a, b, span);
    case FaultKind::crash: return work.fall(a, span);
    case FaultKind::leader_crash: return work.fall(victim(work), span);
    case FaultKind::restart: return restart(work, a);
    case FaultKind::leader_restart: return restart(work, victim(work));
    case FaultKind::restart_all: return restart_all(work);
    case FaultKind::rolling: return rolling(work);
    case FaultKind::pause: return world.processes().pause(a, span);
    case FaultKind::leader_pause: return world.processes().pause(victim(work), span);
    case FaultKind::slow: return slow(work);
    case FaultKind::clock_rate: return clock_rate(work);
    case FaultKind::clock_jump: return clock_jump(work);
    case FaultKind::clock_set_back: return set_back(work);
    case FaultKind::sleep: return world.processes().sleep(a, span);
    case FaultKind::quit: return quit(work);
    case FaultKind::rejoin: return rejoin(work);
    case FaultKind::replay: return static_cast<void>(world.wiring().network().replay(a, b, 32));
    case FaultKind::storm: return storm(work);
    case FaultKind::forged_error: return forged_error(work);
    case FaultKind::disk: return disk(work);
    case FaultKind::wipe: return wipe(work);
    case FaultKind::close_sentinel: return world.wiring().tcp().part(a, b);
    case FaultKind::swallow: return swallow(work);
    case FaultKind::narrow: return narrow(work);
    case FaultKind::unplug: return unplug(work);
    case FaultKind::renumber: return renumber(work);
    case FaultKind::hand_over: return hand_over(work);
    case FaultKind::rebind: return world.wiring().forget_mappings();
    case FaultKind::resolver: return resolver(work);
    case FaultKind::descriptors: return world.processes().exhaust(a, span);
  }
}

}  // namespace

std::string_view to_string(FaultKind kind) noexcept {
  return names[static_cast<std::size_t>(kind)];
}

std::string to_text(const Fault& fault) {
  return "at " + std::to_string(fault.at / 1ms) + " ms for " + std::to_string(fault.span / 1ms) +
         " ms: " + std::string(to_string(fault.kind)) + " a=" + std::to_string(fault.a.value) +
         " b=" + std::to_string(fault.b.value) + " value=" + std::to_string(fault.value % 1'000'000);
}

Plan draw_plan(Rng rng, std::span<const MenuItem> menu, std::size_t count, std::size_t hosts, Nanoseconds from,
               Nanoseconds until) {
  Plan out;
  std::uint64_t total = 0;
  for (const MenuItem& item : menu) total += item.weight;
  for (std::size_t i = 0; i < count && total > 0; ++i) {
    std::uint64_t at = rng.below(total);
    const auto* item = menu.data();
    for (; at >= item->weight; ++item) at -= item->weight;
    Fault fault;
    fault.kind = item->kind;
    fault.at = rng.between(from, until);
    fault.span = rng.between(item->least, item->most);
    fault.a = {static_cast<std::uint32_t>(rng.below(hosts))};
    fault.b = {static_cast<std::uint32_t>((fault.a.value + 1 + rng.below(hosts - 1)) % hosts)};
    fault.value = rng.next();
    out.push_back(fault);
  }
  // The chance for the details tells two faults of one moment apart: the order is the same with any library.
  std::ranges::sort(out, {}, [](const Fault& fault) { return std::pair(fault.at, fault.value); });
  return out;
}

void plan_fault(World& world, const Fault& fault) {
  world.scheduler().at(Mono(1s) + fault.at, [&world, fault] {
    world.trace().note(world.now(), "nemesis", to_text(fault));
    world.note_fault();
    begin({world, fault});
  });
}

}  // namespace mosaik::sim
