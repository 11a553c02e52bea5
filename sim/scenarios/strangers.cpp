#include "sim/scenario.hpp"

namespace mosaik::sim {
std::span<const Scenario> strangers() {
  return {};
}
}  // namespace mosaik::sim
