// The one place where rooms meet: link events go to their owner, facts of one core become inputs of others.

#include <algorithm>

#include "base/limits.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

// ------------------------------------------------------------------------------------------------ link events

void Node::Impl::route(const Now& now, const quic::LinkEvent& event) {
  if (const auto* opened = std::get_if<quic::LinkOpened>(&event)) return route_opened(now, *opened);
  if (const auto* frame = std::get_if<quic::LinkFrame>(&event)) return route_frame(now, *frame);
  if (const auto* closed = std::get_if<quic::LinkClosed>(&event)) return route_closed(now, *closed);

  const quic::LinkId link = std::visit([](const auto& any) { return any.link; }, event);
  if (const auto bonded = bonded_.find(link); bonded != bonded_.end()) {
    const PeerId peer = bonded->second;
    if (std::holds_alternative<quic::LinkActive>(event))
      return with_health([&](auto& facts) { health.on_packet(now, peer, facts); });
    if (const auto* unreachable = std::get_if<quic::LinkUnreachable>(&event))
      return with_health([&](auto& facts) { health.on_unreachable(now, peer, unreachable->probe, facts); });
    if (std::holds_alternative<quic::LinkLossy>(event))
      return with_health([&](auto& facts) { health.on_hint(now, peer, facts); });
  }
  const auto owner = owners_.find(link);
  if (owner == owners_.end()) return;
  switch (owner->second.room) {
    case Owner::Room::discovery:
      return with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, event, links, facts); });
    case Owner::Room::reception:
      return with_reception(now, [&](const bonds::Step& step) {
        if (const auto* ended = std::get_if<quic::LinkEnded>(&event)) reception.on_ended(step, link, ended->clean);
        if (std::holds_alternative<quic::LinkOversized>(event)) reception.on_oversized(step, link);
      });
    case Owner::Room::group:
      return with_group(now, owner->second.group, [&](groups::Group& group, const bonds::Step& step) {
        if (const auto* ended = std::get_if<quic::LinkEnded>(&event)) group.mesh().on_ended(step, link, ended->clean);
        if (std::holds_alternative<quic::LinkOversized>(event)) group.mesh().on_oversized(step, link);
      });
  }
}

void Node::Impl::route_opened(const Now& now, const quic::LinkOpened& opened) {
  const bool incoming = opened.side == quic::Side::acceptor;
  if (incoming)
    owners_[opened.link] = {opened.alpn == Alpn::groups ? Owner::Room::reception : Owner::Room::discovery, {}};
  const auto owner = owners_.find(opened.link);
  if (owner == owners_.end()) return endpoint.close(now, opened.link, CloseCode::cancelled, quic::CloseMode::at_once);
  switch (owner->second.room) {
    case Owner::Room::discovery:
      return with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, opened, links, facts); });
    case Owner::Room::reception:
      return with_reception(now, [&](const bonds::Step& step) { reception.on_opened(step, opened); });
    case Owner::Room::group:
      return with_group(now, owner->second.group,
                        [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_opened(step, opened); });
  }
}

void Node::Impl::route_frame(const Now& now, const quic::LinkFrame& frame) {
  const auto owner = owners_.find(frame.link);
  if (owner == owners_.end()) return;
  switch (owner->second.room) {
    case Owner::Room::discovery:
      return with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, frame, links, facts); });
    case Owner::Room::group:
      if (const auto bonded = bonded_.find(frame.link); bonded != bonded_.end())
        with_health([&](auto& facts) { health.on_frame(now, bonded->second, facts); });
      return with_group(now, owner->second.group, [&](groups::Group& group, const bonds::Step& step) {
        group.mesh().on_frame(step, frame.link, frame.payload);
      });
    case Owner::Room::reception: break;
  }
  std::optional<bonds::Arrival> arrival;
  with_reception(
      now, [&](const bonds::Step& step) { arrival = reception.on_frame(step, frame.link, frame.payload, joined_); });
  if (!arrival) return;
  owners_[frame.link] = {Owner::Room::group, arrival->group};
  with_group(now, arrival->group,
             [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_arrival(step, *arrival); });
}

