// Who does not hear whom.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem cuts[] = {
    {.kind = FaultKind::cut, .weight = 3, .least = 50ms, .most = 8s},
    {.kind = FaultKind::isolate, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::halves, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::ring, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::bridge, .weight = 2, .least = 50ms, .most = 8s},
};
constexpr MenuItem one_way[] = {
    {.kind = FaultKind::cut_one_way, .weight = 3, .least = 50ms, .most = 8s},
    {.kind = FaultKind::deafen, .weight = 2, .least = 50ms, .most = 8s},
};
constexpr MenuItem flapping[] = {
    {.kind = FaultKind::flap, .weight = 3, .least = 1s, .most = 12s},
    {.kind = FaultKind::clog, .weight = 1, .least = 50ms, .most = 4s},
};
constexpr MenuItem long_cuts[] = {
    {.kind = FaultKind::cut, .weight = 1, .least = 10s, .most = 40s},
    {.kind = FaultKind::isolate, .weight = 2, .least = 10s, .most = 40s},
    {.kind = FaultKind::halves, .weight = 2, .least = 10s, .most = 40s},
};
constexpr MenuItem an_hour[] = {
    {.kind = FaultKind::isolate, .weight = 1, .least = 310s, .most = 700s},
    {.kind = FaultKind::halves, .weight = 1, .least = 310s, .most = 700s},
};
constexpr MenuItem weather[] = {
    {.kind = FaultKind::weather, .weight = 4, .least = 1s, .most = 15s},
    {.kind = FaultKind::squeeze, .weight = 2, .least = 1s, .most = 8s},
    {.kind = FaultKind::clog, .weight = 2, .least = 50ms, .most = 3s},
    {.kind = FaultKind::forged_error, .weight = 2, .least = 100ms, .most = 5s},
    {.kind = FaultKind::close_sentinel, .weight = 2},
};
constexpr Scenario table[] = {
    {.name = "partitions", .about = "pairs, halves, rings and bridges are cut", .menu = cuts},
    {.name = "one-way-cuts", .about = "one end hears and is not heard", .menu = one_way},
    {.name = "flapping", .about = "links go up and down all the time", .menu = flapping},
    {.name = "cuts-beyond-staleness",
     .about = "entries go stale before the cut ends",
     .menu = long_cuts,
     .faults_least = 1,
     .faults_most = 4,
     .chaos = 50s,
     .short_staleness = true},
    {.name = "cuts-of-minutes",
     .about = "the same with the usual staleness, over a thousand seconds",
     .menu = an_hour,
     .faults_least = 1,
     .faults_most = 2,
     .acquaintance = KnownAddress::all,
     .chaos = 960s},
    {.name = "bad-weather",
     .about = "loss, bursts, duplicates, replays, corruption, thin links, false errors",
     .menu = weather},
};
}  // namespace

std::span<const Scenario> partitions() {
  return table;
}

}  // namespace mosaik::sim
