#pragma once
/// An invariant: a sentence that must be true in every world. To add one, derive from Invariant, look at what you need
/// in the hooks, and put it into the list of its family (invariants_*.cpp).
///
/// Hooks run after the truth was told of what happened, so that both are at hand.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/oracle/oracle.hpp"

namespace mosaik::sim {

class World;

struct Failure {
  std::string invariant;
  std::string text;
};
using Broken = std::optional<std::string>;  ///< what is wrong, in words

class Invariant {
 public:
  virtual ~Invariant() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// A process told of something. For bond_down, `life` still has the bond.
  virtual Broken on_event(const World&, const Life&, const Event&) { return std::nullopt; }
  /// Every quarter of a second.
  virtual Broken on_sweep(const World&) { return std::nullopt; }
  /// The faults are over, the mesh is whole, and a quiet time has passed since `since`.
  virtual Broken at_rest(const World&, Mono since) {
    static_cast<void>(since);
    return std::nullopt;
  }
};

using Invariants = std::vector<std::unique_ptr<Invariant>>;
void add_bond_invariants(Invariants& out);
void add_detection_invariants(Invariants& out);
void add_discovery_invariants(Invariants& out);
void add_rest_invariants(Invariants& out);
void add_hostile_invariants(Invariants& out);
void add_network_invariants(Invariants& out);
[[nodiscard]] Invariants all_invariants();

}  // namespace mosaik::sim
