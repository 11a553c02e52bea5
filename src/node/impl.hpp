#pragma once
// How a core of Node is run: with its port, and its events queued.

#include "node/node.hpp"

namespace mosaik::node {

template <class F>
bool Node::with_engine(const GroupId& id, F&& call) {
  const auto found = groups_.find(id);
  if (found == groups_.end() || found->second.engine() == nullptr) return false;
  call(*found->second.engine());
  return true;
}

template <class F>
void Node::with_group(const Now& now, const GroupId& id, F&& call) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  Port port(endpoint_, dialing_, owners_, {Owner::Room::group, id});
  bond_events_.clear();
  call(found->second, bonds::MeshContext{now, port, bond_events_});
  for (bonds::MeshEvent& fact : bond_events_) events_.emplace_back(GroupEvent(id, std::move(fact)));
  bond_events_.clear();
}

template <class F>
void Node::with_groups(const Now& now, F&& call) {
  for (auto& [id, group] : groups_) with_group(now, id, call);
}

template <class F>
void Node::with_mesh(const Now& now, const GroupId& id, F&& call) {
  with_group(now, id, [&](groups::Group& group, const bonds::MeshContext& step) { call(group.mesh(), step); });
}

template <class F>
void Node::with_meshes(const Now& now, F&& call) {
  for (auto& [id, group] : groups_) with_mesh(now, id, call);
}

template <class F>
void Node::with_handshake_acceptor(const Now& now, F&& call) {
  Port port(endpoint_, dialing_, owners_, {Owner::Room::handshake_acceptor, {}});
  bond_events_.clear();
  call(bonds::MeshContext{now, port, bond_events_});
  for (bonds::MeshEvent& fact : bond_events_) events_.emplace_back(GroupEvent(GroupId{}, std::move(fact)));
  bond_events_.clear();
}

template <class F>
void Node::with_discovery(F&& call) {
  Port port(endpoint_, dialing_, owners_, {Owner::Room::discovery, {}});
  discovery_events_.clear();
  call(port, discovery_events_);
  for (discovery::DiscoveryEvent& fact : discovery_events_) events_.emplace_back(std::move(fact));
  discovery_events_.clear();
}

template <class F>
void Node::with_detector(F&& call) {
  detector_events_.clear();
  call(detector_events_);
  for (detector::DetectorEvent& fact : detector_events_) events_.emplace_back(std::move(fact));
  detector_events_.clear();
}

template <class F>
void Node::with_sentinels(const Now& now, F&& call) {
  sentinel_actions_.clear();
  call(sentinel_actions_);
  for (const detector::SentinelAction& action : std::exchange(sentinel_actions_, {}))
    std::visit(overloaded{[&](const detector::SentinelOffer& offer) {
                            tell(now, offer.peer, {wire::ExtensionTag::sentinel_offer, offer.value}, offer.link);
                          },
                          [&](const auto& output) { actions_.emplace_back(output); }},
               action);
}

template <class F>
void Node::with_indirect_probes(const Now& now, F&& call) {
  std::vector<detector::IndirectProbeAction> actions;
  call(actions);
  for (const detector::IndirectProbeAction& action : actions) on_indirect_probe(now, action);
}

}  // namespace mosaik::node
