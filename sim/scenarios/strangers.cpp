// Those who do not belong, and those who speak otherwise.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem some[] = {
    {.kind = FaultKind::restart, .weight = 3},
    {.kind = FaultKind::cut, .weight = 2, .least = 100ms, .most = 5s},
    {.kind = FaultKind::weather, .weight = 1, .least = 1s, .most = 8s},
    {.kind = FaultKind::storm, .weight = 1},
};
constexpr Scenario table[] = {
    {.name = "with-rust",
     .about = "models of the crate are members too",
     .menu = some,
     .faults_most = 6,
     .nodes_most = 4,
     .cast = {.rust = 2},
     .acquaintance = KnownAddress::all},
    {.name = "impostors",
     .about = "a peer names the group, does not know its secret, and offers stolen proofs",
     .menu = some,
     .faults_most = 6,
     .cast = {.impostors = 1},
     .acquaintance = KnownAddress::all},
    {.name = "hostile-inside-quic",
     .about = "two peers finish QUIC's handshake with everyone, and then keep none of its rules (quic tier)",
     .menu = some,
     .faults_most = 4,
     .nodes_most = 4,
     .cast = {.hostile = 2},
     .acquaintance = KnownAddress::all},
    {.name = "older-levels",
     .about = "some nodes know fewer extensions than others",
     .menu = some,
     .nodes_most = 6,
     .cast = {.older = 2}},
    {.name = "two-groups",
     .about = "some nodes are members of two groups",
     .menu = some,
     .cast = {.second_group = true}},
    {.name = "twins",
     .about = "two nodes run with one key, until one is stopped and the other started anew",
     .menu = some,
     .faults_most = 6,
     .nodes_least = 4,
     .cast = {.twins = true},
     .acquaintance = KnownAddress::all},
    {.name = "asked-for-syncs", .about = "people ask for syncs all the time", .menu = some, .workload = "syncs"},
    {.name = "other-secret",
     .about = "another group in the same network",
     .menu = some,
     .faults_most = 6,
     .cast = {.other_secret = 2}},
    {.name = "other-network",
     .about = "nodes of another network know our addresses",
     .menu = some,
     .faults_most = 6,
     .cast = {.other_network = 2},
     .acquaintance = KnownAddress::all},
    {.name = "invented-members",
     .about = "a peer plants entries of 200 invented members at the address of a victim",
     .menu = some,
     .faults_most = 6,
     .cast = {.planters = 1},
     .acquaintance = KnownAddress::all},
};
}  // namespace

std::span<const Scenario> strangers() {
  return table;
}

}  // namespace mosaik::sim
