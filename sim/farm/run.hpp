#pragma once
/// One run: a scenario, a seed, two phases. First chaos, then all is healed and deadlines must be met.

#include <map>

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

struct RunOptions {
  Tier tier = Tier::links;
  std::size_t nodes = 0;     ///< 0: drawn
  std::optional<Plan> plan;  ///< instead of the drawn one
  std::function<void(const std::string&)> echo;
  bool decisions = false;  ///< keep what the nodes decided, and why
  std::function<void(const std::string&)> echo_decisions;
};

/// What was injected, and what came of it.
struct Tally {
  std::map<std::string, std::uint64_t> counts;
  void add(const std::string& name, std::uint64_t value) {
    if (value != 0) counts[name] += value;
  }
  void add(const Tally& other) {
    for (const auto& [name, value] : other.counts) counts[name] += value;
  }
};

struct Outcome {
  std::optional<Failure> failure;
  std::uint64_t digest = 0;
  std::uint64_t canonical = 0;  ///< of the events alone (Trace::note_event)
  Plan plan;
  std::vector<std::string> lines;      ///< the last of the trace
  std::vector<std::string> decisions;  ///< the last that the nodes decided
  Tally tally;
  Nanoseconds simulated{};
  Nanoseconds whole_after{};  ///< from the heal until the mesh was whole
};

/// The faults that a seed draws.
[[nodiscard]] Plan plan_of(const Scenario& scenario, std::uint64_t seed, const RunOptions& options);
[[nodiscard]] Outcome run_seed(const Scenario& scenario, std::uint64_t seed, const RunOptions& options);

}  // namespace mosaik::sim
