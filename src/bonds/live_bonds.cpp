#include "bonds/live_bonds.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/assert.hpp"
#include "base/code_probe.hpp"
#include "base/limits.hpp"

namespace mosaik::bonds {

namespace {
EndedBy ended_by(const CloseInfo& close) {
  switch (close.by) {
    case ClosedBy::us: return EndedBy::us;
    case ClosedBy::peer: return EndedBy::peer;
    case ClosedBy::stateless_reset: return EndedBy::reset;
    case ClosedBy::idle: return EndedBy::idle;
    case ClosedBy::handshake:
    case ClosedBy::transport: return EndedBy::transport;
    case ClosedBy::moved: return EndedBy::link;
  }
  return EndedBy::transport;
}

/// What the end of its link says of a peer.
Ending ending_of(const CloseInfo& close) {
  Ending out{.by = ended_by(close), .code = close.code, .reason = close.reason};
  const bool by_peer = close.by == ClosedBy::peer;
  if (by_peer && close.is(CloseCode::cancelled)) out.desired = DesiredState::departed;
  if (by_peer && close.is(CloseCode::group_not_found)) out.desired = DesiredState::stranger;
  if (close.by == ClosedBy::moved) {
    out.loss = LossReason::link;
    out.moved_to = close.moved_to;
  }
  return out;
}
}  // namespace

LiveBonds::LiveBonds(MeshEnvironment& environment, Members& members, Topology& topology, Dialer& dialer,
                     Introductions& introductions, Forgetting& forgetting, Rng rng)
    : environment_(environment),
      members_(members),
      topology_(topology),
      dialer_(dialer),
      introductions_(introductions),
      forgetting_(forgetting),
      sender_(environment, topology),
      pulse_(rng) {}

// ------------------------------------------------------------------------------------------------ begin and end

void LiveBonds::establish(const MeshContext& context, Member& member, const Proven& proven) {
  const Now& now = context.now;
  context.links.set_frame_limit(proven.link, limits::group_frame);
  const Capabilities both = proven.capabilities & environment_.config.capabilities;
  const bool healed = member.life.was_bonded() && member.history.loss != LossReason::proven &&
                      member.lost_for(now.mono) > limits::heal_after;
  member.life.form_bond(LiveBond{
      .link = proven.link,
      .session = proven.session,
      .entry = member.entry,
      .heartbeat = Heartbeat(environment_.config.heartbeat, now),
      .pings = TokenBucket(limits::pings_burst, limits::pings_rate, now.mono),
      .entries = TokenBucket(limits::entry_updates_burst, limits::entry_updates_rate, now.mono),
      .extensions = TokenBucket(limits::extensions_burst, limits::extensions_rate, now.mono),
      .since = now.mono,
      .side = proven.side,
      .cpp = proven.cpp,
      .capabilities = both,
  });
  members_.assign(proven.link, member.id, LinkRole::bond);
  member.history.loss = LossReason::none;
  member.history.session.reset();
  member.history.moved_to.reset();
  member.plan = DialPlan{.at = member.plan.at, .no_target = member.plan.no_target};
  member.forget_at = never;
  if (healed) dialer_.hasten(now);
  if (topology_.own().peers.empty()) company_.on_first_bond(now);
  topology_.add_own(now, member.id);
  sender_.on_row_changed(now);
  LiveBond& bond = *member.life.bond();
  context.events.emplace_back(
      BondUp{member.id, proven.link, proven.session, proven.cpp, both, bond.entry, proven.engine});
  context.events.emplace_back(MeshChanged{});

  static_cast<void>(bond.heartbeat.on_time(now, pulse_));  // the first tick is due at once
  sender_.ping(context, bond);
  const Frame formed = sender_.bond_formed(bond.entry);
  members_.for_each_bond([&](const PeerId& id, const LiveBond& other) {
    if (id != member.id) BondSender::tell(context, other, formed);
  });
}

void LiveBonds::close(const MeshContext& context, Member& member, CloseCode code, const Ending& ending) {
  context.links.close(context.now, member.life.bond()->link, code, CloseMode::at_once);
  end(context, member, ending);
}

void LiveBonds::close_by_us(const MeshContext& context, Member& member, CloseCode code, std::string_view reason) {
  close(context, member, code, {.by = EndedBy::us, .code = static_cast<std::uint64_t>(code), .reason = reason});
}

void LiveBonds::on_closed(const MeshContext& context, Member& member, const CloseInfo& close) {
  if (close.by == ClosedBy::moved) MOSAIK_CODE_PROBE("bonds.peer_moved");
  end(context, member, ending_of(close));
}

void LiveBonds::end(const MeshContext& context, Member& member, const Ending& ending) {
  const Now& now = context.now;
  const LiveBond bond = member.life.end_bond();
  members_.release(bond.link);
  const PeerId& peer = member.id;
  context.events.emplace_back(
      BondDown{peer, bond.link, bond.session, ending.by, ending.code, std::string(ending.reason)});
  context.events.emplace_back(MeshChanged{});
  member.plan.why = std::string(ending.reason);
  BondHistory& history = member.history;
  history.loss = ending.loss;
  history.lost_at = now.mono;
  history.bonded_for += now.mono - bond.since;
  history.session = bond.session;
  history.moved_to = ending.moved_to;
  introductions_.forget(peer);
  topology_.forget(peer);
  const bool was_own = topology_.remove_own(now, peer);
  MOSAIK_ASSERT(was_own);
  sender_.on_row_changed(now);
  if (ending.desired != DesiredState::wanted) {
    member.life.desire(ending.desired);
    member.forget_at = now.mono + limits::stale_after;
    return;
  }
  dialer_.after_loss(now, member);
  if (history.moved_to) member.plan.at = now.mono;  // it lives
}

// ------------------------------------------------------------------------------------------------ frames

void LiveBonds::on_frame(const MeshContext& context, Member& member, BytesView payload) {
  const auto message = wire::decode_bond_message(payload);
  if (!message) return close_by_us(context, member, CloseCode::protocol_violation, message.error().message);
  member.life.bond()->heartbeat.reset(context.now, pulse_);
  std::visit([&](const auto& any) { on_message(context, member, any); }, *message);
}

void LiveBonds::on_growing(const MeshContext& context, Member& member) {
  member.life.bond()->heartbeat.part_came(context.now);
}

void LiveBonds::on_message(const MeshContext& context, Member& member, const wire::Raft& raft) {
  try {
    context.events.emplace_back(RaftHeard{member.id, Blob::copy(raft.message)});
  } catch (const std::bad_alloc&) {
    close_by_us(context, member, CloseCode::timeout, "there is no memory for what it sent");
  }
}

// The sign of life was all that it had to say.
void LiveBonds::on_message(const MeshContext&, Member&, const wire::Pong&) {}

void LiveBonds::on_message(const MeshContext& context, Member& member, const wire::Ping& ping) {
  LiveBond& bond = *member.life.bond();
  if (!bond.pings.take_whole(context.now.mono)) return;
  sender_.pong(context, bond);
  if (bond.cpp && !ping.tail.empty()) on_extensions(context, member, bond, ping.tail);
}

void LiveBonds::on_extensions(const MeshContext& context, const Member& member, LiveBond& bond, BytesView tail) {
  const auto extensions = wire::decode_extensions(tail);
  if (!extensions) return;
  bool row_seen = false;
  for (const wire::Extension& extension : *extensions) {
    if (extension.tag == wire::ExtensionTag::topology_row) {
      if (!bond.capabilities.can(Capability::topology_rows) || std::exchange(row_seen, true)) continue;
      const auto row = decode_row(extension.value);
      if (!row || !topology_.on_row(context.now, member.id, *row)) continue;
      context.events.emplace_back(MeshChanged{});
      introductions_.vouch(context, row->peers);
    } else if (extension.value.size() > limits::extension_bytes || !bond.extensions.take_whole(context.now.mono)) {
      continue;
    } else if (extension.tag == wire::ExtensionTag::forget) {
      forgetting_.on_asked(context, extension.value);
    } else {
      context.events.emplace_back(
          ExtensionHeard{member.id, bond.link, extension.tag, {extension.value.begin(), extension.value.end()}});
    }
  }
}

void LiveBonds::on_message(const MeshContext& context, Member& member, const wire::PeerEntryUpdate& update) {
  LiveBond& bond = *member.life.bond();
  if (!bond.entries.take_whole(context.now.mono)) return;
  const auto entry = environment_.verifier.verify(update.entry);
  if (!entry) return close_by_us(context, member, CloseCode::protocol_violation, entry.error().message);
  // A bond speaks for its own peer only; somebody else's entry here changes nothing (docs/protocol/groups.md 8, S27).
  if ((*entry)->id() != member.id || (*entry)->entry.network != environment_.config.network) return;
  if ((*entry)->entry.version > bond.entry->entry.version) {
    bond.entry = *entry;
    members_.learn(context, *entry, Voucher::member);
  }
  context.events.emplace_back(EntryHeard{*entry});
}

void LiveBonds::on_message(const MeshContext& context, Member& member, const wire::BondFormed& formed) {
  if (!member.life.bond()->entries.take_whole(context.now.mono)) return;
  const auto entry = environment_.verifier.verify(formed.entry);
  if (!entry) return close_by_us(context, member, CloseCode::protocol_violation, entry.error().message);
  introductions_.learn(context, member.id, std::span(&*entry, 1));
}

void LiveBonds::on_message(const MeshContext& context, Member& member, const wire::Departure&) {
  context.events.emplace_back(DepartureHeard{member.id});
  close(context, member, CloseCode::cancelled,
        {.by = EndedBy::departure,
         .code = static_cast<std::uint64_t>(CloseCode::cancelled),
         .reason = "Departure",
         .desired = DesiredState::departed});
}

bool LiveBonds::send_raft(const MeshContext& context, Member& member, SendClass kind, const Frame& frame) {
  const SendResult result = context.links.send(member.life.bond()->link, kind, frame);
  // Not 102: the peer would take that for our departure.
  if (result == SendResult::full && kind == SendClass::consensus)
    close_by_us(context, member, CloseCode::timeout, "its consensus queue is full; it will catch up");
  return result == SendResult::queued;
}

void LiveBonds::tell_entry(const MeshContext& context) {
  const Frame frame = sender_.entry_update();
  members_.for_each_bond([&](const PeerId&, const LiveBond& bond) { BondSender::tell(context, bond, frame); });
}

void LiveBonds::depart(const MeshContext& context, const LiveBond& bond, const Frame& departure) {
  // In the class of our last entry, which must be there first: it tells that we have left the group.
  BondSender::tell(context, bond, departure);
  context.links.close(context.now, bond.link, CloseCode::cancelled, CloseMode::after_flush);
}

// ------------------------------------------------------------------------------------------------ time

void LiveBonds::on_tick(const MeshContext& context, Member& member) {
  LiveBond& bond = *member.life.bond();
  const bool tick = bond.heartbeat.on_time(context.now, pulse_);
  if (bond.heartbeat.alert()) {
    MOSAIK_CODE_PROBE("bonds.heartbeat_alert");
    return close(context, member, CloseCode::timeout,
                 {.by = EndedBy::presumed,
                  .code = static_cast<std::uint64_t>(CloseCode::timeout),
                  .reason = "heartbeats missed"});
  }
  if (!tick) return;
  if (const auto stats = context.links.stats(bond.link)) member.history.rtt = stats->smoothed_rtt;
  sender_.ping(context, bond);
  context.events.emplace_back(Asked{member.id, bond.link});
}

void LiveBonds::on_timer(const MeshContext& context) {
  if (context.now.mono >= sender_.row_due()) {
    sender_.on_row_sent();
    members_.for_each_bond([&](const PeerId&, LiveBond& bond) {
      if (sender_.lacks_row(bond)) sender_.ping(context, bond);
    });
  }
  if (company_.take_end(context.now)) context.events.emplace_back(MeshChanged{});
}

Mono LiveBonds::next_deadline() const {
  return std::min(sender_.row_due(), company_.next_deadline());
}

}  // namespace mosaik::bonds
