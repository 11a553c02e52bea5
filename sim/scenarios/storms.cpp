// Many beginnings at once.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem leaving_and_coming[] = {
    {.kind = FaultKind::restart, .weight = 3},
    {.kind = FaultKind::quit, .weight = 3, .least = 1s, .most = 6s},
    {.kind = FaultKind::crash, .weight = 2, .least = 100ms, .most = 5s},
    {.kind = FaultKind::restart_all, .weight = 1, .least = 10ms, .most = 2s},
};
constexpr MenuItem opening[] = {
    {.kind = FaultKind::storm, .weight = 3},
    {.kind = FaultKind::restart_all, .weight = 3, .least = 1ms, .most = 20ms},
    {.kind = FaultKind::cut, .weight = 2, .least = 2s, .most = 4s},
    {.kind = FaultKind::halves, .weight = 2, .least = 2s, .most = 4s},
};
constexpr Scenario table[] = {
    {.name = "join-storm",
     .about = "all start in the same moment and join",
     .faults_least = 0,
     .faults_most = 0,
     .nodes_least = 3,
     .nodes_most = 8,
     .start_within = 20ms,
     .chaos = 4s},
    {.name = "simultaneous-opens",
     .about = "all dial all without courtesy, again and again",
     .menu = opening,
     .start_within = 5ms,
     .eager = true},
    {.name = "crossing-opens",
     .about = "all dial all in one moment under a calm sky: the law decides, no time limit has to",
     .faults_least = 0,
     .faults_most = 0,
     .acquaintance = KnownAddress::all,
     .sky = Sky::calm,
     .start_within = 5ms,
     .chaos = 1s,
     .whole_within = 500ms,
     .eager = true},
    {.name = "leave-and-join-storm",
     .about = "processes come and go all the time",
     .menu = leaving_and_coming,
     .faults_least = 6,
     .faults_most = 20},
};
}  // namespace

std::span<const Scenario> storms() {
  return table;
}

}  // namespace mosaik::sim
