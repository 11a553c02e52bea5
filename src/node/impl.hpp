#pragma once
// How a core of Node is run: with its port, and its events queued.

#include "node/node.hpp"

namespace mosaik::node {

template <class F>
bool Node::with_engine(const GroupId& id, F&& call) {
  const auto found = groups_.find(id);
  if (found == groups_.end() || found->second.engine() == nullptr) return false;
  const TraceGroup group(id);
  call(*found->second.engine());
  return true;
}

template <class F>
void Node::with_group(const Now& now, const GroupId& id, F&& call) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  const TraceGroup traced(id);
  GroupLinks& handler = group_links_.at(id);
  ProtocolRegistry::Port links = protocols_.port(handler);
  handler.run({now, links}, [&](const bonds::MeshContext& step) { call(found->second, step); });
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
void Node::with_discovery(F&& call) {
  ProtocolRegistry::Port links = protocols_.port(discovery_protocol_);
  std::vector<discovery::DiscoveryEvent> events;
  call(links, events);
  events_.push(std::move(events));
}

template <class F>
void Node::with_detector(F&& call) {
  std::vector<detector::DetectorEvent> events;
  call(events);
  events_.push(std::move(events));
}

template <class F>
void Node::with_sentinels(const Now& now, F&& call) {
  std::vector<detector::SentinelAction> actions;
  call(actions);
  for (const detector::SentinelAction& action : actions)
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
