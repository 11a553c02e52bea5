// The one place where rooms meet: link events go to their owner, events of one core become inputs of others. Here are
// the events of links and the queue of events; facts_of_bonds.cpp, facts_of_discovery.cpp and facts_of_health.cpp have
// one `on_event` for each fact.

#include <algorithm>

#include "base/overloaded.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::route(const Now& now, const LinkEvent& event) {
  std::visit([&](const auto& one) { on_link(now, one); }, event);
}

AdmissionClass Node::class_of(const PeerId& peer) const {
  const bool member =
      std::ranges::any_of(groups_, [&](const auto& item) { return item.second.mesh().was_bonded(peer); });
  return member ? AdmissionClass::member : AdmissionClass::stranger;
}

const PeerId* Node::bonded_over(LinkId link) const {
  const auto found = bonded_.find(link);
  return found == bonded_.end() ? nullptr : &found->second;
}

void Node::on_link(const Now& now, const LinkOpened& event) {
  LinkOpened opened = event;
  const AdmissionClass standing = class_of(opened.peer);
  dialing_.on_opened(now, opened, standing);
  for (auto& [id, group] : groups_) group.mesh().on_met(now, opened.peer);
  if (opened.dialed_as) protocols_.rename(*opened.dialed_as, opened.link);
  ProtocolHandler* const owner =
      opened.side == Side::acceptor ? protocols_.accept(opened) : protocols_.owner(opened.link);
  if (owner == nullptr) return endpoint_.close(now, opened.link, CloseCode::cancelled, CloseMode::at_once);
  ProtocolRegistry::Port links = protocols_.port(*owner);
  owner->on_opened({now, links}, opened, standing);
}

void Node::on_link(const Now& now, const LinkFrame& frame) {
  protocols_.with_owner(now, frame.link, [&](ProtocolHandler& owner, const LinkContext& context) {
    if (const PeerId* const peer = bonded_over(frame.link))
      with_detector([&](auto& events) { detector_.on_frame(now, *peer, events); });
    owner.on_frame(context, frame);
  });
}

void Node::on_link(const Now& now, const LinkEnded& ended) {
  protocols_.with_owner(now, ended.link,
                        [&](ProtocolHandler& owner, const LinkContext& context) { owner.on_ended(context, ended); });
}

void Node::on_link(const Now& now, const LinkOversized& oversized) {
  protocols_.with_owner(now, oversized.link, [&](ProtocolHandler& owner, const LinkContext& context) {
    owner.on_oversized(context, oversized);
  });
}

void Node::on_link(const Now& now, const LinkGrowing& growing) {
  protocols_.with_owner(now, growing.link, [&](ProtocolHandler& owner, const LinkContext& context) {
    owner.on_growing(context, growing);
  });
}

// What is heard of a bonded peer, apart from its frames, is for the failure detector alone.

void Node::on_link(const Now& now, const LinkActive& active) {
  if (const PeerId* const peer = bonded_over(active.link))
    return with_detector([&](auto& events) { detector_.on_packet(now, *peer, events); });
  protocols_.with_owner(now, active.link,
                        [&](ProtocolHandler& owner, const LinkContext& context) { owner.on_active(context, active); });
}

void Node::on_link(const Now& now, const LinkUnreachable& unreachable) {
  if (const PeerId* const peer = bonded_over(unreachable.link))
    return with_detector([&](auto& events) { detector_.on_unreachable(now, *peer, unreachable.probe, events); });
  protocols_.with_owner(now, unreachable.link, [&](ProtocolHandler& owner, const LinkContext& context) {
    owner.on_unreachable(context, unreachable);
  });
}

void Node::on_link(const Now& now, const LinkLossy& lossy) {
  if (const PeerId* const peer = bonded_over(lossy.link))
    return with_detector([&](auto& events) { detector_.on_hint(now, *peer, events); });
  protocols_.with_owner(now, lossy.link,
                        [&](ProtocolHandler& owner, const LinkContext& context) { owner.on_lossy(context, lossy); });
}

void Node::on_link(const Now& now, const LinkClosed& event) {
  bonded_.erase(event.link);
  const std::optional<LinkClosed> closed = dialing_.on_closed(now, event);
  for (const FoundPeer& found : dialing_.take_found()) follow_up(now, found);
  if (!closed) return;
  ProtocolHandler* const owner = protocols_.release(closed->link);
  if (owner == nullptr) return;
  ProtocolRegistry::Port links = protocols_.port(*owner);
  owner->on_closed({now, links}, *closed);
}

void Node::follow_up(const Now& now, const FoundPeer& found) {
  // The key that it has shown is not proven: whoever likes can name anybody's, as often as we dial.
  if (bonded_anywhere(found.peer) || !(vouched(found.peer) || discovery_.find(found.peer, now))) return;
  if (!follow_ups_.take_whole(now.mono)) return;
  with_discovery([&](Links& links, auto& events) {
    discovery_.sync_with(now, found.peer, {found.address}, links, events, DialSource::entry);
  });
}

void Node::drain_events(const Now& now) {
  const auto on_all = [&](const auto& events) {
    for (const auto& event : events) std::visit([&](const auto& one) { on_event(now, one); }, event);
  };
  while (!events_.empty()) {
    const CoreEvents batch = events_.pop();
    std::visit(overloaded{[&](const GroupEvents& told) {
                            for (const bonds::MeshEvent& event : told.events)
                              std::visit([&](const auto& one) { on_event(now, told.group, one); }, event);
                          },
                          on_all},
               batch);
  }
}

}  // namespace mosaik::node
