// Detection: what is proven is true, what has ended is noticed in time.

#include "sim/world.hpp"

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
    // Who forges errors that quote our probes, to one whose canary was closed, may prove what he likes.
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

/// A bond that has one end left is removed there within the heartbeat's budget.
class EndsAreNoticed final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "detection.ends_are_noticed"; }
  Broken on_sweep(const World& world) override {
    const ConsensusConfig& timing = world.knobs().timing;
    const Nanoseconds budget = timing.heartbeat_interval * (timing.max_missed_heartbeats + 2) +
                               2 * timing.heartbeat_jitter + 6 * world.network().weather().delay + 500ms;
    for (const auto& [host, life] : world.truth().current()) {
      if (life->died || world.excused(world.host(host), budget)) continue;
      for (const auto& [key, tie] : life->bonds) {
        const Session::End* other = world.truth().session(tie.session)->other(*life);
        if (other != nullptr && !other->down) continue;
        const Mono since = other == nullptr ? tie.up : std::max(*other->down, tie.up);
        if (world.now() - since > budget)
          return life->name + " holds a bond with " + world.name_of(key.second) + " whose other end " +
                 (other == nullptr ? "never was" : "is gone") + " for " + std::to_string((world.now() - since) / 1ms) +
                 " ms";
      }
    }
    return std::nullopt;
  }
};

}  // namespace

void add_detection_invariants(Invariants& out) {
  out.push_back(std::make_unique<ProvenIsTrue>());
  out.push_back(std::make_unique<EndsAreNoticed>());
}

}  // namespace mosaik::sim
