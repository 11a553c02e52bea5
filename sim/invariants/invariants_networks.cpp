// Worlds with routes: who can reach one another are bonded soon, and never called dead.

#include <algorithm>
#include <map>

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

constexpr Nanoseconds bonded_within = 10s;
constexpr Nanoseconds long_apart = 60s;
constexpr Nanoseconds bonded_after_long = 75s;

bool are_bonded(const World& world, const Life& one, const Life& other) {
  return std::ranges::all_of(world.roster().groups_of(one, other), [&](const GroupId& group) {
    return one.bonds.contains({group, other.id}) && other.bonds.contains({group, one.id});
  });
}

/// Two members are bonded within 10 s of the moment from which some address, which one of them knows of the other,
/// leads there.
class ReachableAreBonded final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "networks.reachable_are_bonded"; }
  /// A bond that ends begins a wait, one that comes and goes between two sweeps as well.
  Broken on_event(const World&, const Life& life, const Event& event) override {
    if (event.kind != EventKind::bond_up && event.kind != EventKind::bond_down) return std::nullopt;
    std::erase_if(waits_, [&](const auto& item) {
      const auto& [one, other] = item.first;
      return (one == &life && other->id == event.peer) || (other == &life && one->id == event.peer);
    });
    return std::nullopt;
  }
  Broken on_sweep(const World& world) override {
    if (!world.wiring().routed()) return std::nullopt;
    std::map<Pair, Wait> waits;
    for (const auto& [one_host, one] : world.truth().current()) {
      for (const auto& [other_host, other] : world.truth().current()) {
        if (!(one_host < other_host) || !world.roster().should_bond(*one, *other) || are_bonded(world, *one, *other))
          continue;
        const Pair key(one, other);
        const auto known = waits_.find(key);
        const Wait& wait = waits.emplace(key, known == waits_.end() ? Wait{world.now()} : known->second).first->second;
        const auto since = world.reach().reachable_since(one_host, other_host);
        if (!since || world.processes().excused(world.host(one_host), 1s) ||
            world.processes().excused(world.host(other_host), 1s))
          continue;
        if (const Nanoseconds waited = world.now() - std::max(*since, wait.since); waited > bound(wait, *since))
          return one->name + " and " + other->name + " can reach one another and are not bonded for " +
                 std::to_string(waited / 1ms) + " ms";
      }
    }
    waits_ = std::move(waits);
    return std::nullopt;
  }

 private:
  using Pair = std::pair<const Life*, const Life*>;
  /// Two that are not bonded, though they should be.
  struct Wait {
    Mono since{};
  };
  /// A peer that was dialed in vain for long is tried less often.
  static Nanoseconds bound(const Wait& wait, Mono reachable) {
    return reachable - wait.since > long_apart ? bonded_after_long : bonded_within;
  }

  std::map<Pair, Wait> waits_;
};

/// Nobody calls a living member dead when the way on which they talk is good, or when a third member hears both.
class ReachableAreAlive final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "networks.reachable_are_alive"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    if (!world.wiring().routed() || event.kind != EventKind::bond_down) return std::nullopt;
    if (event.by != "presumed" && event.by != "proven") return std::nullopt;
    const Session* session = world.truth().session(event.session);
    const Session::End* end = session == nullptr ? nullptr : session->other(life);
    if (end == nullptr || end->life->died || end->life->leaving) return std::nullopt;
    const Life& other = *end->life;
    if (world.processes().excused(world.host(life.host), 1s) || world.processes().excused(world.host(other.host), 1s))
      return std::nullopt;
    const auto long_ago = [&](const std::optional<Mono>& since) { return since && world.now() - *since > steady; };
    // They talk: nothing is wrong with the addresses that their datagrams go to.
    if (long_ago(world.reach().in_touch_since(life.host, other.host)))
      return life.name + " calls " + other.name + " dead by " + event.by + " while the two are in touch";
    if (!long_ago(world.reach().reachable_since(life.host, other.host))) return std::nullopt;
    for (const auto& [host, third] : world.truth().current()) {
      if (third == &life || third == &other || third->died || world.processes().excused(world.host(host), 1s)) continue;
      if (!hears(world, *third, life, event.group) || !hears(world, *third, other, event.group)) continue;
      return life.name + " calls " + other.name + " dead by " + event.by + " while " + third->name + " hears both";
    }
    return std::nullopt;
  }

 private:
  static constexpr Nanoseconds steady = 2s;
  /// The two talk for a while, and would notice if they did not.
  static bool hears(const World& world, const Life& third, const Life& other, const GroupId& group) {
    const auto bond = third.bonds.find({group, other.id});
    const auto since = world.reach().in_touch_since(third.host, other.host);
    return bond != third.bonds.end() && other.bonds.contains({group, third.id}) &&
           world.now() - bond->second.up > steady && since && world.now() - *since > steady;
  }
};

}  // namespace

void add_network_invariants(Invariants& out) {
  out.push_back(std::make_unique<ReachableAreBonded>());
  out.push_back(std::make_unique<ReachableAreAlive>());
}

}  // namespace mosaik::sim
