// Processes that end and come back.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem restarts[] = {
    {.kind = FaultKind::restart, .weight = 4},
    {.kind = FaultKind::crash, .weight = 2, .least = 100ms, .most = 10s},
    {.kind = FaultKind::rolling, .weight = 2, .least = 100ms, .most = 6s},
    {.kind = FaultKind::restart_all, .weight = 1, .least = 10ms, .most = 2s},
};
constexpr MenuItem replays[] = {
    {.kind = FaultKind::restart, .weight = 3},
    {.kind = FaultKind::replay, .weight = 6},
    {.kind = FaultKind::crash, .weight = 1, .least = 100ms, .most = 3s},
};
constexpr MenuItem departures[] = {
    {.kind = FaultKind::quit, .weight = 3, .least = 1s, .most = 8s},
    {.kind = FaultKind::rejoin, .weight = 3, .least = 10ms, .most = 6s},
    {.kind = FaultKind::cut, .weight = 1, .least = 50ms, .most = 4s},
    {.kind = FaultKind::weather, .weight = 1, .least = 1s, .most = 8s},
};
constexpr MenuItem bad_disks[] = {
    {.kind = FaultKind::disk, .weight = 2, .least = 1s, .most = 10s},
    {.kind = FaultKind::wipe, .weight = 2, .least = 10ms, .most = 3s},
    {.kind = FaultKind::restart, .weight = 3},
};
constexpr MenuItem bootstrap_gone[] = {
    {.kind = FaultKind::restart, .weight = 2},
    {.kind = FaultKind::crash, .weight = 2, .least = 100ms, .most = 5s},
    {.kind = FaultKind::cut, .weight = 2, .least = 100ms, .most = 5s},
};
constexpr Scenario table[] = {
    {.name = "restarts", .about = "restart in place, rolling, all", .menu = restarts},
    {.name = "replayed-incarnations",
     .about = "frames of earlier runs come again",
     .menu = replays,
     .faults_least = 6,
     .faults_most = 16},
    {.name = "departures", .about = "goodbyes, and leaving the group in one run", .menu = departures},
    {.name = "bad-disks", .about = "what was kept is lost, torn or wiped", .menu = bad_disks},
    {.name = "forgetful-restarts", .about = "nothing is kept from run to run", .menu = restarts, .forgetful = true},
    {.name = "bootstrap-peer-gone",
     .about = "the one that all were told of goes for good",
     .menu = bootstrap_gone,
     .faults_least = 1,
     .faults_most = 6,
     .acquaintance = KnownAddress::star,
     .bootstrap_ends = true},
};
}  // namespace

std::span<const Scenario> incarnations() {
  return table;
}

}  // namespace mosaik::sim
