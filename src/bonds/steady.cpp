// A bond from its first frame after the handshake to its end (docs/protocol/groups.md 4).

#include <algorithm>
#include <new>
#include <utility>

#include "base/code_probe.hpp"
#include "base/limits.hpp"
#include "base/overloaded.hpp"
#include "bonds/extension_block.hpp"
#include "bonds/mesh.hpp"

namespace mosaik::bonds {

namespace {
/// Changes of the own row within this time travel together.
constexpr Nanoseconds row_pause = 20ms;
/// Until a row is offered again to a link that had no room for it.
constexpr Nanoseconds row_retry = 100ms;

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
}  // namespace

// ------------------------------------------------------------------------------------------------ frames

void Mesh::on_frame(const MeshContext& step, LinkId link, BytesView payload) {
  const auto owner = links_.find(link);
  if (owner == links_.end()) return;
  Member& member = *find(owner->second.peer);
  switch (owner->second.role) {
    case Role::attempt:
      // Without our HandshakeStart the link ended before it was looked at; its LinkClosed follows.
      return member.attempt->start_sent ? on_handshake_end(step, member, payload) : void();
    case Role::held: return;  // it may not speak before our HandshakeEnd; what it says is lost with it
    case Role::bond: return on_bond_frame(step, member, payload);
  }
}

void Mesh::on_growing(const MeshContext& step, LinkId link) {
  const auto owner = links_.find(link);
  if (owner == links_.end() || owner->second.role != Role::bond) return;
  find(owner->second.peer)->bond->heartbeat.part_came(step.now);
}

void Mesh::on_bond_frame(const MeshContext& step, Member& member, BytesView payload) {
  const auto message = wire::decode_bond_message(payload);
  if (!message) return close_bond(step, member, EndedBy::us, CloseCode::protocol_violation, message.error().message);
  member.bond->heartbeat.reset(step.now, pulse_);
  std::visit(overloaded{[&](const wire::Ping& ping) { on_ping(step, member, ping); },
                        [](const wire::Pong&) {},  // the sign of life was all it had to say
                        [&](const wire::Departure&) { on_departure(step, member); },
                        [&](const wire::PeerEntryUpdate& update) { on_peer_entry_update(step, member, update); },
                        [&](const wire::BondFormed& formed) { on_bond_formed(step, member, formed); },
                        [&](const wire::Raft& raft) { on_raft(step, member, raft.message); }},
             *message);
}

void Mesh::on_raft(const MeshContext& step, Member& member, BytesView message) {
  try {
    step.events.emplace_back(RaftHeard{member.id, Blob::copy(message)});
  } catch (const std::bad_alloc&) {
    close_bond(step, member, EndedBy::us, CloseCode::timeout, "there is no memory for what it sent");
  }
}

void Mesh::on_ping(const MeshContext& step, Member& member, const wire::Ping& ping) {
  if (!member.bond->pings.take(step.now)) return;
  scratch_.clear();
  wire::encode_pong(scratch_);
  send(step, *member.bond, SendClass::liveness, pool_.make(scratch_));
  if (member.bond && member.bond->cpp && !ping.tail.empty()) on_extensions(step, member, ping.tail);
}

void Mesh::on_extensions(const MeshContext& step, Member& member, BytesView tail) {
  const auto extensions = wire::decode_extensions(tail);
  if (!extensions) return;
  LiveBond& bond = *member.bond;
  bool row_seen = false;
  for (const wire::Extension& extension : *extensions) {
    if (extension.tag == wire::ExtensionTag::topology_row) {
      if (!bond.capabilities.can(Capability::topology_rows) || std::exchange(row_seen, true)) continue;
      const auto row = decode_row(extension.value);
      if (!row || !topology_.on_row(step.now, member.id, *row)) continue;
      step.events.emplace_back(MeshChanged{});
      vouch(step, row->peers);
    } else if (extension.value.size() > limits::extension_bytes || !bond.extensions.take(step.now)) {
      continue;
    } else if (extension.tag == wire::ExtensionTag::forget) {
      on_forget(step, extension.value);
    } else {
      step.events.emplace_back(
          ExtensionHeard{member.id, bond.link, extension.tag, {extension.value.begin(), extension.value.end()}});
    }
  }
}

void Mesh::on_peer_entry_update(const MeshContext& step, Member& member, const wire::PeerEntryUpdate& update) {
  LiveBond& bond = *member.bond;
  if (!bond.entries.take(step.now)) return;
  const auto entry = verifier_.verify(update.entry);
  if (!entry) return close_bond(step, member, EndedBy::us, CloseCode::protocol_violation, entry.error().message);
  // A bond speaks for its own peer only; somebody else's entry here changes nothing (docs/protocol/groups.md 8, S27).
  if ((*entry)->id() != member.id || (*entry)->entry.network != config_.network) return;
  if ((*entry)->entry.version > bond.entry->entry.version) {
    bond.entry = *entry;
    learn(step, *entry, Word::vouched);
  }
  step.events.emplace_back(EntryHeard{*entry});
}

void Mesh::on_bond_formed(const MeshContext& step, Member& member, const wire::BondFormed& formed) {
  const PeerId from = member.id;
  if (!member.bond->entries.take(step.now)) return;
  const auto entry = verifier_.verify(formed.entry);
  if (!entry) return close_bond(step, member, EndedBy::us, CloseCode::protocol_violation, entry.error().message);
  learn_list(step, from, {*entry});
}

void Mesh::on_departure(const MeshContext& step, Member& member) {
  step.events.emplace_back(DepartureHeard{member.id});
  member.wish = DesiredState::departed;
  close_bond(step, member, EndedBy::departure, CloseCode::cancelled, "Departure");
}

// ------------------------------------------------------------------------------------------------ ends

void Mesh::on_ended(const MeshContext& step, LinkId link, bool clean) {
  const auto owner = links_.find(link);
  if (owner == links_.end()) return;
  Member& member = *find(owner->second.peer);
  const CloseCode code = clean ? CloseCode::unexpected_close : CloseCode::invalid_handshake;
  if (owner->second.role == Role::bond)
    return close_bond(step, member, EndedBy::us, CloseCode::unexpected_close, "the peer ended its stream");
  step.links.close(step.now, link, code, CloseMode::at_once);
  on_closed(step, link,
            CloseInfo{.by = ClosedBy::transport,
                      .application = false,
                      .code = 0,
                      .reason = "it ended the stream in the handshake"});
}

void Mesh::on_oversized(const MeshContext& step, LinkId link) {
  const auto owner = links_.find(link);
  if (owner == links_.end()) return;
  Member& member = *find(owner->second.peer);
  if (owner->second.role == Role::bond)
    return close_bond(step, member, EndedBy::us, CloseCode::protocol_violation, "a frame beyond the limit");
  step.links.close(step.now, link, CloseCode::protocol_violation, CloseMode::at_once);
  on_closed(step, link,
            CloseInfo{.by = ClosedBy::transport,
                      .application = false,
                      .code = 0,
                      .reason = "it announced a frame beyond the limit"});
}

void Mesh::on_closed(const MeshContext& step, LinkId link, const CloseInfo& close) {
  const auto owner = links_.find(link);
  if (owner == links_.end()) return;
  const Role role = owner->second.role;
  Member& member = *find(owner->second.peer);
  links_.erase(owner);
  switch (role) {
    case Role::attempt: return on_attempt_closed(step, member, close);
    case Role::held:
      std::erase_if(member.held, [&](const IncomingHandshake& arrival) { return arrival.link == link; });
      if (!member.busy()) retry_later(step, member);
      return;
    case Role::bond: break;
  }
  if (close.by == ClosedBy::peer && close.is(CloseCode::cancelled)) member.wish = DesiredState::departed;
  if (close.by == ClosedBy::peer && close.is(CloseCode::group_not_found)) member.wish = DesiredState::stranger;
  if (close.by == ClosedBy::moved) {
    MOSAIK_CODE_PROBE("bonds.peer_moved");
    member.lost = Lost::link;
    member.moved_to = close.moved_to;
  }
  end_bond(step, member, ended_by(close), close.code, close.reason);
  if (member.moved_to && member.dial_at != Mono{}) member.dial_at = step.now.mono;  // it lives
}

void Mesh::close_bond(const MeshContext& step, Member& member, EndedBy by, CloseCode code, std::string_view reason) {
  const LinkId link = member.bond->link;
  links_.erase(link);
  step.links.close(step.now, link, code, CloseMode::at_once);
  end_bond(step, member, by, static_cast<std::uint64_t>(code), reason);
}

void Mesh::end_bond(const MeshContext& step, Member& member, EndedBy by, std::uint64_t code, std::string_view reason) {
  step.events.emplace_back(BondDown{member.id, member.bond->link, member.bond->session, by, code, std::string(reason)});
  step.events.emplace_back(MeshChanged{});
  member.why = std::string(reason);
  member.lost_session = member.bond->session;
  member.bonded_for += step.now.mono - member.bond->since;
  member.lost_at = step.now.mono;
  lists_.forget(member.id);
  member.bond.reset();
  topology_.forget(member.id);
  topology_.remove_own(step.now, member.id);
  row_changed(step);
  if (leaving_) {
    if (bond_count() == 0) left_at_ = step.now.mono;
    return;
  }
  if (member.wish != DesiredState::wanted) {
    member.forget_at = step.now.mono + limits::stale_after;
    return;
  }
  // The first try goes soon, apart from the other end's: both lose the bond in the same moment.
  member.backoff.reset();
  member.dial_at = step.now.mono + member.backoff.next(limits::retry_least, limits::retry_most, rng_);
}

// ------------------------------------------------------------------------------------------------ sending

void Mesh::send(const MeshContext& step, LiveBond& bond, SendClass kind, const Frame& frame) {
  // A full class drops the frame: liveness has more urgent ones queued, and an entry is told again at the next refresh.
  static_cast<void>(step.links.send(bond.link, kind, frame));
}

bool Mesh::send_raft(const MeshContext& step, const PeerId& peer, BytesView message) {
  const Member* member = find(peer);
  if (member == nullptr || !member->bond) return false;
  scratch_.clear();
  wire::encode_raft(message, scratch_);
  return send_raft(step, peer, member->bond->link, SendClass::consensus, pool_.make(scratch_));
}

bool Mesh::send_raft(const MeshContext& step, const PeerId& peer, LinkId link, SendClass kind, const Frame& frame) {
  Member* member = find(peer);
  if (member == nullptr || !member->bond || member->bond->link != link) return false;
  const auto result = step.links.send(link, kind, frame);
  // Not 102: the peer would take that for our departure.
  if (result == SendResult::full && kind == SendClass::consensus)
    close_bond(step, *member, EndedBy::us, CloseCode::timeout, "its consensus queue is full; it will catch up");
  return result == SendResult::queued;
}

void Mesh::send_ping(const MeshContext& step, LiveBond& bond) {
  static_cast<void>(send_ping_with(step, bond, {}));
}

bool Mesh::send_ping_with(const MeshContext& step, LiveBond& bond, std::span<const wire::Extension> more) {
  const bool with_row = bond.capabilities.can(Capability::topology_rows) && bond.row_sent != topology_.own().sequence;
  std::vector<wire::Extension> extensions(more.begin(), more.end());
  std::vector<std::uint8_t> row;
  if (with_row) {
    encode_row(topology_.own(), row);
    extensions.push_back({wire::ExtensionTag::topology_row, row});
  }
  std::vector<std::uint8_t> tail;
  if (!extensions.empty()) wire::encode_extensions(extensions, tail);
  scratch_.clear();
  wire::encode_ping(tail, scratch_);
  const auto result = step.links.send(bond.link, SendClass::liveness, pool_.make(scratch_));
  if (with_row && result == SendResult::queued) bond.row_sent = topology_.own().sequence;
  // A row that was not taken is sent again soon, and not with the next heartbeat: one that hears much sends none.
  if (with_row && result != SendResult::queued && row_due_ == never) row_due_ = step.now.mono + row_retry;
  return result == SendResult::queued;
}

bool Mesh::tell(const MeshContext& step, const PeerId& peer, const wire::Extension& extension) {
  Member* member = find(peer);
  if (member == nullptr || !member->bond || !member->bond->cpp) return false;
  return send_ping_with(step, *member->bond, std::span(&extension, 1));
}

void Mesh::row_changed(const MeshContext& step) {
  if (row_due_ == never) row_due_ = step.now.mono + row_pause;
}

void Mesh::broadcast_row(const MeshContext& step) {
  row_due_ = never;
  for (auto& [id, member] : members_)
    if (member.bond && member.bond->capabilities.can(Capability::topology_rows) &&
        member.bond->row_sent != topology_.own().sequence)
      send_ping(step, *member.bond);
}

}  // namespace mosaik::bonds
