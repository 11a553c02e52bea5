#include "sim/world/world.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "crypto/hash.hpp"
#include "sim/faults/buggy_transport.hpp"
#include "sim/oracle/records.hpp"
#include "sim/scenarios/workload.hpp"
#include "sim/world/plain_endpoint.hpp"
#include "transport/quic/quic.hpp"

namespace mosaik::sim {

namespace {

constexpr Nanoseconds sweep_pause = 250ms;
constexpr std::uint64_t spin_limit = 20'000;

struct Key {
  Bytes32 seed{};
  PeerId id;
};

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = [] {
    std::map<PeerId, Bytes32> sorted;
    for (std::size_t i = 0; i < keys; ++i) {
      const Bytes32 seed = crypto::hash({bytes_of("key " + std::to_string(i))});
      sorted.emplace(crypto::SecretKey::from_seed(seed).id(), seed);
    }
    std::vector<Key> out;
    for (const auto& [id, seed] : sorted) out.push_back({seed, id});
    return out;
  }();
  return table;
}

std::uint64_t number(Nanoseconds value) {
  return static_cast<std::uint64_t>(value.count());
}

}  // namespace

const Bytes32& key_seed(std::size_t index) {
  return key_table().at(index).seed;
}
const PeerId& key_id(std::size_t index) {
  return key_table().at(index).id;
}

World::World(std::uint64_t seed, const Knobs& knobs)
    : knobs_(knobs),
      rng_(seed),
      network_(scheduler_, rng_, [this](Network::Datagram datagram) { deliver(std::move(datagram)); }),
      zone_(rng_),
      healthy_zone_(rng_),
      tcp_(
          scheduler_, rng_, network_,
          [this](const Tcp::End& end, std::optional<detector::SentinelEnd> how) {
            if (host(end.host).incarnation == end.run)
              request(end.host,
                      [id = end.id, how](Program& program, const Now& at) { program.on_sentinel(at, id, how); });
          },
          [this](HostId at) { return host(at).program != nullptr && host(at).exhausted_until <= scheduler_.now(); }),
      invariants_(all_invariants()) {
  scheduler_.after(sweep_pause, [this] { sweep(); });
}

HostId World::add(HostSpec spec) {
  const HostId id{static_cast<std::uint32_t>(hosts_.size())};
  Host& host = *hosts_.emplace_back(std::make_unique<Host>(id, std::move(spec), rng_));
  host.peer = key_id(host.spec.key);
  host.address = SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(id.value + 1)}, 4433);
  host.clock = Clock(host.rng.fork("uptime").between(1s, 86400s));
  names_.try_emplace(host.peer, host.spec.name);
  return id;
}

std::string World::name_of(const PeerId& peer) const {
  const auto found = names_.find(peer);
  return found == names_.end() ? peer.brief() : found->second;
}

std::size_t World::invented() const {
  return invented_members * static_cast<std::size_t>(std::ranges::count_if(
                                hosts_, [](const auto& each) { return each->spec.software == Software::planter; }));
}

GroupId World::group_of(const std::string& secret) const {
  // A key lies in memory of its own, which takes some system calls: not at each event.
  const auto known = groups_.find(secret);
  if (known != groups_.end()) return known->second;
  return groups_[secret] = node::id_of_group(GroupKey::from_secret(secret), knobs_.timing,
                                             replication_ ? &replication_->machine : nullptr);
}

// ------------------------------------------------------------------------------------------------ processes

