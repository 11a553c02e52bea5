// What bonds tell, and to whom it goes (router.cpp).

#include <algorithm>

#include "node/impl.hpp"

namespace mosaik::node {

bool Node::Impl::bonded_anywhere(const PeerId& peer) const {
  return std::ranges::any_of(groups, [&](const auto& item) { return item.second.mesh().has_bond(peer); });
}

void Node::Impl::on_fact(const Now& now, const GroupId& id, const bonds::BondUp& up) {
  bonded_[up.link] = up.peer;
  with_health([&](auto& facts) {
    health.on_frame(now, up.peer, facts);  // a peer that another group suspects is refuted by this
    health.watch(now, up.peer, up.cpp ? health::PeerKind::cpp : health::PeerKind::rust);
  });
  discovery.set_bonded(now, up.peer, true);
  if (dial_list_.add(up.entry, now)) memory_changed_ = true;
  if (const auto at = dialing_.met_at(up.peer); at && dial_list_.note_met(up.peer, *at)) memory_changed_ = true;
  if (up.capabilities.can(bonds::Capability::canary))
    with_canaries(now, [&](auto& effects) { canaries.on_bond_up(now, up.peer, up.link, endpoint, effects); });
  const auto group = groups.find(id);
  if (group == groups.end()) return;
  group->second.on_bond_up(now, up);
  report_bond(now, EventKind::bond_up, group->second.mesh(), up.peer, up.session);
}

void Node::Impl::on_fact(const Now& now, const GroupId& id, const bonds::BondDown& down) {
  bonded_.erase(down.link);
  dial_list_.note_end(down.peer, now);
  with_canaries(now, [&](auto& effects) { canaries.on_bond_down(now, down.peer, down.link, endpoint, effects); });
  if (!bonded_anywhere(down.peer)) {
    health.forget(down.peer);
    opinions.forget(down.peer);
    discovery.set_bonded(now, down.peer, false);
  }
  const auto group = groups.find(id);
  if (group == groups.end()) return;
  group->second.on_bond_down(now, down);
  Event& event = report_bond(now, EventKind::bond_down, group->second.mesh(), down.peer, down.session);
  event.by = bonds::to_string(down.by);
  event.code = down.code;
  event.reason = down.reason;
}

Event& Node::Impl::report_bond(const Now& now, EventKind kind, const bonds::Mesh& mesh, const PeerId& peer,
                               const SessionId& session) {
  Event& event = report(now, kind);
  event.group = mesh.id();
  event.peer = peer;
  event.session = session;
  event.bond = mesh.name_of(self.id(), peer);
  return event;
}

// Anybody can have himself refused, as often as he likes: he may not fill logs, nor push other events out of them.
void Node::Impl::report_refused(const Now& now, const GroupId& id, const bonds::Refused& refused) {
  if (refused.by_us && !refusals_.take(now)) return;
  Event& event = report(now, EventKind::refused);
  event.group = id;
  event.peer = refused.peer;
  event.by = refused.by_us ? "us" : "peer";
  event.code = refused.code;
  event.reason = reason_of(static_cast<CloseCode>(refused.code));
  touch();
}

void Node::Impl::on_fact(const Now& now, const GroupId& id, const bonds::Refused& refused) {
  report_refused(now, id, refused);
  if (!refused.by_us) return;
  const auto code = static_cast<CloseCode>(refused.code);
  const std::string peer = "peer " + refused.peer.brief();
  if (code == CloseCode::group_not_found)
    troubles_.meet(now, Trouble::group,
                   peer +
                       " asked for a group that this node has not joined (30404): another group secret, other "
                       "heartbeat settings or another machine");
  if (code == CloseCode::different_network)
    troubles_.meet(now, Trouble::network, peer + " of another network dialed this node (101): compare --network");
  if (code == CloseCode::invalid_proof)
    troubles_.meet(now, Trouble::proof, peer + " could not prove the group secret (30405)");
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::SyncWanted& wanted) {
  with_discovery([&](quic::Links& links, auto& facts) {
    discovery.sync_with(now, wanted.peer, wanted.addresses, links, facts, quic::DialSource::entry);
  });
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::EntryHeard& heard) {
  with_discovery([&](quic::Links&, auto& facts) { discovery.feed(now, heard.entry, discovery::Source::bond, facts); });
}

// It left this group; when its entry names no group any more and nothing else binds us, it is gone altogether.
void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::DepartureHeard& heard) {
  if (dial_list_.remove(heard.peer)) memory_changed_ = true;
  const identity::EntryRef entry = discovery.find(heard.peer, now);
  if (entry && entry->entry.groups.empty() && !bonded_anywhere(heard.peer))
    with_discovery([&](quic::Links&, auto& facts) { discovery.on_departure(now, heard.peer, facts); });
}

void Node::Impl::on_fact(const Now& now, const GroupId& id, const bonds::RaftHeard& heard) {
  with_group(now, id, [&](groups::Group& group, const bonds::Step& step) { group.on_raft(step, heard); });
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::ExtensionHeard& heard) {
  if (heard.tag == codec::ExtensionTag::canary_offer)
    with_canaries(now,
                  [&](auto& effects) { canaries.on_offer(heard.peer, heard.link, heard.value, endpoint, effects); });
  if (heard.tag != codec::ExtensionTag::opinion) return;
  const auto silent_for = [&](const PeerId& peer) {
    return bonded_anywhere(peer) ? std::optional(health.silent_for(now, peer)) : std::nullopt;
  };
  with_opinions(now, [&](auto& effects) { opinions.on_word(now, heard.peer, heard.value, silent_for, effects); });
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::Asked& asked) {
  if (const auto stats = endpoint.stats(asked.link)) health.on_asked(now, asked.peer, stats->smoothed_rtt);
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::ProbeWanted& wanted) {
  with_health([&](auto& facts) { health.on_hint(now, wanted.peer, facts); });
}

void Node::Impl::on_fact(const Now& now, const GroupId&, const bonds::ForgottenMember& forgotten) {
  const auto knows = [&](const auto& item) { return item.second.mesh().was_bonded(forgotten.peer); };
  if (std::ranges::none_of(groups, knows) && dial_list_.remove(forgotten.peer)) memory_changed_ = true;
  if (!refusals_.take(now)) return;
  notice(now, "member " + forgotten.peer.brief() + " is forgotten, as an operator has asked", forgotten.peer);
}

void Node::Impl::on_fact(const Now&, const GroupId&, const bonds::MeshChanged&) {
  touch();
}

void Node::Impl::on_fact(const Now& now, const GroupId& id, const bonds::MeshLeft&) {
  groups.erase(id);
  pace_health();
  std::erase_if(owners_,
                [&](const auto& item) { return item.second.room == Owner::Room::group && item.second.group == id; });
  report(now, EventKind::left).group = id;
  outputs_.emplace_back(GroupLeft{id});
  touch();
}

}  // namespace mosaik::node
