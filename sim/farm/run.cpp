#include "sim/farm/run.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {

namespace {

constexpr Mono birth = Mono(1s);

/// One run on its way.
class Run {
 public:
  Run(const Scenario& scenario, std::uint64_t seed, const RunOptions& options)
      : scenario_(scenario), options_(options), rng_(seed), world_(seed, draw_knobs()) {
    world_.trace().echo = options.echo;
    world_.trace().echo_decisions = options.echo_decisions;
  }

  Plan drawn() {
    invite();
    return draw();
  }

  Outcome go() {
    invite();
    out_.plan = options_.plan ? *options_.plan : draw();
    for (const Fault& fault : out_.plan) plan_fault(world_, fault);
    workload_ = make_workload(scenario_.workload);
    world_.judge().watch(workload_.get());
    if (workload_) workload_->begin(world_, rng_.fork("workload"));
    if (scenario_.bootstrap_ends)
      world_.scheduler().at(birth + 6s + rng_.fork("end").between(0s, 4s), [this] { end_bootstrap(); });
    world_.run_until(birth + scenario_.chaos);
    heal();
    await_whole();
    await_rest();
    finish();
    return std::move(out_);
  }

 private:
  [[nodiscard]] Plan draw() const {
    return draw_plan(rng_.fork("plan"), scenario_.menu, draw_count(), world_.hosts().size(), begin_of_faults(),
                     scenario_.chaos);
  }

  /// When the one that all were told of goes, everyone has met it: who has not could never be found.
  [[nodiscard]] Nanoseconds begin_of_faults() const { return scenario_.bootstrap_ends ? 11s : 500ms; }

  [[nodiscard]] Knobs draw_knobs() const {
    Knobs out;
    Rng rng = rng_.fork("knobs");
    out.tier = options_.tier;
    out.decisions = options_.decisions;
    // The usual heartbeat in half of all worlds.
    constexpr ConsensusConfig fast{.heartbeat_interval = 200ms, .heartbeat_jitter = 80ms, .max_missed_heartbeats = 8};
    constexpr ConsensusConfig even{.heartbeat_interval = 400ms, .heartbeat_jitter = 0ms, .max_missed_heartbeats = 10};
    switch (rng.below(4)) {
      case 0: out.timing = fast; break;
      case 1: out.timing = even; break;
      default: break;
    }
    out.port_unreachable = rng.below(3) != 0;
    out.icmp_budget = rng.below(2) == 0;
    out.sentinels = rng.below(4) != 0;
    if (rng.below(4) == 0 && scenario_.sky != Sky::calm) {
      out.inbox = 4 + rng.below(60);
      out.datagrams_a_turn = 1 + rng.below(8);
    }
    if (rng.below(4) == 0 && scenario_.sky != Sky::calm) out.buggify = 1'000 + rng.below(60'000);
    if (scenario_.short_staleness) {
      out.discovery.stale_after = rng.between(5s, 12s);
      out.discovery.refresh_least = out.discovery.stale_after / 4;
      out.discovery.refresh_most = out.discovery.stale_after / 3;
    }
    return out;
  }

  [[nodiscard]] std::size_t draw_count() const {
    Rng rng = rng_.fork("count");
    return scenario_.faults_least + rng.below(scenario_.faults_most - scenario_.faults_least + 1);
  }