void World::boot(HostId id) {
  Host& of = host(id);
  of.wanted = true;
  if (of.program) return;
  ++of.incarnation;
  const Now now = now_of(of);
  Launch launch;
  launch.name = of.spec.name;
  launch.network = of.spec.network;
  launch.bootstrap = of.spec.contacts;
  for (const HostId peer : of.spec.bootstrap) {
    const Host& other = host(peer);
    launch.bootstrap_addresses.push_back(other.address);
    launch.bootstrap.push_back({other.peer, "10.0.0." + std::to_string(peer.value + 1), 4433});
  }
  launch.address = routed() ? SocketAddress().with_port(of.address.port()) : of.address;
  launch.advertised = of.spec.advertise.empty() ? own_addresses(of) : of.spec.advertise;
  if (routed()) launch.interfaces = own_addresses(of);
  launch.key_seed = key_seed(of.spec.key);
  launch.seed = of.rng.fork("run", of.incarnation).next();
  launch.secret = of.spec.secret;
  launch.group = group_of("s3cret");
  launch.timing = knobs_.timing;
  launch.discovery = knobs_.discovery;
  launch.dial_eagerly = of.spec.eager;
  launch.greedy = of.spec.greedy && knobs_.tier == Tier::quic;
  launch.sentinels = knobs_.sentinels;
  launch.second_secret = of.spec.second_secret;
  launch.capabilities = of.spec.capabilities;
  if (of.spec.persists)
    for (const auto& record : of.disk.read("memory")) launch.memory = read_memory(record);  // the newest counts
  if (of.spec.software == Software::planter) {
    launch.invented = invented_members;
    launch.victim = victim_address;
  }
  launch.replication = replication_;
  launch.restore = [&of, kept = replication_ && replication_->machine.store == consensus::Store::durable] {
    if (!kept) return consensus::Restored{};
    of.disk.synced("log");  // who opens a store makes sure of what it reads
    return restore(of.disk.read("log"));
  };
  of.program = make_program(of, launch, now);
  for (const auto& [outlet, socket] : of.outlets) routes_.close(id, socket.port);
  of.outlets.clear();
  of.inbox.clear();
  of.errors.clear();
  of.requests.clear();
  of.busy_until = scheduler_.now();
  of.paused_until = {};
  of.wake = never;
  of.verified = 0;
  of.memory_due = false;
  trace_.note(scheduler_.now(), of.spec.name, "boots, run " + std::to_string(of.incarnation));
  Life& life = truth_.born(of, now, scheduler_.now());
  life.started = of.program->own_entry()->entry.version.started;
  truth_.signed_entry(of.program->own_entry());
  for (const identity::EntryRef& entry : of.program->invented()) truth_.signed_entry(entry);
  request(id, [](Program& program, const Now& at) { program.start(at); });
}

std::unique_ptr<Program> World::make_program(const Host& of, const Launch& launch, const Now& now) const {
  std::unique_ptr<Transport> transport;
  crypto::SecretKey key = crypto::SecretKey::from_seed(launch.key_seed);
  if (knobs_.tier == Tier::links)
    transport = std::make_unique<PlainEndpoint>(key, Rng(launch.seed));
  else
    transport = quic::make_endpoint(
        key, quic::EndpointConfig{.random_seed = crypto::hash({bytes_of("seed " + std::to_string(launch.seed))})});
  if (knobs_.buggify != 0)
    transport =
        std::make_unique<BuggyTransport>(std::move(transport), Rng(launch.seed).fork("buggy"), knobs_.buggify, at_war_);
  if (of.spec.software == Software::node) return make_node(launch, now, std::move(transport));
  auto model = make_rust_model(launch, now, std::move(transport), of.spec.software == Software::rust);
  const bool breaks_rules = of.spec.software == Software::hostile && knobs_.tier == Tier::quic;
  return breaks_rules ? make_hostile(launch, std::move(model)) : std::move(model);
}

void World::crash(HostId id) {
  Host& of = host(id);
  if (!of.program) return;
  trace_.note(scheduler_.now(), of.spec.name, "is gone");
  truth_.died(of, scheduler_.now());
  of.disk.crash();
  of.program.reset();
  tcp_.ended(id, of.incarnation);
  of.inbox.clear();
  of.errors.clear();
  of.requests.clear();
  of.wake = never;
}

void World::quit(HostId id) {
  Host& of = host(id);
  of.wanted = false;
  of.member = false;
  if (!of.program) return;
  trace_.note(scheduler_.now(), of.spec.name, "quits");
  truth_.life(of).leaving = true;
  request(id, [](Program& program, const Now& at) { program.leave(at); });
  // As the runtime does: the departure has a time limit, then the process ends.
  scheduler_.after(limits::departure_flush + 100ms, [this, id, run = of.incarnation] {
    if (host(id).incarnation == run && !host(id).wanted) crash(id);
  });
}

