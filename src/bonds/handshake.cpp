// The handshake of a bond, both roles (docs/protocol/groups.md 3.2 to 3.5).

#include <algorithm>
#include <utility>

#include "base/code_probe.hpp"
#include "base/limits.hpp"
#include "base/rekey.hpp"
#include "bonds/extension_block.hpp"
#include "bonds/mesh.hpp"

namespace mosaik::bonds {

namespace {
constexpr std::string_view session_label = "mosaik.group.bond.id";

template <class T>
std::optional<T> exported(const MeshContext& step, LinkId link, BytesView label) {
  const auto bytes = step.links.exporter(link, label);
  if (!bytes) return std::nullopt;
  return T(*bytes);
}

std::string in_words(const CloseInfo& close) {
  if (close.application) {
    switch (static_cast<CloseCode>(close.code)) {
      case CloseCode::different_network: return "it belongs to another network (101)";
      case CloseCode::unknown_peer: return "it does not know our entry yet (401)";
      case CloseCode::group_not_found:
        return "it is not in this group (30404): it left, or has another group secret, other heartbeat settings or "
               "another machine";
      case CloseCode::invalid_proof: return "it refused our proof (30405): another group secret";
      case CloseCode::not_allowed: return "it does not allow us (30403)";
      case CloseCode::timeout: return "it timed out on our handshake (30408)";
      case CloseCode::already_bonded:
        return "it says that it is bonded with us already (30429); if that stays, another node runs with our key";
      default: return "it closed the handshake with code " + std::to_string(close.code);
    }
  }
  return close.reason.empty() ? "the connection could not be made" : close.reason;
}
}  // namespace

// ------------------------------------------------------------------------------------------------ acceptor

void Mesh::refuse(const MeshContext& step, const IncomingHandshake& arrival, CloseCode code) {
  step.events.emplace_back(Refused{arrival.peer, true, static_cast<std::uint64_t>(code)});
  step.links.close(step.now, arrival.link, code, CloseMode::at_once);
}

// The link ended before its frame was read: its LinkClosed follows, and nobody was refused.
void Mesh::abandon(const MeshContext& step, const IncomingHandshake& arrival) {
  step.links.close(step.now, arrival.link, CloseCode::unexpected_close, CloseMode::at_once);
}

void Mesh::on_arrival(const MeshContext& step, const IncomingHandshake& arrival) {
  if (leaving_) return refuse(step, arrival, CloseCode::group_not_found);
  if (arrival.peer == self_.id()) return refuse(step, arrival, CloseCode::already_bonded);
  const Member* known = find(arrival.peer);
  const bool bonded = known != nullptr && known->bond;
  const bool newer = bonded && arrival.entry->entry.version.started > known->bond->entry->entry.version.started;
  const bool lost = bonded && arrival.lost_session == known->bond->session;  // it says that it holds our bond no more
  if (bonded && !newer && !lost) {
    step.events.emplace_back(ProbeWanted{arrival.peer});
    return refuse(step, arrival, CloseCode::already_bonded);
  }
  const auto ekm = exported<crypto::ExporterKey>(step, arrival.link, config_.group.view());
  if (!ekm) return abandon(step, arrival);
  if (!crypto::verify_proof(config_.key, *ekm, arrival.peer, arrival.proof))
    return refuse(step, arrival, CloseCode::invalid_proof);

  Member* member = learn(step, arrival.entry, Word::proven);
  // limits::mesh_peers, or a clock beyond the drift: it may come again.
  if (member == nullptr) return refuse(step, arrival, CloseCode::timeout);
  member->wish = DesiredState::wanted;
  member->forget_at = never;
  if (newer) {
    MOSAIK_CODE_PROBE("bonds.replaced_by_next_run");
    close_bond(step, *member, EndedBy::replaced, CloseCode::already_bonded, "replaced by the peer's next incarnation");
  } else if (lost) {
    MOSAIK_CODE_PROBE("bonds.peer_lost_the_bond");
    member->lost = Lost::link;
    close_bond(step, *member, EndedBy::link, CloseCode::already_bonded, "the peer lost this bond and dials anew");
  } else if (member->attempt) {
    if (attempt_stands(*member, arrival)) return hold(step, *member, arrival);
    yield_to_arrival(step, *member);
  }
  accept(step, arrival);
}

void Mesh::learn_kept_lists(const MeshContext& step) {
  for (const ListIntake::Heard& heard : lists_.take(step.now, verifier_)) {
    Member* const from = find(heard.from);
    if (from == nullptr || !from->bond) continue;
    if (heard.entry)
      learn_list(step, heard.from, {heard.entry});
    else
      close_bond(step, *from, EndedBy::us, CloseCode::protocol_violation,
                 "its list of bonds holds an entry that does not verify");
  }
}

std::vector<BytesView> Mesh::bond_list() const {
  std::vector<BytesView> out;
  for (const auto& [id, member] : members_)
    if (member.bond && out.size() < limits::handshake_entries) out.emplace_back(member.bond->entry->bytes);
  return out;
}

void Mesh::accept(const MeshContext& step, const IncomingHandshake& arrival) {
  Member* member = find(arrival.peer);
  const auto ekm = exported<crypto::ExporterKey>(step, arrival.link, config_.group.view());
  const auto session = exported<SessionId>(step, arrival.link, bytes_of(session_label));
  if (member == nullptr || !ekm || !session) return abandon(step, arrival);

  const std::vector<BytesView> named(arrival.bonds.begin(), arrival.bonds.end());
  auto list = lists_.read(step.now, named, verifier_);
  if (!list) return refuse(step, arrival, CloseCode::protocol_violation);

  const crypto::Proof proof = crypto::make_proof(config_.key, *ekm, self_.id());
  const std::vector<std::uint8_t> tail = arrival.cpp
                                             ? handshake_tail(self_.entry(), config_.capabilities, config_.quorum_floor)
                                             : std::vector<std::uint8_t>{};
  scratch_.clear();
  wire::encode_handshake_end(proof.bytes(), bond_list(), tail, scratch_);
  if (step.links.send(arrival.link, SendClass::liveness, pool_.make(scratch_)) != SendResult::queued)
    return abandon(step, arrival);
  links_[arrival.link] = {member->id, Role::bond};
  establish(step, *member, arrival.link, *session, Side::acceptor,
            ExtensionBlock{.present = arrival.cpp,
                           .capabilities = arrival.capabilities,
                           .quorum_floor = arrival.quorum_floor,
                           .own_entry = {},
                           .lost_session = {}});
  lists_.keep(arrival.peer, std::move(list->rest));
  learn_list(step, arrival.peer, list->entries);
}

// ------------------------------------------------------------------------------------------------ initiator

void Mesh::take_winner(LinkId dial, LinkId winner) {
  const Owner* const owner = rekey(links_, dial, winner);
  if (owner == nullptr) return;
  if (Member* const member = find(owner->peer); member != nullptr && member->attempt) member->attempt->link = winner;
}

void Mesh::on_opened(const MeshContext& step, const LinkOpened& opened) {
  if (opened.dialed_as) take_winner(*opened.dialed_as, opened.link);
  const auto owner = links_.find(opened.link);
  if (owner == links_.end()) return step.links.close(step.now, opened.link, CloseCode::cancelled, CloseMode::at_once);
  Member* member = find(owner->second.peer);
  if (member == nullptr || !member->attempt || member->attempt->link != opened.link) return;
  const auto ekm = exported<crypto::ExporterKey>(step, opened.link, config_.group.view());
  if (!ekm) return;  // it ended before it was looked at: its LinkClosed, which says why, follows

  const crypto::Proof proof = crypto::make_proof(config_.key, *ekm, self_.id());
  scratch_.clear();
  wire::encode_handshake_start(
      config_.network, config_.group, proof.bytes(), bond_list(),
      handshake_tail(self_.entry(), config_.capabilities, config_.quorum_floor, member->lost_session), scratch_);
  static_cast<void>(step.links.send(opened.link, SendClass::liveness, pool_.make(scratch_)));
  member->attempt->start_sent = true;
  member->attempt->started_at = step.now.mono;
  member->attempt->entry = self_.entry();
  member->attempt->deadline = step.now.mono + limits::handshake_timeout;
}

void Mesh::on_handshake_end(const MeshContext& step, Member& member, BytesView payload) {
  const LinkId link = member.attempt->link;
  const auto give_up = [&](CloseCode code, std::string_view why) {
    member.why = why;
    member.refused_code = static_cast<std::uint64_t>(code);
    step.events.emplace_back(Refused{member.id, true, member.refused_code});
    drop_attempt(step, member, code);
    answer_held(step, member);
    if (!member.busy()) retry_later(step, member);
  };
  const auto end = wire::decode_handshake_end(payload);
  if (!end) return give_up(CloseCode::protocol_violation, "its HandshakeEnd does not decode: " + end.error().message);
  const auto ekm = exported<crypto::ExporterKey>(step, link, config_.group.view());
  const auto session = exported<SessionId>(step, link, bytes_of(session_label));
  if (!ekm || !session) return;  // it ended right behind the frame: its LinkClosed, which says why, follows
  if (!crypto::verify_proof(config_.key, *ekm, member.id, crypto::Proof(end->proof)))
    return give_up(CloseCode::invalid_proof, "its proof does not verify (30405): another group secret");
  std::vector<BytesView> named;
  for (const wire::SignedEntryView& view : end->bonds) named.push_back(view.whole);
  auto list = lists_.read(step.now, named, verifier_);
  if (!list) return give_up(CloseCode::protocol_violation, "its list of bonds holds an entry that does not verify");

  const ExtensionBlock tail = read_tail(end->tail, verifier_);
  const std::int64_t run_before = member.entry ? member.entry->entry.version.started : 0;
  // We dialed the run that we knew of; the one that answered may be its next.
  if (tail.own_entry && tail.own_entry->id() == member.id && learn(step, tail.own_entry, Word::vouched) != nullptr)
    step.events.emplace_back(EntryHeard{tail.own_entry});
  if (member.entry && tail.own_entry && member.entry->digest == tail.own_entry->digest &&
      run_before != member.entry->entry.version.started)
    MOSAIK_CODE_PROBE("bonds.another_run_answered");
  const Attempt attempt = *std::exchange(member.attempt, std::nullopt);
  links_[link] = {member.id, Role::bond};
  refuse_held(step, member, CloseCode::already_bonded);
  establish(step, member, link, *session, Side::initiator, tail);
  tell_news(step, *member.bond, attempt, list->entries);
  lists_.keep(member.id, std::move(list->rest));
  learn_list(step, member.id, list->entries);
}

// Our list and entry were those of our HandshakeStart, and what is new since was told to those we were bonded with.
// What an acceptor brings is as new as its bond.
void Mesh::tell_news(const MeshContext& step, LiveBond& bond, const Attempt& since,
                     const std::vector<identity::EntryRef>& known) {
  if (since.entry->digest != self_.entry()->digest) send(step, bond, SendClass::catalog, entry_update());
  for (const auto& [id, other] : members_) {
    if (!other.bond || other.bond->link == bond.link || other.bond->since < since.started_at) continue;
    const identity::EntryRef& entry = other.bond->entry;
    const auto names_it = [&](const identity::EntryRef& one) {
      return one->id() == entry->id() && one->entry.version.started >= entry->entry.version.started;
    };
    if (std::ranges::any_of(known, names_it)) continue;
    send(step, bond, SendClass::catalog, bond_formed(entry));
  }
}

void Mesh::on_attempt_closed(const MeshContext& step, Member& member, const CloseInfo& close) {
  member.attempt.reset();
  member.why = in_words(close);
  member.refused_code = close.application && close.by == ClosedBy::peer ? close.code : 0;
  if (member.refused_code != 0) step.events.emplace_back(Refused{member.id, false, close.code});
  answer_held(step, member);
  if (member.bond) return;

  if (close.is(CloseCode::unknown_peer)) {
    MOSAIK_CODE_PROBE("bonds.sync_after_401");
    ++member.attempts;
    member.awaiting_sync = true;
    step.events.emplace_back(
        SyncWanted{member.id, member.entry ? member.entry->entry.sockets() : std::vector<SocketAddress>{}});
    return;
  }
  if (close.is(CloseCode::group_not_found) || close.is(CloseCode::cancelled)) {
    member.wish = close.is(CloseCode::cancelled) ? DesiredState::departed : DesiredState::stranger;
    member.forget_at = step.now.mono + limits::stale_after;
    step.events.emplace_back(MeshChanged{});
  }
  retry_later(step, member);
}

// ------------------------------------------------------------------------------------------------ both

void Mesh::establish(const MeshContext& step, Member& member, LinkId link, const SessionId& session, Side side,
                     const ExtensionBlock& tail) {
  step.links.set_frame_limit(link, limits::group_frame);
  const Capabilities both = tail.capabilities & config_.capabilities;
  member.bond.emplace(LiveBond{
      .link = link,
      .session = session,
      .entry = member.entry,
      .heartbeat = Heartbeat(config_.heartbeat, step.now),
      .pings = Allowance(limits::pings_burst, limits::pings_rate, step.now),
      .entries = Allowance(limits::entry_updates_burst, limits::entry_updates_rate, step.now),
      .extensions = Allowance(limits::extensions_burst, limits::extensions_rate, step.now),
      .since = step.now.mono,
      .side = side,
      .cpp = tail.present,
      .capabilities = both,
  });
  const bool healed =
      member.once_bonded && member.lost != Lost::proven && member.lost_for(step.now.mono) > limits::heal_after;
  member.lost = Lost::no;
  member.lost_session.reset();
  member.moved_to.reset();
  member.once_bonded = true;
  member.wish = DesiredState::wanted;
  member.forget_at = never;
  member.attempts = 0;
  member.refused_code = 0;
  member.why.clear();
  member.awaiting_sync = false;
  member.backoff.reset();
  if (healed) hasten(step);
  if (bond_count() == 0) {
    company_since_ = step.now.mono;
    company_told_ = false;
  }
  topology_.add_own(step.now, member.id);
  row_changed(step);
  step.events.emplace_back(BondUp{member.id, link, session, tail.present, both, member.bond->entry, tail.quorum_floor});
  step.events.emplace_back(MeshChanged{});

  static_cast<void>(member.bond->heartbeat.on_time(step.now, pulse_));  // the first tick is due at once
  send_ping(step, *member.bond);
  const Frame formed = bond_formed(member.bond->entry);
  for (auto& [id, other] : members_)
    if (id != member.id && other.bond) send(step, *other.bond, SendClass::catalog, formed);
}

Frame Mesh::entry_update() {
  scratch_.clear();
  wire::encode_peer_entry_update(self_.entry()->bytes, scratch_);
  return pool_.make(scratch_);
}

Frame Mesh::bond_formed(const identity::EntryRef& entry) {
  scratch_.clear();
  wire::encode_bond_formed(entry->bytes, scratch_);
  return pool_.make(scratch_);
}

void Mesh::learn_list(const MeshContext& step, const PeerId& from, const std::vector<identity::EntryRef>& list) {
  for (const identity::EntryRef& entry : list) {
    step.events.emplace_back(EntryHeard{entry});
    if (topology_.on_report(from, entry->id())) step.events.emplace_back(MeshChanged{});
    const Member* known = find(entry->id());
    const bool newer = known == nullptr || !known->entry || entry->entry.version > known->entry->entry.version;
    Member* member = learn(step, entry, Word::vouched);
    // That others know it is no reason to ask again soon whoever has refused us.
    if (member != nullptr && member->wish == DesiredState::wanted && (newer || member->refused_code == 0))
      want(step, *member, {});
  }
}

}  // namespace mosaik::bonds
