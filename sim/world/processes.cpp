#include "sim/world/processes.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "crypto/hash.hpp"
#include "sim/faults/buggy_transport.hpp"
#include "sim/oracle/records.hpp"
#include "sim/world/plain_endpoint.hpp"
#include "sim/world/world.hpp"
#include "transport/quic/quic.hpp"

namespace mosaik::sim {

namespace {
std::uint64_t number(Nanoseconds value) {
  return static_cast<std::uint64_t>(value.count());
}
}  // namespace

Processes::Processes(const Surroundings& around)
    : around_(around),
      ledger_(around.scheduler, around.hosts, around.truth, around.roster, around.judge, around.trace),
      systems_(around.scheduler, around.hosts, around.wiring, around.reach, *this, around.trace) {}

// ------------------------------------------------------------------------------------------------ life

void Processes::boot(HostId id) {
  Host& of = around_.hosts.at(id);
  of.wanted = true;
  if (of.program) return;
  ++of.incarnation;
  const Now now = of.clock.read(time());
  of.program = make_program(of, launch_of(of), now);
  around_.wiring.close_outlets(of);
  of.inbox.clear();
  of.errors.clear();
  of.requests.clear();
  of.busy_until = time();
  of.paused_until = {};
  of.wake = never;
  of.verified = 0;
  of.memory_due = false;
  around_.trace.note(time(), of.spec.name, "boots, run " + std::to_string(of.incarnation));
  Life& life = around_.truth.born(of, now, time());
  life.started = of.program->own_entry()->entry.version.started;
  around_.truth.signed_entry(of.program->own_entry());
  for (const identity::EntryRef& entry : of.program->invented()) around_.truth.signed_entry(entry);
  request(id, [](Program& program, const Now& at) { program.start(at); });
}

Launch Processes::launch_of(Host& of) const {
  const Knobs& knobs = around_.knobs;
  Launch launch;
  launch.name = of.spec.name;
  launch.network = of.spec.network;
  launch.bootstrap = of.spec.contacts;
  for (const HostId peer : of.spec.bootstrap) {
    const Host& other = around_.hosts.at(peer);
    launch.bootstrap_addresses.push_back(other.address);
    launch.bootstrap.push_back({other.peer, "10.0.0." + std::to_string(peer.value + 1), 4433});
  }
  const bool routed = around_.wiring.routed();
  launch.address = routed ? SocketAddress().with_port(of.address.port()) : of.address;
  launch.advertised = of.spec.advertise.empty() ? around_.wiring.own_addresses(of) : of.spec.advertise;
  if (routed) launch.interfaces = around_.wiring.own_addresses(of);
  launch.key_seed = key_seed(of.spec.key);
  launch.seed = of.rng.fork("run", of.incarnation).next();
  launch.secret = of.spec.secret;
  launch.group = around_.roster.group_of("s3cret");
  launch.timing = knobs.timing;
  launch.discovery = knobs.discovery;
  launch.dial_eagerly = of.spec.eager;
  if (knobs.decisions)
    launch.on_decision = [this, &of](const Decision& decision) {
      around_.trace.note_decision(time(), of.spec.name, decision);
    };
  launch.greedy = of.spec.greedy && knobs.tier == Tier::quic;
  launch.sentinels = knobs.sentinels;
  launch.second_secret = of.spec.second_secret;
  launch.capabilities = of.spec.capabilities;
  if (of.spec.persists)
    for (const auto& record : of.disk.read("memory")) launch.memory = read_memory(record);  // the newest counts
  if (of.spec.software == Software::planter) {
    launch.invented = invented_members;
    launch.victim = victim_address;
  }
  launch.replication = around_.roster.replication();
  const bool kept = launch.replication && launch.replication->machine.store == consensus::Store::durable;
  launch.restore = [&of, kept] {
    if (!kept) return consensus::Restored{};
    of.disk.synced("log");  // who opens a store makes sure of what it reads
    return restore(of.disk.read("log"));
  };
  return launch;
}

std::unique_ptr<Program> Processes::make_program(const Host& of, const Launch& launch, const Now& now) const {
  const Knobs& knobs = around_.knobs;
  std::unique_ptr<Transport> transport;
  crypto::SecretKey key = crypto::SecretKey::from_seed(launch.key_seed);
  if (knobs.tier == Tier::links)
    transport = std::make_unique<PlainEndpoint>(key, Rng(launch.seed));
  else
    transport = quic::make_endpoint(
        key, quic::EndpointConfig{.random_seed = crypto::hash({bytes_of("seed " + std::to_string(launch.seed))})});
  if (knobs.buggify != 0)
    transport = std::make_unique<BuggyTransport>(std::move(transport), Rng(launch.seed).fork("buggy"), knobs.buggify,
                                                 around_.peace.at_war());
  if (of.spec.software == Software::node) return make_node(launch, now, std::move(transport));
  auto model = make_rust_model(launch, now, std::move(transport), of.spec.software == Software::rust);
  const bool breaks_rules = of.spec.software == Software::hostile && knobs.tier == Tier::quic;
  return breaks_rules ? make_hostile(launch, std::move(model)) : std::move(model);
}

void Processes::crash(HostId id) {
  Host& of = around_.hosts.at(id);
  if (!of.program) return;
  around_.trace.note(time(), of.spec.name, "is gone");
  around_.truth.died(of, time());
  of.disk.crash();
  of.program.reset();
  around_.wiring.tcp().ended(id, of.incarnation);
  of.inbox.clear();
  of.errors.clear();
  of.requests.clear();
  of.wake = never;
}

void Processes::quit(HostId id) {
  Host& of = around_.hosts.at(id);
  of.wanted = false;
  of.member = false;
  if (!of.program) return;
  around_.trace.note(time(), of.spec.name, "quits");
  around_.truth.life(of).leaving = true;
  request(id, [](Program& program, const Now& at) { program.leave(at); });
  // As the runtime does: the departure has a time limit, then the process ends.
  around_.scheduler.after(limits::departure_flush + 100ms, [this, id, run = of.incarnation] {
    const Host& host = around_.hosts.at(id);
    if (host.incarnation == run && !host.wanted) crash(id);
  });
}

void Processes::join(HostId id) {
  around_.hosts.at(id).member = true;
  request(id, [](Program& program, const Now& at) { program.join(at); });
}

void Processes::leave(HostId id) {
  Host& of = around_.hosts.at(id);
  of.member = false;
  if (!of.program) return;
  around_.trace.note(time(), of.spec.name, "leaves the group");
  around_.truth.life(of).leaving = true;
  request(id, [](Program& program, const Now& at) { program.leave(at); });
}

void Processes::request(HostId id, Host::Request what) {
  Host& of = around_.hosts.at(id);
  if (!of.program) return;
  of.requests.push_back(std::move(what));
  wake(of, time());
}

// ------------------------------------------------------------------------------------------------ what befalls them

void Processes::pause(HostId id, Nanoseconds span) {
  Host& of = around_.hosts.at(id);
  of.paused_until = std::max(of.paused_until, time() + span);
  excuse(id, span);
}

void Processes::sleep(HostId id, Nanoseconds span) {
  pause(id, span);
  around_.hosts.at(id).clock.sleep_until(time(), span);
}

void Processes::exhaust(HostId id, Nanoseconds span) {
  around_.hosts.at(id).exhausted_until = time() + span;
}

void Processes::excuse(HostId id, Nanoseconds span) {
  Host& of = around_.hosts.at(id);
  of.impaired_until = std::max(of.impaired_until, time() + span);
}

bool Processes::excused(const Host& host, Nanoseconds within) const {
  return host.impaired_until + within > time();
}

void Processes::forge_error(HostId id, HostId about) {
  Host& of = around_.hosts.at(id);
  const auto quoted = around_.wiring.network().last_sent(id, about);
  if (!of.program || quoted.empty() || of.errors.size() >= around_.knobs.inbox) return;
  of.errors.push_back({around_.hosts.at(about).address, quoted});
  of.deceived_until = time() + 1s;
  wake(of, time());
}

void Processes::on_sentinel(const Tcp::End& end, std::optional<detector::SentinelEnd> how) {
  if (around_.hosts.at(end.host).incarnation != end.run) return;
  request(end.host,
          [id = end.id, how](Program& program, const Now& at) { program.sentinels()->on_sentinel(at, id, how); });
}

void Processes::check_invariants() const {
  for (const auto& host : around_.hosts.all()) {
    const bool waits = !host->inbox.empty() || !host->errors.empty() || !host->requests.empty();
    // What waits for a process is lost with it: the next run hears nothing that was meant for the last one.
    MOSAIK_ASSERT(host->program || (!waits && host->wake == never));
    // A process that has work has its turn planned, or the world would take it for a silent one.
    MOSAIK_ASSERT(!host->program || !waits || host->wake != never);
    MOSAIK_ASSERT(host->inbox.size() <= usual_inbox);
    // Nobody is blamed for what a dead process does not do.
    MOSAIK_ASSERT(host->incarnation == 0 || around_.truth.life(*host).died.has_value() == !host->program);
  }
}

// ------------------------------------------------------------------------------------------------ turns

void Processes::deliver(Network::Datagram datagram) {
  Host& to = around_.hosts.at(datagram.to);
  if (!to.program || !datagram.listens) return refuse(std::move(datagram));
  if (to.inbox.size() >= around_.knobs.inbox) {
    ++to.overflowed;
    return;
  }
  to.inbox.push_back(std::move(datagram));
  wake(to, time());
}

/// The system of the host says that nobody listens, if it does.
void Processes::refuse(Network::Datagram datagram) {
  Wiring& wiring = around_.wiring;
  if (!around_.knobs.port_unreachable || wiring.network().is_cut(datagram.to, datagram.from)) return;
  if (around_.knobs.icmp_budget && !wiring.may_refuse(datagram.to, datagram.from)) return;
  around_.scheduler.after(wiring.network().weather().delay, [this, quoted = std::move(datagram)]() mutable {
    Host& from = around_.hosts.at(quoted.from);
    if (!from.program || from.errors.size() >= around_.knobs.inbox) return;
    from.errors.push_back({quoted.dialed, std::move(quoted.bytes)});
    wake(from, time());
  });
}

void Processes::wake(Host& of, Mono at) {
  at = std::max({at, of.busy_until, of.paused_until, time()});
  if (at >= of.wake) return;
  of.wake = at;
  around_.scheduler.at(at, [this, id = of.id, at, run = of.incarnation] {
    Host& here = around_.hosts.at(id);
    if (!here.program || here.incarnation != run || here.wake != at) return;
    here.wake = never;
    // A pause may have begun since this was planned.
    if (here.paused_until > time()) return wake(here, here.paused_until);
    turn(here);
  });
}

void Processes::plan_wake(Host& of) {
  if (!of.inbox.empty() || !of.errors.empty() || !of.requests.empty()) return wake(of, of.busy_until);
  const Mono due = of.program->next_deadline();
  if (due != never) wake(of, of.clock.when(due, time()));
}

Nanoseconds Processes::take_inputs(Host& of, const Now& now) {
  const Knobs& knobs = around_.knobs;
  Nanoseconds cost{};
  for (std::size_t taken = 0; taken < knobs.datagrams_a_turn && !of.inbox.empty(); ++taken) {
    const Network::Datagram datagram = std::move(of.inbox.front());
    of.inbox.pop_front();
    const bool handshake = !datagram.bytes.empty() && (datagram.bytes[0] & 0x80U) != 0;
    cost += handshake ? of.rng.between(knobs.handshake_least, knobs.handshake_most) : knobs.datagram_cost;
    const auto at =
        std::ranges::find_if(of.outlets, [&](const auto& item) { return item.second.port == datagram.local.port(); });
    const std::uint8_t outlet = at == of.outlets.end() ? std::uint8_t{} : at->first;
    of.program->on_datagram(now, {datagram.local, datagram.source, outlet}, datagram.bytes);
  }
  while (!of.errors.empty()) {
    const Host::Unreachable error = std::move(of.errors.front());
    of.errors.pop_front();
    cost += knobs.datagram_cost;
    of.program->on_unreachable(now, error.remote, error.quoted);
  }
  while (!of.requests.empty()) {
    const Host::Request what = std::move(of.requests.front());
    of.requests.pop_front();
    what(*of.program, now);
  }
  return cost;
}

void Processes::turn(Host& of) {
  const Knobs& knobs = around_.knobs;
  ++of.turns;
  const Mono begin = time();
  const Now now = of.clock.read(begin);
  // Two draws from one stream: in two statements, for the order within one is the compiler's.
  Nanoseconds cost = of.rng.between(knobs.turn_cost, 2 * knobs.turn_cost);
  cost += take_inputs(of, now);
  of.program->turn(now);
  const std::uint64_t verified = of.program->verifications();
  cost += knobs.verification_cost * static_cast<std::int64_t>(verified - std::exchange(of.verified, verified));
  cost *= static_cast<std::int64_t>(of.slowness);
  if (of.slowness > 1) excuse(of.id, cost);
  of.busy_until = begin + cost;
  around_.trace.mix(number(begin.time_since_epoch()));
  around_.trace.mix(of.id.value);
  ledger_.hear(of, now);
  systems_.after_turn(of);
  around_.judge.on_turn(of);
  transmit(of, now, of.busy_until);
  plan_wake(of);
}

void Processes::transmit(Host& of, const Now& now, Mono departure) {
  static thread_local DatagramBatch batch(1U << 16U);
  bool more = true;
  while (more) {
    batch.clear();
    more = of.program->transmit(now, batch);
    for (const DatagramBatch::Item& item : batch.items()) {
      if (item.path.remote == victim_address && of.spec.software == Software::node)
        sent_to_victim_[{of.id, of.incarnation}].push_back(departure);
      const auto arrival = systems_.route(of, item.path);
      if (!arrival) {
        if (around_.wiring.routed()) around_.wiring.network().note_lost(&NetworkCounters::unrouted);
        continue;
      }
      const BytesView bytes = batch.bytes(item);
      for (std::size_t at = 0; at < bytes.size(); at += item.segment)
        send(of, *arrival, item.path.remote, bytes.subspan(at, std::min(item.segment, bytes.size() - at)), departure);
    }
  }
}

void Processes::send(Host& of, const Routes::IncomingHandshake& arrival, const SocketAddress& remote,
                     BytesView datagram, Mono departure) {
  Network& network = around_.wiring.network();
  around_.trace.mix(datagram.size());
  if (arrival.swallowed || datagram.size() + Routes::header_bytes > arrival.mtu) {
    network.note_lost(arrival.swallowed ? &NetworkCounters::swallowed : &NetworkCounters::too_large);
    if (!arrival.swallowed && arrival.tells_too_big) systems_.tell_too_big(of, remote, datagram, arrival.mtu);
    return;
  }
  network.send(departure + arrival.delay, {.from = of.id,
                                           .to = arrival.to,
                                           .source = arrival.source,
                                           .bytes = {datagram.begin(), datagram.end()},
                                           .local = arrival.local,
                                           .dialed = remote,
                                           .listens = arrival.listens});
}

}  // namespace mosaik::sim