void World::join(HostId id) {
  host(id).member = true;
  request(id, [](Program& program, const Now& at) { program.join(at); });
}

void World::leave(HostId id) {
  Host& of = host(id);
  of.member = false;
  if (!of.program) return;
  trace_.note(scheduler_.now(), of.spec.name, "leaves the group");
  truth_.life(of).leaving = true;
  request(id, [](Program& program, const Now& at) { program.leave(at); });
}

void World::pause(HostId id, Nanoseconds span) {
  Host& of = host(id);
  of.paused_until = std::max(of.paused_until, scheduler_.now() + span);
  excuse(id, span);
}

void World::sleep(HostId id, Nanoseconds span) {
  pause(id, span);
  Host& of = host(id);
  of.clock.sleep_until(scheduler_.now(), span);
}

void World::forge_error(HostId id, HostId about) {
  Host& of = host(id);
  const auto quoted = network_.last_sent(id, about);
  if (!of.program || quoted.empty() || of.errors.size() >= knobs_.inbox) return;
  of.errors.push_back({host(about).address, quoted});
  of.deceived_until = scheduler_.now() + 1s;
  wake(of, scheduler_.now());
}

void World::set_slowness(HostId id, std::uint64_t factor) {
  host(id).slowness = factor;
}

void World::excuse(HostId id, Nanoseconds span) {
  Host& of = host(id);
  of.impaired_until = std::max(of.impaired_until, scheduler_.now() + span);
}

void World::request(HostId id, Host::Request what) {
  Host& of = host(id);
  if (!of.program) return;
  of.requests.push_back(std::move(what));
  wake(of, scheduler_.now());
}

// ------------------------------------------------------------------------------------------------ turns

bool World::step(Mono until) {
  const bool more = scheduler_.step(until);
  // The pairs that can reach one another are noted at each change: also those that come and go between two sweeps
  // count.
  if (routed() && changes_seen_ != network_.changes() + routes_.changes()) note_reach();
  if (scheduler_.at_once() > spin_limit) fail("time.passes", "the world spins without time passing");
  return more && !failure_;
}

void World::deliver(Network::Datagram datagram) {
  Host& to = host(datagram.to);
  if (!to.program || !datagram.listens) {
    if (!knobs_.port_unreachable || network_.is_cut(datagram.to, datagram.from)) return;
    const Now now{.mono = scheduler_.now(), .boot = {}, .wall = {}};
    auto& allowance = icmp_.try_emplace({datagram.to, datagram.from}, 6, 1, now).first->second;
    if (knobs_.icmp_budget && !allowance.take(now)) return;
    const Nanoseconds back = network_.weather().delay;
    scheduler_.after(back, [this, quoted = std::move(datagram)]() mutable {
      Host& from = host(quoted.from);
      if (!from.program || from.errors.size() >= knobs_.inbox) return;
      from.errors.push_back({quoted.dialed, std::move(quoted.bytes)});
      wake(from, scheduler_.now());
    });
    return;
  }
  if (to.inbox.size() >= knobs_.inbox) {
    ++to.overflowed;
    return;
  }
  to.inbox.push_back(std::move(datagram));
  wake(to, scheduler_.now());
}

void World::wake(Host& of, Mono at) {
  at = std::max({at, of.busy_until, of.paused_until, scheduler_.now()});
  if (at >= of.wake) return;
  of.wake = at;
  scheduler_.at(at, [this, id = of.id, at, run = of.incarnation] {
    Host& here = host(id);
    if (!here.program || here.incarnation != run || here.wake != at) return;
    here.wake = never;
    // A pause may have begun since this was planned.
    if (here.paused_until > scheduler_.now()) return wake(here, here.paused_until);
    turn(here);
  });
}

void World::plan_wake(Host& of) {
  if (!of.inbox.empty() || !of.errors.empty() || !of.requests.empty()) return wake(of, of.busy_until);
  const Mono due = of.program->next_deadline();
  if (due != never) wake(of, of.clock.when(due, scheduler_.now()));
}