void Node::Impl::route_closed(const Now& now, const quic::LinkClosed& closed) {
  bonded_.erase(closed.link);
  const auto found = owners_.find(closed.link);
  if (found == owners_.end()) return;
  const Owner owner = found->second;
  owners_.erase(found);
  switch (owner.room) {
    case Owner::Room::discovery:
      return with_discovery([&](quic::Links& links, auto& facts) { discovery.on_link(now, closed, links, facts); });
    case Owner::Room::reception: return reception.on_closed(closed.link);
    case Owner::Room::group:
      return with_group(now, owner.group, [&](groups::Group& group, const bonds::Step& step) {
        group.mesh().on_closed(step, closed.link, closed.close);
      });
  }
}

// ------------------------------------------------------------------------------------------------ facts

void Node::Impl::drain_facts(const Now& now) {
  while (!facts_.empty()) {
    const AnyFact fact = std::move(facts_.front());
    facts_.pop_front();
    if (const auto* bond = std::get_if<GroupFact>(&fact)) on_bond_fact(now, bond->first, bond->second);
    if (const auto* found = std::get_if<discovery::Fact>(&fact)) on_discovery_fact(now, *found);
    if (const auto* verdict = std::get_if<health::Fact>(&fact)) on_health_fact(now, *verdict);
  }
}

bool Node::Impl::bonded_anywhere(const PeerId& peer) const {
  return std::ranges::any_of(groups, [&](const auto& item) { return item.second.mesh().has_bond(peer); });
}

void Node::Impl::on_bond_up(const Now& now, const GroupId& id, const bonds::BondUp& up) {
  bonded_[up.link] = up.peer;
  with_health([&](auto& facts) {
    health.on_frame(now, up.peer, facts);  // a peer that another group suspects is refuted by this
    health.watch(now, up.peer, up.cpp ? health::PeerKind::cpp : health::PeerKind::rust);
  });
  discovery.set_bonded(now, up.peer, true);
  if (dial_list_.add(up.entry)) memory_changed_ = true;
  if (up.capabilities.can(bonds::Capability::canary))
    with_canaries(now, [&](auto& effects) { canaries.on_bond_up(now, up.peer, up.link, endpoint, effects); });
  const auto group = groups.find(id);
  if (group == groups.end()) return;
  group->second.on_bond_up(now, up);
  Event& event = report(now, EventKind::bond_up);
  event.group = id;
  event.peer = up.peer;
  event.session = up.session;
  event.bond = group->second.mesh().name_of(self.id(), up.peer);
}

void Node::Impl::on_bond_down(const Now& now, const GroupId& id, const bonds::BondDown& down) {
  bonded_.erase(down.link);
  with_canaries(now, [&](auto& effects) { canaries.on_bond_down(now, down.peer, down.link, endpoint, effects); });
  if (!bonded_anywhere(down.peer)) {
    health.forget(down.peer);
    opinions.forget(down.peer);
    discovery.set_bonded(now, down.peer, false);
  }
  const auto group = groups.find(id);
  if (group == groups.end()) return;
  group->second.on_bond_down(now, down);
  Event& event = report(now, EventKind::bond_down);
  event.group = id;
  event.peer = down.peer;
  event.session = down.session;
  event.bond = group->second.mesh().name_of(self.id(), down.peer);
  event.by = bonds::to_string(down.by);
  event.code = down.code;
  event.reason = down.reason;
}

void Node::Impl::on_mesh_left(const Now& now, const GroupId& id) {
  groups.erase(id);
  pace_health();
  std::erase_if(owners_,
                [&](const auto& item) { return item.second.room == Owner::Room::group && item.second.group == id; });
  report(now, EventKind::left).group = id;
  outputs_.emplace_back(GroupLeft{id});
  touch();
}

