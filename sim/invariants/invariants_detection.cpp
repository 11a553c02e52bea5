// Detection: what is proven is true, what has ended is noticed in time.

#include <algorithm>
#include <map>
#include <tuple>

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

/// A close, a departure or a reset proves that the other end has given the bond up, or that its process is gone.
class ProvenIsTrue final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "detection.proven_is_true"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    if (event.kind != EventKind::bond_down) return std::nullopt;
    if (event.by != "peer" && event.by != "departure" && event.by != "reset" && event.by != "replaced" &&
        event.by != "proven")
      return std::nullopt;
    // Who forges errors that quote our probes, to one whose sentinel was closed, may prove what he likes.
    if (event.by == "proven" && world.host(life.host).deceived_until >= world.now()) return std::nullopt;
    const Session* session = world.truth().session(event.session);
    const Session::End* other = session == nullptr ? nullptr : session->other(life);
    if (other == nullptr || other->down || other->life->died) return std::nullopt;
    // Who leaves keeps its end until its goodbye is acknowledged.
    if (event.by == "departure" && other->life->leaving) return std::nullopt;
    // A Rust peer does not say which of its runs has answered our dial: the newer entry that its own dial brings looks
    // like a next run, and costs a bond that is made again at once. It dials once, when it has started and met us.
    if (event.by == "replaced" && is_young_rust(world, *other->life)) return std::nullopt;
    // Two processes with one key replace each other's bonds: each is the other's next incarnation, as far as anyone
    // sees.
    if (event.by == "replaced" && has_twin(world, *other->life)) return std::nullopt;
    return life.name + " ended its bond with " + other->life->name + " by " + event.by + ", which still holds it";
  }

 private:
  static bool is_young_rust(const World& world, const Life& life) {
    return life.software == Software::rust && world.host(life.host).incarnation > 1 && world.now() - life.born < 20s;
  }
  static bool has_twin(const World& world, const Life& life) {
    for (const auto& host : world.hosts())
      if (host->peer == life.id && host->id != life.host) return true;
    return false;
  }
};

/// The longest that a heartbeat may take to notice anything.
Nanoseconds budget_of(const World& world) {
  const ConsensusConfig& timing = world.knobs().timing;
  return timing.heartbeat_interval * (timing.max_missed_heartbeats + 2) + 2 * timing.heartbeat_jitter +
         6 * world.wiring().network().weather().delay + 500ms;
}

/// A bond that has one end left is removed there within the heartbeat's budget.
class EndsAreNoticed final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "detection.ends_are_noticed"; }
  Broken on_sweep(const World& world) override {
    const Nanoseconds budget = budget_of(world);
    for (const auto& [host, life] : world.truth().current()) {
      if (life->died || world.processes().excused(world.host(host), budget)) continue;
      for (const auto& [key, tie] : life->bonds) {
        const Session::End* other = world.truth().session(tie.session)->other(*life);
        if (other != nullptr && !other->down) continue;
        // What the other end sent before may still be on its way.
        const Mono since =
            other == nullptr
                ? tie.up
                : std::max({tie.up, *other->down, world.wiring().network().drained_at(other->life->host, host)});
        if (world.now() - since > budget)
          return life->name + " holds a bond with " + world.name_of(key.second) + " whose other end " +
                 (other == nullptr ? "never was" : "is gone") + " for " + std::to_string((world.now() - since) / 1ms) +
                 " ms";
      }
    }
    return std::nullopt;
  }
};

/// Who is bonded with both of two members knows within that budget that they have no bond any more.
class GoneBondsAreSeen final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "topology.gone_bonds_are_seen"; }
  /// A bond that comes and goes between two sweeps is told of as well.
  Broken on_event(const World&, const Life& life, const Event& event) override {
    if (event.kind == EventKind::bond_up || event.kind == EventKind::bond_down)
      std::erase_if(apart_, [&](const auto& item) {
        const auto& [group, one, other] = item.first;
        return group == event.group &&
               ((one == &life && other->id == event.peer) || (other == &life && one->id == event.peer));
      });
    return std::nullopt;
  }
  Broken on_sweep(const World& world) override {
    note(world);
    for (const auto& [host, life] : world.truth().current())
      if (tells_rows(world, *life))
        if (Broken broken = check(world, *life)) return broken;
    return std::nullopt;
  }

 private:
  using Pair = std::tuple<GroupId, const Life*, const Life*>;

  static bool tells_rows(const World& world, const Life& life) {
    return !life.died && life.software == Software::node &&
           (world.host(life.host).spec.capabilities.value_or(1) & 1U) != 0;
  }
  /// Since when neither of two holds a bond with the other.
  void note(const World& world) {
    std::map<Pair, Mono> still;
    for (const auto& [one_host, one] : world.truth().current()) {
      for (const auto& [other_host, other] : world.truth().current()) {
        if (one->id >= other->id || !tells_rows(world, *one) || !tells_rows(world, *other)) continue;
        for (const GroupId& group : one->groups) {
          if (one->bonds.contains({group, other->id}) || other->bonds.contains({group, one->id})) continue;
          const Pair pair(group, one, other);
          const auto known = apart_.find(pair);
          still.emplace(pair, known == apart_.end() ? world.now() : known->second);
        }
      }
    }
    apart_ = std::move(still);
  }
  [[nodiscard]] Broken check(const World& world, const Life& viewer) const {
    const Nanoseconds budget = budget_of(world);
    if (world.processes().excused(world.host(viewer.host), budget)) return std::nullopt;
    const auto status = world.host(viewer.host).program->status();
    for (const auto& [pair, since] : apart_) {
      const auto& [group, one, other] = pair;
      if (world.now() - since <= budget || one == &viewer || other == &viewer) continue;
      if (!hears(world, viewer, *one, group, budget) || !hears(world, viewer, *other, group, budget)) continue;
      const auto view = std::ranges::find(status->groups, group, &GroupStatus::id);
      const Bond* bond = view == status->groups.end() ? nullptr : view->bonds.between(one->id, other->id);
      if (bond == nullptr || bond->state() == BondState::as_reported) continue;
      return viewer.name + " still sees the bond of " + one->name + " and " + other->name + ", which is gone for " +
             std::to_string((world.now() - since) / 1ms) + " ms";
    }
    return std::nullopt;
  }
  /// Both ends have held this bond for so long, and nothing excuses the other.
  static bool hears(const World& world, const Life& viewer, const Life& other, const GroupId& group,
                    Nanoseconds budget) {
    const auto here = viewer.bonds.find({group, other.id});
    const auto there = other.bonds.find({group, viewer.id});
    return here != viewer.bonds.end() && there != other.bonds.end() && world.now() - here->second.up > budget &&
           world.now() - there->second.up > budget && here->second.session == there->second.session &&
           !world.processes().excused(world.host(other.host), budget);
  }

  std::map<Pair, Mono> apart_;
};

}  // namespace

void add_detection_invariants(Invariants& out) {
  out.push_back(std::make_unique<ProvenIsTrue>());
  out.push_back(std::make_unique<EndsAreNoticed>());
  out.push_back(std::make_unique<GoneBondsAreSeen>());
}

}  // namespace mosaik::sim
