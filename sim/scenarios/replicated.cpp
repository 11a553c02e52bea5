// Groups with a machine: calls while faults are at work (sim/workload_calls.cpp).

#include "sim/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem deaths[] = {
    {.kind = FaultKind::leader_crash, .weight = 3, .least = 50ms, .most = 8s},
    {.kind = FaultKind::leader_restart, .weight = 3},
    {.kind = FaultKind::crash, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::rolling, .weight = 1, .least = 100ms, .most = 6s},
    {.kind = FaultKind::restart_all, .weight = 1, .least = 10ms, .most = 2s},
    {.kind = FaultKind::quit, .weight = 1, .least = 1s, .most = 6s},
    {.kind = FaultKind::rejoin, .weight = 1, .least = 10ms, .most = 4s},
};
constexpr MenuItem cuts[] = {
    {.kind = FaultKind::cut, .weight = 3, .least = 50ms, .most = 8s},
    {.kind = FaultKind::cut_one_way, .weight = 3, .least = 50ms, .most = 8s},
    {.kind = FaultKind::leader_isolate, .weight = 3, .least = 50ms, .most = 10s},
    {.kind = FaultKind::leader_pause, .weight = 2, .least = 10ms, .most = 6s},
    {.kind = FaultKind::deafen, .weight = 1, .least = 50ms, .most = 8s},
    {.kind = FaultKind::halves, .weight = 2, .least = 50ms, .most = 10s},
    {.kind = FaultKind::ring, .weight = 1, .least = 50ms, .most = 8s},
    {.kind = FaultKind::bridge, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::flap, .weight = 2, .least = 1s, .most = 10s},
    {.kind = FaultKind::clog, .weight = 1, .least = 50ms, .most = 3s},
};
constexpr MenuItem mixed[] = {
    {.kind = FaultKind::leader_crash, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::leader_isolate, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::leader_pause, .least = 10ms, .most = 4s},
    {.kind = FaultKind::cut, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::cut_one_way, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::halves, .weight = 2, .least = 50ms, .most = 8s},
    {.kind = FaultKind::bridge, .least = 50ms, .most = 6s},
    {.kind = FaultKind::flap, .least = 1s, .most = 6s},
    {.kind = FaultKind::weather, .weight = 2, .least = 1s, .most = 8s},
    {.kind = FaultKind::squeeze, .least = 1s, .most = 6s},
    {.kind = FaultKind::crash, .least = 50ms, .most = 6s},
    {.kind = FaultKind::restart, .weight = 2},
    {.kind = FaultKind::restart_all, .least = 1ms, .most = 2s},
    {.kind = FaultKind::slow, .least = 200ms, .most = 6s},
    {.kind = FaultKind::clock_rate, .least = 1s, .most = 10s},
    {.kind = FaultKind::sleep, .least = 100ms, .most = 6s},
    {.kind = FaultKind::quit, .least = 1s, .most = 6s},
    {.kind = FaultKind::rejoin, .least = 10ms, .most = 6s},
};
constexpr MenuItem some[] = {
    {.kind = FaultKind::restart, .weight = 2},
    {.kind = FaultKind::leader_crash, .weight = 2, .least = 50ms, .most = 6s},
    {.kind = FaultKind::leader_isolate, .weight = 1, .least = 50ms, .most = 5s},
    {.kind = FaultKind::cut, .weight = 2, .least = 100ms, .most = 5s},
    {.kind = FaultKind::weather, .weight = 1, .least = 1s, .most = 8s},
    {.kind = FaultKind::flap, .weight = 1, .least = 1s, .most = 5s},
};
constexpr Nanoseconds chaos = 24s;
constexpr Nanoseconds rest = 12s;
constexpr Scenario table[] = {
    {.name = "raft-quiet",
     .about = "a replicated machine under load, no fault: one election, nothing lost",
     .faults_least = 0,
     .faults_most = 0,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::any},
     .workload = "calls"},
    {.name = "raft-leaders-die",
     .about = "leaders and others die and come back; logs on disk, a floor",
     .menu = deaths,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::majority, .durable = true},
     .workload = "calls"},
    {.name = "raft-cuts",
     .about = "the group is cut in every way; a floor",
     .menu = cuts,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::majority},
     .workload = "calls"},
    {.name = "raft-everything",
     .about = "all faults mixed; logs on disk, a floor",
     .menu = mixed,
     .faults_least = 4,
     .faults_most = 20,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::majority, .durable = true},
     .workload = "calls"},
    {.name = "raft-relative",
     .about = "all faults mixed; logs in memory, no floor: sides may part, and meet again",
     .menu = mixed,
     .faults_most = 16,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::none},
     .workload = "calls"},
    {.name = "raft-forgetful",
     .about = "a floor, and members that lose their logs",
     .menu = mixed,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::majority},
     .workload = "calls"},
    {.name = "raft-late-joiner",
     .about = "one comes when the others have worked for a while, and catches up",
     .menu = cuts,
     .faults_least = 0,
     .faults_most = 4,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::any, .late = 1},
     .workload = "calls"},
    {.name = "raft-with-rust",
     .about = "models of the crate vote, lead and follow, and panic where the real one would",
     .menu = some,
     .faults_most = 6,
     .nodes_least = 2,
     .nodes_most = 3,
     .cast = {.rust = 2},
     .acquaintance = Acquaintance::all,
     .chaos = chaos,
     .rest = rest,
     .replication = {.floor = Floor::any},
     .workload = "calls"},
};
}  // namespace

std::span<const Scenario> replicated() {
  return table;
}

}  // namespace mosaik::sim