void Node::Impl::on_bond_fact(const Now& now, const GroupId& id, const bonds::Fact& fact) {
  if (const auto* up = std::get_if<bonds::BondUp>(&fact)) return on_bond_up(now, id, *up);
  if (const auto* down = std::get_if<bonds::BondDown>(&fact)) return on_bond_down(now, id, *down);
  if (std::holds_alternative<bonds::MeshChanged>(fact)) return touch();
  if (std::holds_alternative<bonds::MeshLeft>(fact)) return on_mesh_left(now, id);
  if (const auto* heard = std::get_if<bonds::EntryHeard>(&fact)) {
    return with_discovery(
        [&](quic::Links&, auto& facts) { discovery.feed(now, heard->entry, discovery::Source::bond, facts); });
  }
  if (const auto* wanted = std::get_if<bonds::SyncWanted>(&fact)) {
    return with_discovery([&](quic::Links& links, auto& facts) {
      discovery.sync_with(now, wanted->peer, wanted->addresses, links, facts);
    });
  }
  if (const auto* raft = std::get_if<bonds::RaftHeard>(&fact))
    return with_group(now, id, [&](groups::Group& group, const bonds::Step& step) { group.on_raft(step, *raft); });
  if (const auto* asked = std::get_if<bonds::Asked>(&fact)) return on_asked(now, *asked);
  if (const auto* heard = std::get_if<bonds::ExtensionHeard>(&fact)) return on_extension(now, *heard);
  if (const auto* probe = std::get_if<bonds::ProbeWanted>(&fact))
    return with_health([&](auto& facts) { health.on_hint(now, probe->peer, facts); });
  if (const auto* departure = std::get_if<bonds::DepartureHeard>(&fact)) {
    // It left this group; when its entry names no group any more and nothing else binds us, it is gone altogether.
    if (dial_list_.remove(departure->peer)) memory_changed_ = true;
    const identity::EntryRef entry = discovery.find(departure->peer, now);
    if (entry && entry->entry.groups.empty() && !bonded_anywhere(departure->peer))
      with_discovery([&](quic::Links&, auto& facts) { discovery.on_departure(now, departure->peer, facts); });
    return;
  }
  if (const auto* refused = std::get_if<bonds::Refused>(&fact)) {
    Event& event = report(now, EventKind::refused);
    event.group = id;
    event.peer = refused->peer;
    event.by = refused->by_us ? "us" : "peer";
    event.code = refused->code;
    event.reason = reason_of(static_cast<CloseCode>(refused->code));
    const auto code = static_cast<CloseCode>(refused->code);
    if (refused->by_us && code == CloseCode::group_not_found)
      troubles_["group"] = "peer " + refused->peer.brief() +
                           " asked for a group that this node has not joined (30404): another group secret, other "
                           "heartbeat settings or another machine";
    if (refused->by_us && code == CloseCode::different_network)
      troubles_["network"] =
          "peer " + refused->peer.brief() + " of another network dialed this node (101): compare --network";
    if (refused->by_us && code == CloseCode::invalid_proof)
      troubles_["proof"] = "peer " + refused->peer.brief() + " could not prove the group secret (30405)";
    touch();
  }
}

void Node::Impl::on_entry(const Now& now, const identity::EntryRef& entry) {
  with_groups(now, [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_entry(step, entry); });
}

