// The one place where rooms meet: link events go to their owner, events of one core become inputs of others. Here are
// the events of links and the queue of events; facts_of_bonds.cpp, facts_of_discovery.cpp and facts_of_health.cpp have
// one `on_event` for each fact.

#include <algorithm>

#include "base/overloaded.hpp"
#include "base/rekey.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::route(const Now& now, const LinkEvent& event) {
  std::visit([&](const auto& one) { on_link(now, one); }, event);
}

template <class Event, class OfReception, class OfMesh>
void Node::hand_to(const Now& now, const Owner& owner, const Event& event, OfReception&& of_reception,
                   OfMesh&& of_mesh) {
  switch (owner.room) {
    case Owner::Room::discovery:
      return with_discovery([&](Links& links, auto& events) { discovery_.on_link(now, event, links, events); });
    case Owner::Room::handshake_acceptor: return with_handshake_acceptor(now, of_reception);
    case Owner::Room::group: return with_mesh(now, owner.group, of_mesh);
  }
}

template <class Event>
void Node::hand_to_discovery(const Now& now, const Event& event) {
  const Owner* const owner = owner_of(event.link);
  if (owner == nullptr || owner->room != Owner::Room::discovery) return;
  with_discovery([&](Links& links, auto& events) { discovery_.on_link(now, event, links, events); });
}

const Owner* Node::owner_of(LinkId link) const {
  const auto found = owners_.find(link);
  return found == owners_.end() ? nullptr : &found->second;
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
  dialing_.on_opened(now, opened, class_of(opened.peer));
  for (auto& [id, group] : groups_) group.mesh().on_met(now, opened.peer);
  if (opened.dialed_as) static_cast<void>(rekey(owners_, *opened.dialed_as, opened.link));
  if (opened.side == Side::acceptor)
    owners_[opened.link] = {opened.alpn == Alpn::groups ? Owner::Room::handshake_acceptor : Owner::Room::discovery, {}};
  const Owner* const owner = owner_of(opened.link);
  if (owner == nullptr) return endpoint_.close(now, opened.link, CloseCode::cancelled, CloseMode::at_once);
  hand_to(
      now, *owner, opened,
      [&](const bonds::MeshContext& step) { handshake_acceptor_.on_opened(step, opened, class_of(opened.peer)); },
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_opened(step, opened); });
}

void Node::on_link(const Now& now, const LinkFrame& frame) {
  const Owner* const owner = owner_of(frame.link);
  if (owner == nullptr) return;
  if (const PeerId* const peer = bonded_over(frame.link))
    with_detector([&](auto& events) { detector_.on_frame(now, *peer, events); });
  std::optional<bonds::IncomingHandshake> arrival;
  hand_to(
      now, *owner, frame,
      [&](const bonds::MeshContext& step) {
        arrival = handshake_acceptor_.on_frame(step, frame.link, frame.payload, joined_);
      },
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_frame(step, frame.link, frame.payload); });
  if (!arrival) return;
  owners_[frame.link] = {Owner::Room::group, arrival->group};
  with_mesh(now, arrival->group,
            [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_arrival(step, *arrival); });
}

void Node::on_link(const Now& now, const LinkEnded& ended) {
  const Owner* const owner = owner_of(ended.link);
  if (owner == nullptr) return;
  hand_to(
      now, *owner, ended,
      [&](const bonds::MeshContext& step) { handshake_acceptor_.on_ended(step, ended.link, ended.clean); },
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_ended(step, ended.link, ended.clean); });
}

void Node::on_link(const Now& now, const LinkOversized& oversized) {
  const Owner* const owner = owner_of(oversized.link);
  if (owner == nullptr) return;
  hand_to(
      now, *owner, oversized,
      [&](const bonds::MeshContext& step) { handshake_acceptor_.on_oversized(step, oversized.link); },
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_oversized(step, oversized.link); });
}

void Node::on_link(const Now& now, const LinkActive& active) {
  const PeerId* const peer = bonded_over(active.link);
  if (peer == nullptr) return hand_to_discovery(now, active);
  with_detector([&](auto& events) { detector_.on_packet(now, *peer, events); });
}

void Node::on_link(const Now& now, const LinkGrowing& growing) {
  const PeerId* const peer = bonded_over(growing.link);
  const Owner* const owner = owner_of(growing.link);
  if (peer == nullptr || owner == nullptr || owner->room != Owner::Room::group) return;
  with_group(now, owner->group, [&](groups::Group& group, const bonds::MeshContext& step) {
    group.on_growing(step, *peer, growing.link, growing.head);
  });
}

void Node::on_link(const Now& now, const LinkUnreachable& unreachable) {
  const PeerId* const peer = bonded_over(unreachable.link);
  if (peer == nullptr) return hand_to_discovery(now, unreachable);
  with_detector([&](auto& events) { detector_.on_unreachable(now, *peer, unreachable.probe, events); });
}

void Node::on_link(const Now& now, const LinkLossy& lossy) {
  const PeerId* const peer = bonded_over(lossy.link);
  if (peer == nullptr) return hand_to_discovery(now, lossy);
  with_detector([&](auto& events) { detector_.on_hint(now, *peer, events); });
}

void Node::on_link(const Now& now, const LinkClosed& event) {
  bonded_.erase(event.link);
  const std::optional<LinkClosed> closed = dialing_.on_closed(now, event);
  for (const FoundPeer& found : dialing_.take_found()) follow_up(now, found);
  if (!closed) return;
  const auto owner = owners_.extract(closed->link);
  if (!owner) return;
  hand_to(
      now, owner.mapped(), *closed, [&](const bonds::MeshContext&) { handshake_acceptor_.on_closed(closed->link); },
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_closed(step, closed->link, closed->close); });
}

void Node::follow_up(const Now& now, const FoundPeer& found) {
  // The key that it has shown is not proven: whoever likes can name anybody's, as often as we dial.
  if (bonded_anywhere(found.peer) || !(vouched(found.peer) || discovery_.find(found.peer, now))) return;
  if (!follow_ups_.take(now)) return;
  with_discovery([&](Links& links, auto& events) {
    discovery_.sync_with(now, found.peer, {found.address}, links, events, DialSource::entry);
  });
}

void Node::drain_events(const Now& now) {
  const auto on_each = [&](const auto& one) { on_event(now, one); };
  while (!events_.empty()) {
    const CoreEvent fact = std::move(events_.front());
    events_.pop_front();
    std::visit(overloaded{[&](const GroupEvent& told) {
                            const GroupId& group = told.first;
                            std::visit([&](const auto& one) { on_event(now, group, one); }, told.second);
                          },
                          [&](const discovery::DiscoveryEvent& found) { std::visit(on_each, found); },
                          [&](const detector::DetectorEvent& verdict) { std::visit(on_each, verdict); }},
               fact);
  }
}

}  // namespace mosaik::node
