// At rest: the faults are over, the mesh is whole, and nothing happens any more but heartbeats.

#include <algorithm>

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

template <class F>
Broken for_each_node(const World& world, F&& check) {
  for (const auto& [host, life] : world.truth().current()) {
    if (life->died || life->software != Software::node) continue;
    if (Broken broken = check(world.host(host), *life)) return broken;
  }
  return std::nullopt;
}

/// All hosts run members of one group.
bool only_members(const World& world) {
  for (const auto& host : world.hosts())
    if (!host->wanted) return false;
  return std::ranges::all_of(world.truth().current(), [&](const auto& item) {
    const Life& one = *item.second;
    return std::ranges::all_of(world.truth().current(), [&](const auto& other) {
      return &one == other.second || one.died || other.second->died || world.roster().should_bond(one, *other.second);
    });
  });
}

/// No bond begins or ends, nobody is suspected: a presumed verdict in quiet is a false one.
class BondsStay final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "rest.bonds_stay"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    const bool bond = event.kind == EventKind::bond_up || event.kind == EventKind::bond_down;
    // Beside a machine's load an answer may be late: a suspicion that is refuted harms nobody.
    const bool change = bond || (event.kind == EventKind::suspect && !world.roster().replication());
    if (change) last_ = {life.name, std::string(to_string(event.kind)), event.mono_ns};
    if (change) changed_ = true;
    return std::nullopt;
  }
  Broken on_sweep(const World& world) override {
    if (changed_) at_ = world.now();
    changed_ = false;
    return std::nullopt;
  }
  Broken at_rest(const World&, Mono since) override {
    // The sweep may have seen what happened up to a quarter of a second before.
    if (at_ <= since + 250ms && !changed_) return std::nullopt;
    return last_.who + " told of " + last_.what + " while nothing happened";
  }

 private:
  struct Last {
    std::string who, what;
    std::int64_t mono_ns = 0;
  };
  Last last_;
  bool changed_ = false;
  Mono at_{};
};

/// Every node's picture of the group's bonds is the truth.
class TopologyIsTrue final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "rest.topology_is_true"; }
  Broken at_rest(const World& world, Mono) override {
    return for_each_node(world, [&](const Host& host, const Life& life) { return check(world, host, life); });
  }

 private:
  static Broken check(const World& world, const Host& host, const Life& life) {
    const auto status = host.program->status();
    for (const GroupId& joined : life.groups) {
      const auto group = std::ranges::find(status->groups, joined, &GroupStatus::id);
      if (group == status->groups.end()) return life.name + " shows no group";
      if (Broken broken = check(world, life, *group)) return broken;
    }
    return std::nullopt;
  }
  static Broken check(const World& world, const Life& life, const GroupStatus& group) {
    for (const auto& [one_host, one] : world.truth().current()) {
      for (const auto& [other_host, other] : world.truth().current()) {
        if (one->id >= other->id || !world.roster().should_bond(*one, *other, group.id)) continue;
        if (one->network != life.network) continue;
        const Bond* bond = group.bonds.between(one->id, other->id);
        if (bond == nullptr && !told_by_rows(world, life, *one) && !told_by_rows(world, life, *other))
          return std::nullopt;
        if (bond == nullptr) return life.name + " does not see the bond of " + one->name + " and " + other->name;
        if (bond->state() == BondState::one_sided)
          return life.name + " sees half of the bond of " + one->name + " and " + other->name;
      }
    }
    for (const Bond& bond : group.bonds)
      if (!exists(world, group.id, bond))
        return life.name + " sees a bond of " + world.name_of(bond.a()) + " and " + world.name_of(bond.b()) +
               " that is not there";
    // Alone in a group nobody is online.
    if (!only_members(world) || group.bonds.own().empty()) return std::nullopt;
    if (!group.online || group.health != Health::healthy || !group.bonds.missing().empty())
      return life.name + " is whole and does not say so";
    return std::nullopt;
  }
  /// What is only reported, as the crate does it, may be lost and is not repaired.
  static bool told_by_rows(const World& world, const Life& life, const Life& owner) {
    const auto level = [&](const Life& each) { return world.host(each.host).spec.capabilities.value_or(1) & 1U; };
    return &life == &owner || (owner.software == Software::node && level(life) != 0 && level(owner) != 0);
  }
  static bool exists(const World& world, const GroupId& group, const Bond& bond) {
    // What Rust peers report stays until our bond with the reporter ends (docs/protocol/groups.md).
    if (bond.state() == BondState::as_reported) return true;
    for (const auto& [host, life] : world.truth().current())
      for (const auto& [key, tie] : life->bonds)
        if (key.first == group &&
            ((life->id == bond.a() && key.second == bond.b()) || (life->id == bond.b() && key.second == bond.a())))
          return true;
    return false;
  }
};

