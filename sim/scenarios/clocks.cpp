// Time that goes wrong: clocks, pauses, overload.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem clocks_menu[] = {
    {.kind = FaultKind::clock_rate, .weight = 3, .least = 1s, .most = 20s},
    {.kind = FaultKind::clock_jump, .weight = 3},
    {.kind = FaultKind::restart, .weight = 2},
    {.kind = FaultKind::cut, .weight = 1, .least = 100ms, .most = 4s},
    {.kind = FaultKind::clock_set_back, .weight = 1, .least = 10ms, .most = 3s},
};
constexpr MenuItem overload[] = {
    {.kind = FaultKind::slow, .weight = 4, .least = 200ms, .most = 8s},
    {.kind = FaultKind::pause, .weight = 4, .least = 10ms, .most = 4s},
    {.kind = FaultKind::storm, .weight = 1},
};
constexpr MenuItem sleep[] = {
    {.kind = FaultKind::sleep, .weight = 3, .least = 100ms, .most = 20s},
    {.kind = FaultKind::pause, .weight = 2, .least = 5s, .most = 20s},
    {.kind = FaultKind::restart, .weight = 1},
};
constexpr Scenario table[] = {
    {.name = "clocks", .about = "fast, slow and set clocks", .menu = clocks_menu},
    {.name = "overload", .about = "processes that are late: pauses and slow computers", .menu = overload},
    {.name = "sleeping-computers",
     .about = "computers sleep and wake, processes stand still for long",
     .menu = sleep,
     .faults_most = 6,
     .chaos = 44s},
};
}  // namespace

std::span<const Scenario> clocks() {
  return table;
}

}  // namespace mosaik::sim