  void draw_sky() {
    Rng rng = rng_.fork("sky");
    Sky sky = scenario_.sky;
    if (sky == Sky::any) sky = static_cast<Sky>(1 + rng.below(3));
    Weather weather;
    if (sky == Sky::far) {
      weather.delay = rng.between(10ms, 80ms);
      weather.jitter = weather.delay / 4;
    }
    if (sky == Sky::rough) {
      weather.delay = rng.between(500us, 20ms);
      weather.jitter = weather.delay;
      weather.loss = rng.below(20'000);
      weather.duplicate = rng.below(10'000);
      weather.replay = rng.below(3'000);
      weather.corrupt = rng.below(3'000);
    }
    world_.wiring().network().set_weather(weather);
  }

  void invite() {
    draw_sky();
    Rng rng = rng_.fork("cast");
    const std::vector<std::size_t> key = draw_keys(rng);
    const std::size_t drawn = scenario_.nodes_least + rng.below(scenario_.nodes_most - scenario_.nodes_least + 1);
    nodes_ = options_.nodes != 0 ? options_.nodes : drawn;
    const KnownAddress known = draw_acquaintance(rng);
    // Who was told of few finds halves that started apart by trying the others of its list every minute.
    whole_within_ = known == KnownAddress::all ? scenario_.whole_within : scenario_.whole_within + 70s;
    const Cast& cast = scenario_.cast;
    const std::size_t all =
        nodes_ + cast.rust + cast.impostors + cast.hostile + cast.planters + cast.other_secret + cast.other_network;
    replicate(nodes_ + cast.rust);
    for (std::size_t i = 0; i < all; ++i) {
      HostSpec spec;
      spec.key = key[i];
      spec.eager = scenario_.eager;
      spec.persists = !scenario_.forgetful;
      draw_role(rng, i, key, spec);
      if (scenario_.shape == Shape::virtual_address && i == 2) spec.key = key[1];
      for (std::uint32_t j = 0; j < all; ++j)
        if (tells(known, j, i) && key[j] != spec.key) spec.bootstrap.push_back({j});
      const HostId host = world_.add(std::move(spec));
      world_.host(host).member = true;
      world_.host(host).wanted = true;
      plan_start(rng, i, host);
    }
    lay_out(world_, scenario_.shape, rng_.fork("terrain"));
  }

  static std::vector<std::size_t> draw_keys(Rng& rng) {
    std::vector<std::size_t> out(keys);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = i;
    for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[rng.below(i)]);
    return out;
  }

  [[nodiscard]] KnownAddress draw_acquaintance(Rng& rng) const {
    if (scenario_.acquaintance != KnownAddress::any) return scenario_.acquaintance;
    constexpr KnownAddress choice[] = {KnownAddress::all, KnownAddress::all, KnownAddress::star, KnownAddress::chain};
    return choice[rng.below(std::size(choice))];
  }

  /// Whether host i is told of host j.
  static bool tells(KnownAddress known, std::size_t j, std::size_t i) {
    if (j == i) return false;
    return (known == KnownAddress::star && j == 0) || (known == KnownAddress::chain && j + 1 == i) ||
           known == KnownAddress::all;
  }

  /// Our nodes come first, then each kind of the others.
  void draw_role(Rng& rng, std::size_t i, const std::vector<std::size_t>& key, HostSpec& spec) const {
    const Cast& cast = scenario_.cast;
    std::size_t at = i;
    const auto is = [&](std::size_t count) {
      const bool out = at < count;
      if (!out) at -= count;
      return out;
    };
    if (is(nodes_)) {
      spec.name = "n" + std::to_string(i);
      if (cast.twins && i + 1 == nodes_) spec.key = key[i - 1];
      if (cast.second_group && rng.below(3) != 0) spec.second_secret = "second secret";
      // What C++ nodes have learned to do, in the order in which they have.
      constexpr std::uint64_t levels[] = {0, 1, 3};
      if (i < cast.older) spec.capabilities = levels[rng.below(std::size(levels))];
    } else if (is(cast.rust)) {
      spec.name = "rust" + std::to_string(i);
      spec.software = Software::rust;
      spec.greedy = at < cast.greedy;
    } else if (is(cast.impostors)) {
      spec.name = "liar" + std::to_string(i);
      spec.software = Software::impostor;
      spec.secret = "guessed";
    } else if (is(cast.hostile)) {
      spec.name = "foe" + std::to_string(i);
      spec.software = Software::hostile;
      spec.secret = "guessed";
    } else if (is(cast.planters)) {
      spec.name = "planter" + std::to_string(i);
      spec.software = Software::planter;
      spec.secret = "guessed";
    } else if (is(cast.other_secret)) {
      spec.name = "other" + std::to_string(i);
      spec.secret = "other secret";
    } else {
      spec.name = "alien" + std::to_string(i);
      spec.network = "another network";
    }
  }

  void plan_start(Rng& rng, std::size_t i, HostId host) {
    const bool late = i < nodes_ && i + scenario_.replication.late >= nodes_;
    const Nanoseconds least = late ? 5s : 0s;
    const Nanoseconds start = rng.between(least, late ? scenario_.chaos - 4s : scenario_.start_within);
    world_.scheduler().at(birth + start, [this, host] {
      if (!world_.host(host).wanted) return;
      world_.processes().boot(host);
      world_.processes().join(host);
    });
  }

  void replicate(std::size_t members) {
    const ReplicationSpec& spec = scenario_.replication;
    if (spec.floor == Floor::absent) return;
    Rng rng = rng_.fork("replication");
    Replication out;
    node::MachineSpec& machine = out.machine;
    machine.signature = Digest(crypto::hash({bytes_of("numbers")}));
    machine.rust_type = "numbers::Numbers";
    constexpr std::uint32_t batches[] = {100, 500, 2000};
    machine.batch_size = batches[rng.below(std::size(batches))];
    const bool drawn = rng.below(2) == 0;
    const bool floor = spec.floor == Floor::majority || (spec.floor == Floor::any && drawn);
    machine.quorum_floor = floor ? static_cast<std::uint32_t>(members / 2 + 1) : 0;
    machine.alone_after = rng.between(1s, 30s);
    machine.store = spec.durable ? consensus::Store::durable : consensus::Store::memory;
    out.large = spec.large;
    constexpr Nanoseconds slowest[] = {0ns, 0ns, 2ms, 40ms};
    out.slowest = slowest[rng.below(std::size(slowest))];
    world_.roster().replicate(std::move(out));
  }

  void end_bootstrap() {
    Host& host = world_.host({0});
    host.wanted = false;
    host.member = false;
    if (rng_.fork("how").below(2) == 0)
      world_.processes().quit({0});
    else
      world_.processes().crash({0});
  }

  void heal() {
    if (world_.judge().failure()) return;
    world_.trace().note(world_.now(), "nemesis", "all is healed");
    world_.make_peace();
    world_.wiring().network().heal_all();
    Weather weather = world_.wiring().network().weather();
    weather.loss = weather.burst = weather.duplicate = weather.replay = weather.corrupt = 0;
    world_.wiring().network().set_weather(weather);
    world_.heal_networks();
    if (scenario_.cast.twins) part_twins();
    for (const auto& host : world_.hosts()) {
      if (scenario_.bootstrap_ends && host->id == HostId{0}) continue;
      if (host->id == stopped_twin_ || host->retired) continue;
      host->clock.wake(world_.now());
      host->clock.set_rate(world_.now(), 0);
      host->slowness = 1;
      host->paused_until = std::min(host->paused_until, world_.now());
      host->disk.full = false;
      world_.processes().boot(host->id);
      world_.processes().join(host->id);
    }
    healed_ = world_.now();
    // Addresses and names come back with a change of entries.
    if (world_.wiring().routed()) world_.run_until(healed_ + networks_settle);
  }

  /// The operator has read the notice: one of the two is stopped for good, the other started anew.
  void part_twins() {
    const auto last = static_cast<std::uint32_t>(nodes_ - 1);
    const HostId stays{last - static_cast<std::uint32_t>(rng_.fork("twins").below(2))};
    stopped_twin_ = HostId{2 * last - 1 - stays.value};
    world_.processes().crash(stays);
    world_.processes().crash(*stopped_twin_);
    world_.host(*stopped_twin_).wanted = world_.host(*stopped_twin_).member = false;
  }

  void await_whole() {
    if (world_.judge().failure()) return;
    Mono look{};
    Broken why;
    world_.run_until(healed_ + whole_within_, [&] {
      if (world_.now() < look) return false;
      look = world_.now() + 20ms;
      why = why_not_whole(world_);
      return !why;
    });
    if (world_.judge().failure()) return;
    if (why) return world_.judge().fail("liveness.whole_mesh", *why);
    out_.whole_after = world_.now() - healed_;
    world_.trace().note(world_.now(), "world", "the mesh is whole");
  }

  void await_rest() {
    if (world_.judge().failure()) return;
    // What was begun may end: a second dial is refused, rows travel, catalogs meet.
    if (workload_) workload_->finish(world_);
    world_.run_until(world_.now() + settle);
    const Mono since = world_.now();
    world_.run_until(since + scenario_.rest);
    if (!world_.judge().failure()) world_.judge().at_rest(since);
    if (world_.judge().failure() || !workload_) return;
    if (const Broken broken = workload_->judge(world_)) world_.judge().fail("workload", *broken);
  }

  void finish() {
    out_.failure = world_.judge().failure();
    out_.digest = world_.trace().digest();
    out_.canonical = world_.trace().canonical();
    out_.lines.assign(world_.trace().lines().begin(), world_.trace().lines().end());
    out_.decisions.assign(world_.trace().decisions().begin(), world_.trace().decisions().end());
    out_.simulated = world_.now() - birth;
    for (const Fault& fault : out_.plan)
      if (birth + fault.at <= world_.now()) out_.tally.add("fault: " + std::string(to_string(fault.kind)), 1);
    const NetworkCounters& net = world_.wiring().network().counters();
    out_.tally.add("datagrams sent", net.sent);
    out_.tally.add("datagrams lost", net.lost);
    out_.tally.add("datagrams cut off", net.cut);
    out_.tally.add("datagrams duplicated", net.duplicated);
    out_.tally.add("datagrams replayed", net.replayed);
    out_.tally.add("datagrams corrupted", net.corrupted);
    out_.tally.add("datagrams overflowed", net.overflowed);
    out_.tally.add("datagrams that no route took", net.unrouted);
    out_.tally.add("datagrams too large for a path", net.too_large);
    out_.tally.add("datagrams that a network swallowed", net.swallowed);
    for (const Life& life : world_.truth().lives()) {
      out_.tally.add("processes", 1);
      out_.tally.add("bonds formed", life.ups);
      out_.tally.add("bonds ended", life.downs);
    }
    for (const auto& host : world_.hosts()) {
      out_.tally.add("records lost or torn", host->disk.counters().lost + host->disk.counters().torn);
      out_.tally.add("datagrams that found a full socket", host->overflowed);
      out_.tally.add("turns", host->turns);
    }
    if (workload_)
      for (const auto& [name, count] : workload_->counts()) out_.tally.add(name, count);
    out_.tally.add("sentinels opened", world_.wiring().tcp().opened());
    out_.tally.add("proven ends", world_.truth().alarms.proven);
    out_.tally.add("presumed ends", world_.truth().alarms.presumed);
    out_.tally.add("presumed ends of the living", world_.truth().alarms.false_presumed);
  }

  static constexpr Nanoseconds settle = 4s;
  static constexpr Nanoseconds networks_settle = 3s;

  const Scenario& scenario_;
  const RunOptions& options_;
  Rng rng_;
  World world_;
  std::unique_ptr<Workload> workload_;
  Mono healed_{};
  Nanoseconds whole_within_{};
  std::size_t nodes_ = 0;
  std::optional<HostId> stopped_twin_;
  Outcome out_;
};

}  // namespace

Plan plan_of(const Scenario& scenario, std::uint64_t seed, const RunOptions& options) {
  return Run(scenario, seed, options).drawn();
}

Outcome run_seed(const Scenario& scenario, std::uint64_t seed, const RunOptions& options) {
  return Run(scenario, seed, options).go();
}

}  // namespace mosaik::sim
