// What bonds tell, and to whom it goes (router.cpp).

#include <algorithm>

#include "node/impl.hpp"

namespace mosaik::node {

bool Node::bonded_anywhere(const PeerId& peer) const {
  return std::ranges::any_of(groups_, [&](const auto& item) { return item.second.mesh().has_bond(peer); });
}

void Node::on_event(const Now& now, const GroupId& id, const bonds::BondUp& up) {
  bonded_[up.link] = up.peer;
  with_detector([&](auto& events) {
    detector_.on_frame(now, up.peer, events);  // a peer that another group suspects is refuted by this
    detector_.watch(now, up.peer, up.cpp ? detector::PeerKind::cpp : detector::PeerKind::rust);
  });
  discovery_.on_bond(now, up.peer, discovery::BondState::up);
  if (peer_cache_.add(up.entry, now)) memory_changed_ = true;
  if (const auto at = dialing_.met_at(up.peer); at && peer_cache_.note_met(up.peer, *at)) memory_changed_ = true;
  if (up.capabilities.can(bonds::Capability::sentinel))
    with_sentinels(now, [&](auto& actions) { sentinels_.on_bond_up(now, up.peer, up.link, endpoint_, actions); });
  const auto group = groups_.find(id);
  if (group == groups_.end()) return;
  group->second.on_bond_up(now, up);
  report_bond(now, EventKind::bond_up, group->second.mesh(), up.peer, up.session);
}

void Node::on_event(const Now& now, const GroupId& id, const bonds::BondDown& down) {
  bonded_.erase(down.link);
  peer_cache_.note_end(down.peer, now);
  with_sentinels(now, [&](auto& actions) { sentinels_.on_bond_down(now, down.peer, down.link, endpoint_, actions); });
  if (!bonded_anywhere(down.peer)) {
    detector_.forget(down.peer);
    opinions_.forget(down.peer);
    discovery_.on_bond(now, down.peer, discovery::BondState::down);
  }
  const auto group = groups_.find(id);
  if (group == groups_.end()) return;
  group->second.on_bond_down(now, down);
  Event& event = report_bond(now, EventKind::bond_down, group->second.mesh(), down.peer, down.session);
  event.by = bonds::to_string(down.by);
  event.code = down.code;
  event.reason = down.reason;
}

Event& Node::report_bond(const Now& now, EventKind kind, const bonds::Mesh& mesh, const PeerId& peer,
                         const SessionId& session) {
  Event& event = report(now, kind);
  event.group = mesh.id();
  event.peer = peer;
  event.session = session;
  event.bond = mesh.name_of(self_.id(), peer);
  return event;
}

// Anybody can have himself refused, as often as he likes: he may not fill logs, nor push other events out of them.
void Node::report_refused(const Now& now, const GroupId& id, const bonds::Refused& refused) {
  if (refused.by_us && !refusals_.take_whole(now.mono)) return;
  Event& event = report(now, EventKind::refused);
  event.group = id;
  event.peer = refused.peer;
  event.by = refused.by_us ? "us" : "peer";
  event.code = refused.code;
  event.reason = reason_of(static_cast<CloseCode>(refused.code));
  touch();
}

void Node::on_event(const Now& now, const GroupId& id, const bonds::Refused& refused) {
  report_refused(now, id, refused);
  if (!refused.by_us) return;
  const auto code = static_cast<CloseCode>(refused.code);
  const std::string peer = "peer " + refused.peer.brief();
  if (code == CloseCode::group_not_found)
    diagnostics_.meet(now, Trouble::group,
                      peer +
                          " asked for a group that this node has not joined (30404): another group secret, other "
                          "heartbeat settings or another machine");
  if (code == CloseCode::different_network)
    diagnostics_.meet(now, Trouble::network, peer + " of another network dialed this node (101): compare --network");
  if (code == CloseCode::invalid_proof)
    diagnostics_.meet(now, Trouble::proof, peer + " could not prove the group secret (30405)");
}

void Node::on_event(const Now& now, const GroupId&, const bonds::SyncWanted& wanted) {
  with_discovery([&](Links& links, auto& events) {
    discovery_.sync_with(now, wanted.peer, wanted.addresses, links, events, DialSource::entry);
  });
}

void Node::on_event(const Now& now, const GroupId&, const bonds::EntryHeard& heard) {
  with_discovery([&](Links&, auto& events) { discovery_.feed(now, heard.entry, events); });
}

// It left this group; when its entry names no group any more and nothing else binds us, it is gone altogether.
void Node::on_event(const Now& now, const GroupId&, const bonds::DepartureHeard& heard) {
  if (peer_cache_.remove(heard.peer)) memory_changed_ = true;
  const identity::EntryRef entry = discovery_.find(heard.peer, now);
  if (entry && entry->entry.groups.empty() && !bonded_anywhere(heard.peer))
    with_discovery([&](Links&, auto& events) { discovery_.on_departure(now, heard.peer, events); });
}

void Node::on_event(const Now& now, const GroupId& id, const bonds::RaftHeard& heard) {
  with_group(now, id, [&](groups::Group& group, const bonds::MeshContext& step) { group.on_raft(step, heard); });
}

void Node::on_event(const Now& now, const GroupId&, const bonds::ExtensionHeard& heard) {
  if (heard.tag == wire::ExtensionTag::sentinel_offer)
    with_sentinels(
        now, [&](auto& actions) { sentinels_.on_offer(heard.peer, heard.link, heard.value, endpoint_, actions); });
  if (heard.tag != wire::ExtensionTag::opinion) return;
  const auto silent_for = [&](const PeerId& peer) {
    return bonded_anywhere(peer) ? std::optional(detector_.silent_for(now, peer)) : std::nullopt;
  };
  with_indirect_probes(now,
                       [&](auto& actions) { opinions_.on_word(now, heard.peer, heard.value, silent_for, actions); });
}

void Node::on_event(const Now& now, const GroupId&, const bonds::Asked& asked) {
  if (const auto stats = endpoint_.stats(asked.link)) detector_.on_asked(now, asked.peer, stats->smoothed_rtt);
}

void Node::on_event(const Now& now, const GroupId&, const bonds::ProbeWanted& wanted) {
  with_detector([&](auto& events) { detector_.on_hint(now, wanted.peer, events); });
}

void Node::on_event(const Now& now, const GroupId&, const bonds::ForgottenMember& forgotten) {
  const auto knows = [&](const auto& item) { return item.second.mesh().was_bonded(forgotten.peer); };
  if (std::ranges::none_of(groups_, knows) && peer_cache_.remove(forgotten.peer)) memory_changed_ = true;
  if (!refusals_.take_whole(now.mono)) return;
  notice(now, "member " + forgotten.peer.brief() + " is forgotten, as an operator has asked", forgotten.peer);
}

void Node::on_event(const Now&, const GroupId&, const bonds::MeshChanged&) {
  touch();
}

void Node::on_event(const Now& now, const GroupId& id, const bonds::MeshLeft&) {
  give_actions(id);
  protocols_.detach(group_links_.at(id));
  group_links_.erase(id);
  groups_.erase(id);
  pace_health();
  report(now, EventKind::left).group = id;
  actions_.emplace_back(GroupLeft{id});
  touch();
}

}  // namespace mosaik::node