/// No connection is kept for nothing.
class LinksAreBonds final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "rest.links_are_bonds"; }
  /// A sync or two may be running, and more of them for a moment.
  Broken on_sweep(const World& world) override {
    std::map<const Life*, Mono> still;
    for_each_node(world, [&](const Host& host, const Life& life) -> Broken {
      const auto known = crowded_.find(&life);
      if (host.program->connections() > life.bonds.size() + 2)
        still.emplace(&life, known == crowded_.end() ? world.now() : known->second);
      return std::nullopt;
    });
    crowded_ = std::move(still);
    return std::nullopt;
  }
  Broken at_rest(const World& world, Mono) override {
    if (!only_members(world)) return std::nullopt;  // strangers are refused again and again
    for (const auto& [life, since] : crowded_)
      if (world.now() - since > 2s)
        return life->name + " has more connections than its " + std::to_string(life->bonds.size()) +
               " bonds need for " + std::to_string((world.now() - since) / 1ms) + " ms";
    return std::nullopt;
  }

 private:
  std::map<const Life*, Mono> crowded_;  ///< since when a node has more than that
};

/// What travels at rest is heartbeats and their answers.
class Heartbeats final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "rest.heartbeats_only"; }
  Broken on_sweep(const World& world) override {
    past_.emplace_back(world.now(), world.wiring().network().counters().sent);
    return std::nullopt;
  }
  Broken at_rest(const World& world, Mono since) override {
    const bool flooded = std::ranges::any_of(world.hosts(), [](const auto& host) { return host->spec.greedy; });
    if (flooded || !only_members(world)) return std::nullopt;
    const auto from = std::ranges::find_if(past_, [&](const auto& item) { return item.first >= since; });
    std::size_t ends = 0;
    for (const auto& [host, life] : world.truth().current()) ends += life->bonds.size();
    if (from == past_.end() || ends == 0) return std::nullopt;
    const Nanoseconds beat = world.knobs().timing.heartbeat_interval - world.knobs().timing.heartbeat_jitter;
    const auto beats = static_cast<std::uint64_t>((world.now() - from->first) / beat) + 1;
    const std::uint64_t sent = world.wiring().network().counters().sent - from->second;
    // Ping, pong, two acknowledgements, and as much again for keep-alives and catalogs.
    std::uint64_t most = beats * ends * 6 + 100 * world.hosts().size();
    // A leader's heartbeat and its answer, a last command of each member; each is acknowledged.
    if (world.roster().replication()) most += beats * ends * 8 + 20 * world.hosts().size() * world.hosts().size();
    if (sent <= most) return std::nullopt;
    return std::to_string(sent) + " datagrams in " + std::to_string(beats) + " beats of " + std::to_string(ends) +
           " ends of bonds";
  }

 private:
  std::vector<std::pair<Mono, std::uint64_t>> past_;
};

}  // namespace

void add_rest_invariants(Invariants& out) {
  out.push_back(std::make_unique<BondsStay>());
  out.push_back(std::make_unique<TopologyIsTrue>());
  out.push_back(std::make_unique<LinksAreBonds>());
  out.push_back(std::make_unique<Heartbeats>());
}

}  // namespace mosaik::sim
