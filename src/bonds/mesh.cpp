#include "bonds/mesh.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/code_probe.hpp"
#include "base/limits.hpp"

namespace mosaik::bonds {

namespace {
/// How long a member that withdrew from the group is shown as departed.
constexpr Nanoseconds departed_shown = 300s;
}  // namespace

std::string_view to_string(EndedBy by) noexcept {
  switch (by) {
    case EndedBy::us: return "us";
    case EndedBy::peer: return "peer";
    case EndedBy::departure: return "departure";
    case EndedBy::reset: return "reset";
    case EndedBy::idle: return "idle";
    case EndedBy::transport: return "transport";
    case EndedBy::proven: return "proven";
    case EndedBy::presumed: return "presumed";
    case EndedBy::link: return "link";
    case EndedBy::replaced: return "replaced";
  }
  return "us";
}

Mesh::Mesh(const MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng)
    : environment_{config, self, verifier, FrameMaker(pool)},
      topology_(self.id()),
      members_(self.id(), config.network, topology_),
      dialer_(self.id(), config.dial_eagerly ? Courtesy::none : Courtesy::lower_id_first, members_, rng),
      introductions_(verifier, members_, topology_, dialer_),
      forgetting_(members_, topology_),
      bonds_(environment_, members_, topology_, dialer_, introductions_, forgetting_, rng.fork("heartbeat")),
      handshakes_(environment_, members_, dialer_, introductions_, bonds_),
      names_(config.key, config.group) {
  topology_.set_incarnation(self.started());
}

// ------------------------------------------------------------------------------------------------ what is known

bool Mesh::has_bond(const PeerId& peer) const {
  const Member* const member = members_.find(peer);
  return member != nullptr && member->life.bond() != nullptr;
}

LiveBond* Mesh::bond_with(const PeerId& peer) {
  Member* const member = members_.find(peer);
  return member == nullptr ? nullptr : member->life.bond();
}

bool Mesh::is_vouched(const PeerId& peer) const {
  const Member* const member = members_.find(peer);
  return member != nullptr && member->attested();
}

bool Mesh::was_bonded(const PeerId& peer) const {
  const Member* const member = members_.find(peer);
  return member != nullptr && member->life.was_bonded();
}

std::vector<PeerId> Mesh::witnesses() const {
  return members_.select([](const Member& member) {
    const LiveBond* const bond = member.life.bond();
    return bond != nullptr && bond->capabilities.can(Capability::opinions);
  });
}

GroupStatus Mesh::view(const Now& now, const Links& links) const {
  return MeshView(environment_, members_, topology_, names_).status(now, links, bonds_.company().settling(now));
}

// ------------------------------------------------------------------------------------------------ entries

void Mesh::on_entry(const MeshContext& context, const identity::EntryRef& entry) {
  const Mono now = context.now.mono;
  const bool names_us = entry->names(id());
  Member* member = members_.find(entry->id());
  if (member == nullptr && !names_us) return;
  const bool news = member == nullptr || member->is_news(entry);
  member = members_.learn(context, entry, Voucher::itself);
  if (member == nullptr || !news) return;
  if (!names_us && !member->life.busy() && member->entry->entry.version == entry->entry.version) {
    // It withdrew the group: it left, however we learn it.
    member->life.desire(DesiredState::departed);
    if (member->forget_at == never) member->forget_at = now + departed_shown;
    context.events.emplace_back(MeshChanged{});
    return;
  }
  if (member->life.wanted()) return dialer_.want(context.now, *member);
  // As long as it speaks of itself it is remembered as what it is, or it would be dialed anew.
  member->forget_at = now + departed_shown;
}

void Mesh::recall(const MeshContext& context, const identity::EntryRef& entry) {
  if (!entry->names(id()) || members_.find(entry->id()) != nullptr) return;
  Member* const member = members_.learn(context, entry, Voucher::member);
  if (member == nullptr) return;
  member->life.recall();
  member->history.bonded_for = limits::dial_list_standing;
  member->history.lost_at = context.now.mono;
  member->plan.why = "it was bonded with an earlier run of this node, and was not heard since";
  dialer_.want_soon(context.now, *member);
}

void Mesh::on_entry_gone(const MeshContext& context, const PeerId& peer, bool signed_off) {
  Member* const member = members_.find(peer);
  if (member == nullptr) return;
  const Lifecycle& life = member->life;
  const bool bonded = life.bond() != nullptr;
  if (signed_off && !bonded) {
    member->life.desire(DesiredState::departed);
    member->forget_at = context.now.mono + departed_shown;
  } else if (!life.busy() &&
             (!life.was_bonded() || !life.wanted() || member->history.bonded_for < limits::dial_list_moment)) {
    members_.erase(peer);
  } else if (!bonded) {
    members_.forget_surplus();
  }
  context.events.emplace_back(MeshChanged{});
}

void Mesh::on_met(const Now& now, const PeerId& peer) {
  Member* const member = members_.find(peer);
  if (member == nullptr) return;
  member->evidence.met = true;
  // It can be dialed at the address where it has met us, whatever its entry says.
  if (std::exchange(member->plan.no_target, false)) member->plan.at = now.mono;
}

void Mesh::on_synced(const MeshContext& context, const PeerId& peer, bool ok) {
  Member* const member = members_.find(peer);
  if (member == nullptr || member->life.phase() != Phase::syncing) return;
  member->life.end_sync();
  if (ok)
    dialer_.after_sync(context.now, *member);
  else
    dialer_.after_failure(context, *member);
}

// ------------------------------------------------------------------------------------------------ links

void Mesh::on_arrival(const MeshContext& context, const IncomingHandshake& incoming) {
  if (stage_ != Stage::member) return Handshakes::refuse(context, incoming, CloseCode::group_not_found);
  handshakes_.on_incoming(context, incoming);
}

void Mesh::on_frame(const MeshContext& context, LinkId link, BytesView payload) {
  const LinkOwner* const owner = members_.owner(link);
  if (owner == nullptr) return;
  Member& member = *members_.find(owner->peer);
  switch (owner->role) {
    case LinkRole::attempt: return handshakes_.on_frame(context, member, payload);
    case LinkRole::held: return;  // it may not speak before our HandshakeEnd; what it says is lost with it
    case LinkRole::bond: return bonds_.on_frame(context, member, payload);
  }
}

void Mesh::on_growing(const MeshContext& context, LinkId link) {
  const LinkOwner* const owner = members_.owner(link);
  if (owner != nullptr && owner->role == LinkRole::bond) LiveBonds::on_growing(context, *members_.find(owner->peer));
}

void Mesh::on_ended(const MeshContext& context, LinkId link, bool clean) {
  const LinkOwner* const owner = members_.owner(link);
  if (owner == nullptr) return;
  if (owner->role == LinkRole::bond)
    return bonds_.close_by_us(context, *members_.find(owner->peer), CloseCode::unexpected_close,
                              "the peer ended its stream");
  fail_handshake(context, link, clean ? CloseCode::unexpected_close : CloseCode::invalid_handshake,
                 "it ended the stream in the handshake");
}

void Mesh::on_oversized(const MeshContext& context, LinkId link) {
  const LinkOwner* const owner = members_.owner(link);
  if (owner == nullptr) return;
  if (owner->role == LinkRole::bond)
    return bonds_.close_by_us(context, *members_.find(owner->peer), CloseCode::protocol_violation,
                              "a frame beyond the limit");
  fail_handshake(context, link, CloseCode::protocol_violation, "it announced a frame beyond the limit");
}

void Mesh::fail_handshake(const MeshContext& context, LinkId link, CloseCode code, std::string_view why) {
  context.links.close(context.now, link, code, CloseMode::at_once);
  on_closed(context, link, CloseInfo{.by = ClosedBy::transport, .reason = std::string(why)});
}

void Mesh::on_closed(const MeshContext& context, LinkId link, const CloseInfo& close) {
  const LinkOwner* const found = members_.owner(link);
  if (found == nullptr) return;
  const LinkRole role = found->role;
  Member& member = *members_.find(found->peer);
  members_.release(link);
  switch (role) {
    case LinkRole::attempt: return handshakes_.on_attempt_closed(context, member, close);
    case LinkRole::held: return member.life.drop_held(link);
    case LinkRole::bond: return bonds_.on_closed(context, member, close);
  }
}

// ------------------------------------------------------------------------------------------------ verdicts, requests

void Mesh::on_dead(const MeshContext& context, const PeerId& peer, EndedBy by, std::string_view why) {
  Member* const member = members_.find(peer);
  if (member == nullptr || member->life.bond() == nullptr) return;
  MOSAIK_ASSERT(by == EndedBy::proven || by == EndedBy::presumed || by == EndedBy::link);
  if (by == EndedBy::presumed) MOSAIK_CODE_PROBE("bonds.presumed_dead");
  const LossReason loss = by == EndedBy::link       ? LossReason::link
                          : by == EndedBy::presumed ? LossReason::presumed
                                                    : LossReason::proven;
  bonds_.close(context, *member, CloseCode::timeout,
               {.by = by, .code = static_cast<std::uint64_t>(CloseCode::timeout), .reason = why, .loss = loss});
}

void Mesh::set_suspect(const MeshContext& context, const PeerId& peer, bool suspect) {
  LiveBond* const bond = bond_with(peer);
  if (bond == nullptr || bond->suspect == suspect) return;
  bond->suspect = suspect;
  context.events.emplace_back(MeshChanged{});
}

void Mesh::probe(const MeshContext& context, const PeerId& peer) {
  if (LiveBond* const bond = bond_with(peer)) bonds_.sender().ping(context, *bond);
}

bool Mesh::tell(const MeshContext& context, const PeerId& peer, const wire::Extension& extension) {
  LiveBond* const bond = bond_with(peer);
  return bond != nullptr && bond->cpp && bonds_.sender().ping_with(context, *bond, std::span(&extension, 1));
}

bool Mesh::send_raft(const MeshContext& context, const PeerId& peer, BytesView message) {
  const LiveBond* const bond = bond_with(peer);
  if (bond == nullptr) return false;
  const Frame frame = environment_.frames.make([&](auto& out) { wire::encode_raft(message, out); });
  return send_raft(context, peer, bond->link, SendClass::consensus, frame);
}

bool Mesh::send_raft(const MeshContext& context, const PeerId& peer, LinkId link, SendClass kind, const Frame& frame) {
  Member* const member = members_.find(peer);
  if (member == nullptr || member->life.bond() == nullptr || member->life.bond()->link != link) return false;
  return bonds_.send_raft(context, *member, kind, frame);
}

Result<> Mesh::forget(const MeshContext& context, const PeerId& peer) {
  const Result<std::int64_t> incarnation = forgetting_.check(peer);
  if (!incarnation) return std::unexpected(incarnation.error());
  const std::vector<std::uint8_t> value = Forgetting::encode(peer, *incarnation);
  const wire::Extension request{wire::ExtensionTag::forget, value};
  members_.for_each_bond([&](const PeerId&, LiveBond& bond) {
    if (bond.cpp && bond.capabilities.can(Capability::forget))
      static_cast<void>(bonds_.sender().ping_with(context, bond, std::span(&request, 1)));
  });
  forgetting_.forget(context, peer, *incarnation);
  return {};
}

void Mesh::leave(const MeshContext& context) {
  if (stage_ != Stage::member) return;
  stage_ = Stage::leaving;
  leave_by_ = context.now.mono + limits::departure_flush + 50ms;
  const Frame departure = bonds_.sender().departure();
  for (const PeerId& peer : members_.select([](const Member& member) { return member.life.busy(); })) {
    Member& member = *members_.find(peer);
    handshakes_.abandon(context, member);
    if (const LiveBond* const bond = member.life.bond()) LiveBonds::depart(context, *bond, departure);
  }
}

void Mesh::end_leaving(const MeshContext& context) {
  if (stage_ == Stage::left || (bond_count() > 0 && context.now.mono < leave_by_)) return;
  for (const PeerId& peer : std::set<PeerId>(topology_.own().peers))
    bonds_.close_by_us(context, *members_.find(peer), CloseCode::cancelled, "left the group");
  stage_ = Stage::left;
  context.events.emplace_back(MeshLeft{});
}

// ------------------------------------------------------------------------------------------------ time

void Mesh::on_timer(const MeshContext& context) {
  const Mono now = context.now.mono;
  if (stage_ != Stage::member) return end_leaving(context);
  for (const PeerId& peer : members_.take_due(now)) {
    // What one of them brings may push another one out of the table.
    Member* const member = members_.find(peer);
    if (member == nullptr) continue;
    if (const Attempt* const attempt = member->life.attempt(); attempt != nullptr && now >= attempt->deadline)
      handshakes_.on_timeout(context, *member);
    if (member->life.bond() != nullptr) bonds_.on_tick(context, *member);
  }
  learn_kept_lists(context);
  bonds_.on_timer(context);
  if (topology_.next_change(looked_at_) <= now) context.events.emplace_back(MeshChanged{});
  looked_at_ = context.now;
  if (members_.forget_due(now)) context.events.emplace_back(MeshChanged{});
  dialer_.run(context);
}

void Mesh::learn_kept_lists(const MeshContext& context) {
  for (const ListIntake::Heard& heard : introductions_.take_kept(context.now)) {
    Member* const from = members_.find(heard.from);
    if (from == nullptr || from->life.bond() == nullptr) continue;
    if (heard.entry)
      introductions_.learn(context, heard.from, std::span(&heard.entry, 1));
    else
      bonds_.close_by_us(context, *from, CloseCode::protocol_violation,
                         "its list of bonds holds an entry that does not verify");
  }
}

Mono Mesh::next_deadline() const {
  switch (stage_) {
    case Stage::left: return never;
    case Stage::leaving: return bond_count() == 0 ? Mono{} : leave_by_;
    case Stage::member: break;
  }
  return std::min({members_.times().next_deadline(), dialer_.next_deadline(), bonds_.next_deadline(),
                   topology_.next_change(looked_at_), introductions_.next_deadline()});
}

// ------------------------------------------------------------------------------------------------ invariants

void Mesh::check_invariants() const {
  members_.check_invariants();
  topology_.check_invariants();
  introductions_.check_invariants();
  const std::set<PeerId>& own = topology_.own().peers;
  std::size_t bonds = 0;
  members_.for_each([&](const Member& member) {
    if (member.life.bond() == nullptr) return;
    ++bonds;
    // Others count on our row: a bond that it does not name would look one-sided to all.
    MOSAIK_ASSERT(own.contains(member.id));
  });
  // A row that names a peer without a bond claims what is not there, and `online` and a quorum would go by it.
  MOSAIK_ASSERT(bonds == own.size());
  // A peer speaks for others over its bond; what it said leaves with that.
  for (const PeerId& speaker : topology_.speakers()) MOSAIK_ASSERT(own.contains(speaker));
}

}  // namespace mosaik::bonds