void Node::Impl::on_discovery_fact(const Now& now, const discovery::Fact& fact) {
  if (const auto* found = std::get_if<discovery::Discovered>(&fact)) {
    report(now, EventKind::peer_discovered).peer = found->entry->id();
    touch();
    return on_entry(now, found->entry);
  }
  if (const auto* updated = std::get_if<discovery::Updated>(&fact)) {
    report(now, EventKind::peer_updated).peer = updated->entry->id();
    return on_entry(now, updated->entry);
  }
  if (const auto* departed = std::get_if<discovery::Departed>(&fact)) {
    Event& event = report(now, EventKind::peer_departed);
    event.peer = departed->last->id();
    event.reason = departed->signed_off ? "departed" : "stale";
    touch();
    return with_groups(now, [&](groups::Group& group, const bonds::Step& step) {
      group.mesh().on_entry_gone(step, departed->last->id(), departed->signed_off);
    });
  }
  if (std::holds_alternative<discovery::SelfRefreshed>(fact)) {
    verifier.remember(self.entry());
    return with_groups(now,
                       [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_self_refreshed(step); });
  }
  if (const auto* resolve = std::get_if<discovery::Resolve>(&fact)) {
    outputs_.emplace_back(ResolveName{resolve->bootstrap, resolve->host, resolve->port});
    return;
  }
  if (const auto* synced = std::get_if<discovery::SyncEnded>(&fact)) {
    if (const auto waiting = syncs_.extract(synced->peer))
      for (const RequestId request : waiting.mapped()) outputs_.emplace_back(SyncDone{request, synced->result});
    return with_groups(now, [&](groups::Group& group, const bonds::Step& step) {
      group.mesh().on_synced(step, synced->peer, synced->result.has_value());
    });
  }
  if (const auto* pinged = std::get_if<discovery::PingEnded>(&fact)) {
    const Result<Nanoseconds> rtt =
        pinged->result ? Result<Nanoseconds>(pinged->rtt) : std::unexpected(pinged->result.error());
    if (const auto waiting = pings_.extract(pinged->peer))
      for (const RequestId request : waiting.mapped()) outputs_.emplace_back(PingDone{request, rtt});
    return;
  }
  if (const auto* note = std::get_if<discovery::Notice>(&fact)) {
    using Kind = discovery::Notice::Kind;
    if (note->kind == Kind::bootstrap_silent) silent_bootstraps_[note->peer] = note->text;
    if (note->kind == Kind::bootstrap_answered) silent_bootstraps_.erase(note->peer);
    if (note->kind == Kind::from_the_future || note->kind == Kind::stale_on_arrival) troubles_["clock"] = note->text;
    if (note->kind == Kind::same_identity) troubles_["identity"] = note->text;
    if (note->kind == Kind::old_entry_layout) troubles_["layout"] = note->text;
    if (note->kind == Kind::other_network) troubles_["network"] = note->text;
    notice(now, note->text, note->peer);
  }
}

void Node::Impl::on_extension(const Now& now, const bonds::ExtensionHeard& heard) {
  if (heard.tag == codec::ExtensionTag::canary_offer)
    with_canaries(now,
                  [&](auto& effects) { canaries.on_offer(heard.peer, heard.link, heard.value, endpoint, effects); });
  if (heard.tag != codec::ExtensionTag::opinion) return;
  const auto silent_for = [&](const PeerId& peer) {
    return bonded_anywhere(peer) ? std::optional(health.silent_for(now, peer)) : std::nullopt;
  };
  with_opinions(now, [&](auto& effects) { opinions.on_word(now, heard.peer, heard.value, silent_for, effects); });
}

void Node::Impl::on_opinion(const Now& now, const OpinionEffect& effect) {
  if (const auto* words = std::get_if<TellOpinion>(&effect))
    return tell(now, words->to, {codec::ExtensionTag::opinion, words->value});
  if (const auto* listen = std::get_if<ListenFor>(&effect)) return health.report_life(listen->peer);
  if (const auto* vouched = std::get_if<Vouched>(&effect)) return health.on_vouched(vouched->peer);
  if (const auto* doubted = std::get_if<Doubted>(&effect))
    return with_health([&](auto& facts) { health.on_doubt(now, doubted->peer, facts); });
  if (const auto* told = std::get_if<DeathTold>(&effect))
    return with_health([&](auto& facts) { health.on_told(now, told->peer, facts); });
}

