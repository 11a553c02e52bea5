#pragma once
/// A workload: what runs in the group besides the mesh, consensus most of all. It makes requests of processes while the
/// faults are at work, keeps its own history, and brings its own sentences that must be true.
///
/// To add one: derive from Workload, name it in make_workload, and name it in a scenario.

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sim/world/world.hpp"

namespace mosaik::sim {

class Workload {
 public:
  virtual ~Workload() = default;
  /// The world stands, nothing runs yet. `rng` is the workload's own: what it draws shifts nothing else.
  virtual void begin(World& world, Rng rng) = 0;
  /// The faults are over, the mesh is whole: nothing new is begun. What was begun must end.
  virtual void finish(World& world) = 0;
  /// After every event of a process.
  virtual Broken on_event(const World&, const Life&, const Event&) { return std::nullopt; }
  /// After every turn of a process.
  virtual Broken on_turn(World&, Host&) { return std::nullopt; }
  /// What it counts, for people.
  [[nodiscard]] virtual std::map<std::string, std::uint64_t> counts() const { return {}; }
  /// At rest: is the history that was kept a legal one?
  [[nodiscard]] virtual Broken judge(const World& world) = 0;
};

/// One file each.
[[nodiscard]] std::unique_ptr<Workload> make_syncs();
[[nodiscard]] std::unique_ptr<Workload> make_calls();
/// Empty for a name that there is none of.
[[nodiscard]] std::unique_ptr<Workload> make_workload(std::string_view name);

}  // namespace mosaik::sim