Nanoseconds World::take_inputs(Host& of, const Now& now) {
  Nanoseconds cost{};
  for (std::size_t taken = 0; taken < knobs_.datagrams_a_turn && !of.inbox.empty(); ++taken) {
    const Network::Datagram datagram = std::move(of.inbox.front());
    of.inbox.pop_front();
    const bool handshake = !datagram.bytes.empty() && (datagram.bytes[0] & 0x80U) != 0;
    cost += handshake ? of.rng.between(knobs_.handshake_least, knobs_.handshake_most) : knobs_.datagram_cost;
    const auto at =
        std::ranges::find_if(of.outlets, [&](const auto& item) { return item.second.port == datagram.local.port(); });
    const std::uint8_t outlet = at == of.outlets.end() ? std::uint8_t{} : at->first;
    of.program->on_datagram(now, {datagram.local, datagram.source, outlet}, datagram.bytes);
  }
  while (!of.errors.empty()) {
    const Host::Unreachable error = std::move(of.errors.front());
    of.errors.pop_front();
    cost += knobs_.datagram_cost;
    of.program->on_unreachable(now, error.remote, error.quoted);
  }
  while (!of.requests.empty()) {
    const Host::Request what = std::move(of.requests.front());
    of.requests.pop_front();
    what(*of.program, now);
  }
  return cost;
}

void World::turn(Host& of) {
  ++of.turns;
  const Mono time = scheduler_.now();
  const Now now = now_of(of);
  // Two draws from one stream: in two statements, for the order within one is the compiler's.
  Nanoseconds cost = of.rng.between(knobs_.turn_cost, 2 * knobs_.turn_cost);
  cost += take_inputs(of, now);
  of.program->turn(now);
  const std::uint64_t verified = of.program->verifications();
  cost += knobs_.verification_cost * static_cast<std::int64_t>(verified - std::exchange(of.verified, verified));
  cost *= static_cast<std::int64_t>(of.slowness);
  if (of.slowness > 1) excuse(of.id, cost);
  of.busy_until = time + cost;
  trace_.mix(number(time.time_since_epoch()));
  trace_.mix(of.id.value);
  hear(of, now);
  keep_memory(of);
  keep_sentinels(of);
  keep_lookups(of);
  keep_log(of);
  if (workload_ != nullptr)
    if (const Broken broken = workload_->on_turn(*this, of)) fail("workload", *broken);
  transmit(of, now, of.busy_until);
  plan_wake(of);
}

void World::transmit(Host& of, const Now& now, Mono departure) {
  static thread_local DatagramBatch batch(1U << 16U);
  bool more = true;
  while (more) {
    batch.clear();
    more = of.program->transmit(now, batch);
    for (const DatagramBatch::Item& item : batch.items()) {
      if (item.path.remote == victim_address && of.spec.software == Software::node)
        sent_to_victim_[{of.id, of.incarnation}].push_back(departure);
      const auto arrival = route(of, item.path);
      if (!arrival) {
        if (routed()) network_.note_lost(&NetworkCounters::unrouted);
        continue;
      }
      const BytesView bytes = batch.bytes(item);
      for (std::size_t at = 0; at < bytes.size(); at += item.segment) {
        const BytesView one = bytes.subspan(at, std::min(item.segment, bytes.size() - at));
        trace_.mix(one.size());
        if (arrival->swallowed || one.size() + Routes::header_bytes > arrival->mtu) {
          network_.note_lost(arrival->swallowed ? &NetworkCounters::swallowed : &NetworkCounters::too_large);
          if (!arrival->swallowed && arrival->tells_too_big) tell_too_big(of, item.path.remote, one, arrival->mtu);
          continue;
        }
        network_.send(departure + arrival->delay, {.from = of.id,
                                                   .to = arrival->to,
                                                   .source = arrival->source,
                                                   .bytes = {one.begin(), one.end()},
                                                   .local = arrival->local,
                                                   .dialed = item.path.remote,
                                                   .listens = arrival->listens});
      }
    }
  }
}

}  // namespace mosaik::sim
