// Invented members: they make nobody send much to a third party, and nobody believe that something is missing.

#include <algorithm>

#include "base/limits.hpp"
#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

class VictimIsSpared final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "hostile.victim_is_spared"; }
  Broken on_sweep(const World& world) override {
    for (const auto& [run, times] : world.processes().sent_to_victim()) {
      // A datagram leaves when the turn that made it has ended: a minute of the node may be a little less than one.
      const auto within = std::ranges::count_if(times, [&](Mono time) { return time > world.now() - 59s; });
      if (static_cast<std::size_t>(within) * limits::first_packet > limits::hearsay_bytes)
        return world.host(run.first).spec.name + " sent " + std::to_string(within) +
               " datagrams in a minute to an address that only invented entries name";
    }
    return std::nullopt;
  }
};

class InventedCountForNothing final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "hostile.invented_count_for_nothing"; }
  Broken at_rest(const World& world, Mono) override {
    if (world.invented() == 0) return std::nullopt;
    for (const auto& [host, life] : world.truth().current()) {
      if (life->died || life->software != Software::node) continue;
      for (const GroupStatus& group : world.host(host).program->status()->groups) {
        if (group.members.size() > world.hosts().size())
          return life->name + " shows " + std::to_string(group.members.size()) + " members";
        if (!group.bonds.own().empty() && !group.online) return life->name + " is whole, and is not online";
      }
    }
    return std::nullopt;
  }
};

}  // namespace

void add_hostile_invariants(Invariants& out) {
  out.push_back(std::make_unique<VictimIsSpared>());
  out.push_back(std::make_unique<InventedCountForNothing>());
}

}  // namespace mosaik::sim
