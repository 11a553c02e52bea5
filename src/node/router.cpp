// The one place where rooms meet: link events go to their owner, facts of one core become inputs of others. Here are
// the events of links and the queue of facts; facts_of_bonds.cpp, facts_of_discovery.cpp and facts_of_health.cpp have
// one `on_fact` for each fact.

#include <algorithm>

#include "base/overloaded.hpp"
#include "base/rekey.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::Impl::route(const Now& now, const quic::LinkEvent& event) {
  std::visit([&](const auto& one) { on_link(now, one); }, event);
}

template <class Event, class OfReception, class OfMesh>
void Node::Impl::hand_to(const Now& now, const Owner& owner, const Event& event, OfReception&& of_reception,
                         OfMesh&& of_mesh) {
  switch (owner.room) {
    case Owner::Room::discovery:
      return with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, event, links, facts); });
    case Owner::Room::reception: return with_reception(now, of_reception);
    case Owner::Room::group: return with_mesh(now, owner.group, of_mesh);
  }
}

template <class Event>
void Node::Impl::hand_to_discovery(const Now& now, const Event& event) {
  const Owner* const owner = owner_of(event.link);
  if (owner == nullptr || owner->room != Owner::Room::discovery) return;
  with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, event, links, facts); });
}

const Owner* Node::Impl::owner_of(quic::LinkId link) const {
  const auto found = owners_.find(link);
  return found == owners_.end() ? nullptr : &found->second;
}

AdmissionClass Node::Impl::class_of(const PeerId& peer) const {
  const bool member =
      std::ranges::any_of(groups, [&](const auto& item) { return item.second.mesh().was_bonded(peer); });
  return member ? AdmissionClass::member : AdmissionClass::stranger;
}

const PeerId* Node::Impl::bonded_over(quic::LinkId link) const {
  const auto found = bonded_.find(link);
  return found == bonded_.end() ? nullptr : &found->second;
}

void Node::Impl::on_link(const Now& now, const quic::LinkOpened& event) {
  quic::LinkOpened opened = event;
  dialing_.on_opened(now, opened, class_of(opened.peer));
  for (auto& [id, group] : groups) group.mesh().on_met(now, opened.peer);
  if (opened.dialed_as) static_cast<void>(rekey(owners_, *opened.dialed_as, opened.link));
  if (opened.side == quic::Side::acceptor)
    owners_[opened.link] = {opened.alpn == Alpn::groups ? Owner::Room::reception : Owner::Room::discovery, {}};
  const Owner* const owner = owner_of(opened.link);
  if (owner == nullptr) return endpoint.close(now, opened.link, CloseCode::cancelled, quic::CloseMode::at_once);
  hand_to(
      now, *owner, opened, [&](const bonds::Step& step) { reception.on_opened(step, opened, class_of(opened.peer)); },
      [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_opened(step, opened); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkFrame& frame) {
  const Owner* const owner = owner_of(frame.link);
  if (owner == nullptr) return;
  if (const PeerId* const peer = bonded_over(frame.link))
    with_health([&](auto& facts) { health.on_frame(now, *peer, facts); });
  std::optional<bonds::Arrival> arrival;
  hand_to(
      now, *owner, frame,
      [&](const bonds::Step& step) { arrival = reception.on_frame(step, frame.link, frame.payload, joined_); },
      [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_frame(step, frame.link, frame.payload); });
  if (!arrival) return;
  owners_[frame.link] = {Owner::Room::group, arrival->group};
  with_mesh(now, arrival->group, [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_arrival(step, *arrival); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkEnded& ended) {
  const Owner* const owner = owner_of(ended.link);
  if (owner == nullptr) return;
  hand_to(
      now, *owner, ended, [&](const bonds::Step& step) { reception.on_ended(step, ended.link, ended.clean); },
      [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_ended(step, ended.link, ended.clean); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkOversized& oversized) {
  const Owner* const owner = owner_of(oversized.link);
  if (owner == nullptr) return;
  hand_to(
      now, *owner, oversized, [&](const bonds::Step& step) { reception.on_oversized(step, oversized.link); },
      [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_oversized(step, oversized.link); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkActive& active) {
  const PeerId* const peer = bonded_over(active.link);
  if (peer == nullptr) return hand_to_discovery(now, active);
  with_health([&](auto& facts) { health.on_packet(now, *peer, facts); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkGrowing& growing) {
  const PeerId* const peer = bonded_over(growing.link);
  const Owner* const owner = owner_of(growing.link);
  if (peer == nullptr || owner == nullptr || owner->room != Owner::Room::group) return;
  with_group(now, owner->group, [&](groups::Group& group, const bonds::Step& step) {
    group.on_growing(step, *peer, growing.link, growing.head);
  });
}

void Node::Impl::on_link(const Now& now, const quic::LinkUnreachable& unreachable) {
  const PeerId* const peer = bonded_over(unreachable.link);
  if (peer == nullptr) return hand_to_discovery(now, unreachable);
  with_health([&](auto& facts) { health.on_unreachable(now, *peer, unreachable.probe, facts); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkLossy& lossy) {
  const PeerId* const peer = bonded_over(lossy.link);
  if (peer == nullptr) return hand_to_discovery(now, lossy);
  with_health([&](auto& facts) { health.on_hint(now, *peer, facts); });
}

void Node::Impl::on_link(const Now& now, const quic::LinkClosed& event) {
  bonded_.erase(event.link);
  const std::optional<quic::LinkClosed> closed = dialing_.on_closed(now, event);
  for (const FoundPeer& found : dialing_.take_found()) follow_up(now, found);
  if (!closed) return;
  const auto owner = owners_.extract(closed->link);
  if (!owner) return;
  hand_to(
      now, owner.mapped(), *closed, [&](const bonds::Step&) { reception.on_closed(closed->link); },
      [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_closed(step, closed->link, closed->close); });
}

void Node::Impl::follow_up(const Now& now, const FoundPeer& found) {
  // The key that it has shown is not proven: whoever likes can name anybody's, as often as we dial.
  if (bonded_anywhere(found.peer) || !(vouched(found.peer) || discovery.find(found.peer, now))) return;
  if (!follow_ups_.take(now)) return;
  with_discovery([&](quic::Links& links, auto& facts) {
    discovery.sync_with(now, found.peer, {found.address}, links, facts, quic::DialSource::entry);
  });
}

void Node::Impl::drain_facts(const Now& now) {
  const auto on_each = [&](const auto& one) { on_fact(now, one); };
  while (!facts_.empty()) {
    const AnyFact fact = std::move(facts_.front());
    facts_.pop_front();
    std::visit(overloaded{[&](const GroupFact& told) {
                            const GroupId& group = told.first;
                            std::visit([&](const auto& one) { on_fact(now, group, one); }, told.second);
                          },
                          [&](const discovery::Fact& found) { std::visit(on_each, found); },
                          [&](const health::Fact& verdict) { std::visit(on_each, verdict); }},
               fact);
  }
}

}  // namespace mosaik::node