std::vector<PeerId> Node::Impl::witnesses() const {
  std::set<PeerId> out;
  for (const auto& [id, group] : groups)
    for (const PeerId& peer : group.mesh().witnesses()) out.insert(peer);
  return {out.begin(), out.end()};
}

void Node::Impl::on_asked(const Now& now, const bonds::Asked& asked) {
  const auto stats = endpoint.stats(asked.link);
  if (stats) health.on_asked(now, asked.peer, stats->smoothed_rtt);
}

void Node::Impl::tell(const Now& now, const PeerId& peer, const codec::Extension& extension,
                      std::optional<quic::LinkId> over) {
  bool told = false;
  with_groups(now, [&](groups::Group& group, const bonds::Step& step) {
    if (over && !group.mesh().owns(*over)) return;
    told = told || group.mesh().tell(step, peer, extension);
  });
}

void Node::Impl::probe(const Now& now, const PeerId& peer) {
  std::size_t unanswered = 0;
  for (const auto& [link, id] : bonded_) {
    if (id != peer) continue;
    if (const auto stats = endpoint.stats(link)) unanswered = std::max(unanswered, stats->unanswered);
    endpoint.probe(link);
  }
  health.on_unanswered(peer, unanswered);
  // Of a Rust peer only a frame is life. One bond's Ping is enough: the verdict is about the peer.
  if (health.kind_of(peer) != health::PeerKind::rust) return;
  for (auto& [id, group] : groups) {
    if (!group.mesh().has_bond(peer)) continue;
    return with_group(now, id, [&](groups::Group& one, const bonds::Step& step) { one.mesh().probe(step, peer); });
  }
}

void Node::Impl::on_health_fact(const Now& now, const health::Fact& fact) {
  if (const auto* wanted = std::get_if<health::Probe>(&fact)) return probe(now, wanted->peer);
  const auto mark = [&](const PeerId& peer, bool suspect) {
    with_groups(now,
                [&](groups::Group& group, const bonds::Step& step) { group.mesh().set_suspect(step, peer, suspect); });
  };
  if (const auto* suspected = std::get_if<health::Suspected>(&fact)) {
    Event& event = report(now, EventKind::suspect);
    event.peer = suspected->peer;
    event.reason = to_string(suspected->why);
    if (suspected->why == health::Why::silence)
      with_opinions(now, [&](auto& effects) { opinions.on_suspected(suspected->peer, witnesses(), effects); });
    return mark(suspected->peer, true);
  }
  if (const auto* refuted = std::get_if<health::Refuted>(&fact)) {
    report(now, EventKind::refuted).peer = refuted->peer;
    return mark(refuted->peer, false);
  }
  if (const auto* wanted = std::get_if<health::ProofWanted>(&fact))
    return with_opinions(now, [&](auto& effects) { opinions.on_proof_wanted(wanted->peer, witnesses(), effects); });
  const auto end = [&](const PeerId& peer, bonds::EndedBy by, std::string_view why) {
    with_groups(now, [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_dead(step, peer, by, why); });
  };
  if (const auto* dead = std::get_if<health::PresumedDead>(&fact))
    end(dead->peer, bonds::EndedBy::presumed, to_string(dead->why));
  if (const auto* heard = std::get_if<health::Heard>(&fact))
    return with_opinions(now, [&](auto& effects) { opinions.on_life(heard->peer, effects); });
  if (const auto* link = std::get_if<health::LinkDown>(&fact))
    end(link->peer, bonds::EndedBy::link, "silent for us, and another member hears it: the link is down");
  if (const auto* dead = std::get_if<health::ProvenDead>(&fact)) {
    with_opinions(now, [&](auto& effects) { opinions.on_proven(now, dead->peer, witnesses(), effects); });
    end(dead->peer, bonds::EndedBy::proven, "its process is gone");
  }
}

}  // namespace mosaik::node
