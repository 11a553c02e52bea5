// People who ask for syncs all the time. What they ask must not disturb the bonds.

#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {

namespace {

class Syncs final : public Workload {
 public:
  void begin(World& world, Rng rng) override {
    rng_.emplace(rng);
    ask(world);
  }
  void finish(World&) override { over_ = true; }
  [[nodiscard]] Broken judge(const World&) override {
    if (asked_ > 0) return std::nullopt;
    return "nothing was ever asked";
  }

 private:
  void ask(World& world) {
    if (over_) return;
    const auto hosts = static_cast<std::uint32_t>(world.hosts().size());
    const HostId from{static_cast<std::uint32_t>(rng_->below(hosts))};
    const Host& to = world.host({static_cast<std::uint32_t>((from.value + 1 + rng_->below(hosts - 1)) % hosts)});
    ++asked_;
    world.processes().request(from, [peer = to.peer, address = to.address](Program& program, const Now& now) {
      program.sync_with(now, peer, address);
    });
    world.scheduler().after(rng_->between(20ms, 2s), [this, &world] { ask(world); });
  }

  std::optional<Rng> rng_;
  std::size_t asked_ = 0;
  bool over_ = false;
};

}  // namespace

std::unique_ptr<Workload> make_syncs() {
  return std::make_unique<Syncs>();
}

std::unique_ptr<Workload> make_workload(std::string_view name) {
  if (name == "syncs") return make_syncs();
  if (name == "calls") return make_calls();
  return nullptr;
}

}  // namespace mosaik::sim
