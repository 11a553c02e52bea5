// A little of everything.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem everything[] = {
    {.kind = FaultKind::cut, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::cut_one_way, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::isolate, .least = 50ms, .most = 6s},
    {.kind = FaultKind::halves, .least = 50ms, .most = 6s},
    {.kind = FaultKind::ring, .least = 50ms, .most = 6s},
    {.kind = FaultKind::bridge, .least = 50ms, .most = 6s},
    {.kind = FaultKind::flap, .least = 1s, .most = 6s},
    {.kind = FaultKind::weather, .weight = 3, .least = 1s, .most = 10s},
    {.kind = FaultKind::squeeze, .least = 1s, .most = 6s},
    {.kind = FaultKind::clog, .weight = 2, .least = 50ms, .most = 3s},
    {.kind = FaultKind::crash, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::restart, .weight = 3},
    {.kind = FaultKind::restart_all, .least = 1ms, .most = 2s},
    {.kind = FaultKind::rolling, .least = 100ms, .most = 4s},
    {.kind = FaultKind::pause, .weight = 2, .least = 10ms, .most = 4s},
    {.kind = FaultKind::slow, .weight = 2, .least = 200ms, .most = 6s},
    {.kind = FaultKind::clock_rate, .least = 1s, .most = 20s},
    {.kind = FaultKind::clock_jump},
    {.kind = FaultKind::sleep, .least = 100ms, .most = 6s},
    {.kind = FaultKind::quit, .weight = 2, .least = 1s, .most = 6s},
    {.kind = FaultKind::rejoin, .least = 10ms, .most = 6s},
    {.kind = FaultKind::replay, .weight = 2},
    {.kind = FaultKind::storm},
    {.kind = FaultKind::forged_error, .least = 100ms, .most = 3s},
    {.kind = FaultKind::close_sentinel},
    {.kind = FaultKind::disk, .least = 1s, .most = 10s},
    {.kind = FaultKind::wipe, .least = 10ms, .most = 3s},
};
constexpr Scenario table[] = {
    {.name = "everything",
     .about = "all faults mixed",
     .menu = everything,
     .faults_least = 4,
     .faults_most = 30,
     .nodes_most = 6},
    {.name = "quiet",
     .about = "no fault at all: no alarm may be raised",
     .faults_least = 0,
     .faults_most = 0,
     .chaos = 4s,
     .rest = 40s},
};
}  // namespace

std::span<const Scenario> mixtures() {
  return table;
}

}  // namespace mosaik::sim
