#include "sim/scenario.hpp"

namespace mosaik::sim {
std::span<const Scenario> mixtures() {
  return {};
}
}  // namespace mosaik::sim
