// The networks that people have: addresses that are shared, hidden, taken over, translated, or too narrow.

#include "sim/scenarios/scenario.hpp"

namespace mosaik::sim {

namespace {
constexpr MenuItem restarts[] = {
    {.kind = FaultKind::crash, .weight = 2, .least = 50ms, .most = 4s},
    {.kind = FaultKind::restart, .weight = 2},
    {.kind = FaultKind::cut, .weight = 2, .least = 500ms, .most = 6s},
};
constexpr MenuItem narrow[] = {
    {.kind = FaultKind::narrow, .weight = 1, .least = 4s, .most = 20s},
};
constexpr MenuItem hand_over[] = {
    {.kind = FaultKind::hand_over, .weight = 3, .least = 3s, .most = 10s},
    {.kind = FaultKind::restart, .weight = 1},
};
constexpr MenuItem swallow[] = {
    {.kind = FaultKind::swallow, .weight = 3, .least = 2s, .most = 10s},
    {.kind = FaultKind::unplug, .weight = 1, .least = 2s, .most = 6s},
};
constexpr MenuItem renumber[] = {
    {.kind = FaultKind::renumber, .weight = 3, .least = 3s, .most = 12s},
    {.kind = FaultKind::resolver, .weight = 1, .least = 1s, .most = 8s},
};
constexpr MenuItem rebind[] = {
    {.kind = FaultKind::rebind, .weight = 3},
    {.kind = FaultKind::descriptors, .weight = 1, .least = 2s, .most = 10s},
    {.kind = FaultKind::restart, .weight = 1},
};
constexpr MenuItem mixed[] = {
    {.kind = FaultKind::swallow, .weight = 2, .least = 1s, .most = 8s},
    {.kind = FaultKind::narrow, .weight = 2, .least = 2s, .most = 15s},
    {.kind = FaultKind::unplug, .weight = 2, .least = 500ms, .most = 6s},
    {.kind = FaultKind::renumber, .weight = 2, .least = 3s, .most = 12s},
    {.kind = FaultKind::hand_over, .weight = 2, .least = 3s, .most = 10s},
    {.kind = FaultKind::rebind, .weight = 2},
    {.kind = FaultKind::resolver, .weight = 1, .least = 1s, .most = 8s},
    {.kind = FaultKind::descriptors, .weight = 1, .least = 1s, .most = 8s},
    {.kind = FaultKind::cut, .weight = 2, .least = 100ms, .most = 6s},
    {.kind = FaultKind::crash, .weight = 2, .least = 50ms, .most = 4s},
    {.kind = FaultKind::restart, .weight = 2},
};

constexpr Scenario in_network(std::string_view name, std::string_view about, Shape shape,
                              std::span<const MenuItem> menu) {
  Scenario out{.name = name, .about = about, .menu = menu, .shape = shape};
  out.faults_least = 0;
  out.faults_most = menu.empty() ? 0 : 4;
  out.nodes_least = 2;
  out.nodes_most = 4;
  out.sky = Sky::calm;
  out.chaos = 24s;
  out.rest = 6s;
  return out;
}

constexpr Scenario after_minutes(Scenario scenario) {
  scenario.nodes_least = scenario.nodes_most = 3;
  scenario.start_within = 1s;
  scenario.chaos = 14s;
  scenario.whole_within = 420s;
  return scenario;
}

/// A name is asked again after up to a minute.
constexpr Scenario by_name(Scenario scenario) {
  scenario.whole_within = 90s;
  return scenario;
}

/// A host that cannot say where it is can be found by those alone who were told.
constexpr Scenario all_known(Scenario scenario) {
  scenario.acquaintance = KnownAddress::all;
  return scenario;
}

constexpr Scenario with(Scenario scenario, std::size_t least, std::size_t most) {
  scenario.nodes_least = least;
  scenario.nodes_most = most;
  return scenario;
}

constexpr Scenario with_large_commands(Scenario scenario) {
  scenario.faults_least = 1;
  scenario.faults_most = 2;
  scenario.acquaintance = KnownAddress::all;
  scenario.replication = {.floor = Floor::none, .large = true};
  scenario.workload = "calls";
  return scenario;
}

constexpr Scenario table[] = {
    in_network("networks-shared-bridge",
               "a bridge with the same address on each host, another node answers there first", Shape::shared_bridge,
               restarts),
    with(in_network("networks-neighbours", "containers of two hosts have the same addresses, their ports are published",
                    Shape::shared_bridge, rebind),
         4, 5),
    in_network("networks-many-bridges", "more bridges than a dial has addresses", Shape::many_bridges, restarts),
    all_known(in_network("networks-late-interface", "started before the network is up, or blind to it",
                         Shape::late_interface, {})),
    after_minutes(in_network("networks-stale-mapping", "a peer behind a virtual address comes back elsewhere",
                             Shape::virtual_address, {})),
    with_large_commands(
        in_network("networks-narrow", "paths lose what is larger than a shrunken MTU", Shape::narrow, narrow)),
    with(in_network("networks-moved-address", "others take an address over", Shape::moved_address, hand_over), 3, 4),
    by_name(in_network("networks-names", "contacts are names, and name servers are dead, lying or slow", Shape::by_name,
                       renumber)),
    with(in_network("networks-two", "two networks, and one swallows everything", Shape::two_networks, swallow), 2, 4),
    by_name(
        all_known(with(in_network("networks-mixed", "any networks, any of their faults", Shape::mixed, mixed), 2, 5))),
};
}  // namespace

std::span<const Scenario> networks() {
  return table;
}

}  // namespace mosaik::sim
