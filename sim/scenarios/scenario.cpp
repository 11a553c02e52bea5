#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

std::vector<const Scenario*> all_scenarios() {
  std::vector<const Scenario*> out;
  for (const auto family :
       {storms(), partitions(), incarnations(), clocks(), strangers(), mixtures(), replicated(), networks()})
    for (const Scenario& scenario : family) out.push_back(&scenario);
  return out;
}

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario* scenario : all_scenarios())
    if (scenario->name == name) return scenario;
  return nullptr;
}

}  // namespace mosaik::sim
