#include "bonds/handshakes.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/code_probe.hpp"
#include "base/limits.hpp"
#include "base/trace.hpp"
#include "bonds/extension_block.hpp"

namespace mosaik::bonds {

namespace {
constexpr std::string_view session_label = "mosaik.group.bond.id";

template <class T>
std::optional<T> exported(const MeshContext& context, LinkId link, BytesView label) {
  const auto bytes = context.links.exporter(link, label);
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

Decision decision(std::string_view what, std::string_view reason, const PeerId& peer, std::uint64_t code) {
  return {.component = "bonds",
          .what = what,
          .reason = reason,
          .peer = peer,
          .fields = {{{"code", static_cast<std::int64_t>(code)}}}};
}

// The link ended before its frame was read: its LinkClosed follows, and nobody was refused.
void give_up(const MeshContext& context, const IncomingHandshake& incoming) {
  context.links.close(context.now, incoming.link, CloseCode::unexpected_close, CloseMode::at_once);
}
}  // namespace

// ------------------------------------------------------------------------------------------------ acceptor

void Handshakes::refuse(const MeshContext& context, const IncomingHandshake& incoming, CloseCode code) {
  const auto number = static_cast<std::uint64_t>(code);
  trace([&] { return decision("handshake_refused", reason_of(code), incoming.peer, number); });
  context.events.emplace_back(Refused{incoming.peer, true, number});
  context.links.close(context.now, incoming.link, code, CloseMode::at_once);
}

void Handshakes::on_incoming(const MeshContext& context, const IncomingHandshake& incoming) {
  if (incoming.peer == environment_.self.id()) return refuse(context, incoming, CloseCode::already_bonded);
  const Member* const known = std::as_const(members_).find(incoming.peer);
  const LiveBond* const bond = known == nullptr ? nullptr : known->life.bond();
  const bool newer = bond != nullptr && incoming.entry->entry.version.started > bond->entry->entry.version.started;
  const bool lost =
      bond != nullptr && incoming.lost_session == bond->session;  // it says that it holds our bond no more
  if (bond != nullptr && !newer && !lost) {
    context.events.emplace_back(ProbeWanted{incoming.peer});
    return refuse(context, incoming, CloseCode::already_bonded);
  }
  const auto ekm = exported<crypto::ExporterKey>(context, incoming.link, environment_.config.group.view());
  if (!ekm) return give_up(context, incoming);
  if (!crypto::verify_proof(environment_.config.key, *ekm, incoming.peer, incoming.proof))
    return refuse(context, incoming, CloseCode::invalid_proof);

  Member* const member = members_.learn(context, incoming.entry, Voucher::proof);
  // limits::mesh_peers, or a clock beyond the drift: it may come again.
  if (member == nullptr) return refuse(context, incoming, CloseCode::timeout);
  member->life.desire(DesiredState::wanted);
  member->forget_at = never;
  Held held;
  if (newer) {
    MOSAIK_CODE_PROBE("bonds.replaced_by_next_run");
    bonds_.close(context, *member, CloseCode::already_bonded,
                 {.by = EndedBy::replaced,
                  .code = static_cast<std::uint64_t>(CloseCode::already_bonded),
                  .reason = "replaced by the peer's next incarnation"});
  } else if (lost) {
    MOSAIK_CODE_PROBE("bonds.peer_lost_the_bond");
    bonds_.close(context, *member, CloseCode::already_bonded,
                 {.by = EndedBy::link,
                  .code = static_cast<std::uint64_t>(CloseCode::already_bonded),
                  .reason = "the peer lost this bond and dials anew",
                  .loss = LossReason::link});
  } else if (member->life.attempt() != nullptr) {
    const bool stands = attempt_stands(*member, incoming);
    trace([&] {
      const bool sent = member->life.handshaking() != nullptr;
      return decision(stands ? "simultaneous_open_kept" : "simultaneous_open_yielded",
                      !sent           ? "ours_is_not_sent_yet"
                      : !incoming.cpp ? "a_rust_peer_never_yields"
                                      : "the_lower_id_opens",
                      incoming.peer, 0);
    });
    if (stands) {
      if (!member->life.hold(incoming)) return refuse(context, incoming, CloseCode::already_bonded);
      MOSAIK_CODE_PROBE("bonds.handshake_held");
      return members_.assign(incoming.link, member->id, LinkRole::held);
    }
    MOSAIK_CODE_PROBE("bonds.attempt_yields_to_arrival");
    // Not 102: should the other end have answered ours in this moment, that must not look like a departure.
    held = drop_attempt(context, *member, CloseCode::already_bonded);
  }
  accept(context, incoming);
  answer(context, *member, std::move(held));
}

// The tie-break. Before our HandshakeStart is out nobody has heard of our attempt. A Rust peer knows no rule: what is
// out stands until it has failed. Of two C++ peers the one with the lower id opens.
bool Handshakes::attempt_stands(const Member& member, const IncomingHandshake& incoming) const {
  return member.life.handshaking() != nullptr && (!incoming.cpp || environment_.self.id() < incoming.peer);
}

std::vector<BytesView> Handshakes::bond_list() const {
  std::vector<BytesView> out;
  members_.for_each([&](const Member& member) {
    const LiveBond* const bond = member.life.bond();
    if (bond != nullptr && out.size() < limits::handshake_entries) out.emplace_back(bond->entry->bytes);
  });
  return out;
}

void Handshakes::accept(const MeshContext& context, const IncomingHandshake& incoming) {
  const MeshConfig& config = environment_.config;
  Member* const member = members_.find(incoming.peer);
  // It was learned when its proof was verified, and a member with a handshake under way does not leave the table.
  MOSAIK_ASSERT(member != nullptr && !member->life.busy());
  const auto ekm = exported<crypto::ExporterKey>(context, incoming.link, config.group.view());
  const auto session = exported<SessionId>(context, incoming.link, bytes_of(session_label));
  if (!ekm || !session) return give_up(context, incoming);

  const std::vector<BytesView> named(incoming.bonds.begin(), incoming.bonds.end());
  auto list = introductions_.read(context.now, named);
  if (!list) return refuse(context, incoming, CloseCode::protocol_violation);

  const crypto::Proof proof = crypto::make_proof(config.key, *ekm, environment_.self.id());
  std::vector<std::uint8_t> tail;
  if (incoming.cpp) tail = handshake_tail(environment_.self.entry(), config.capabilities, config.engine);
  const std::vector<BytesView> bonds = bond_list();
  const Frame end =
      environment_.frames.make([&](auto& out) { wire::encode_handshake_end(proof.bytes(), bonds, tail, out); });
  if (context.links.send(incoming.link, SendClass::liveness, end) != SendResult::queued)
    return give_up(context, incoming);
  bonds_.establish(context, *member,
                   {.link = incoming.link,
                    .session = *session,
                    .side = Side::acceptor,
                    .cpp = incoming.cpp,
                    .capabilities = incoming.capabilities,
                    .engine = incoming.engine});
  introductions_.take(context, incoming.peer, std::move(*list));
}

void Handshakes::answer(const MeshContext& context, Member& member, Held held) {
  // The newest is the one whose sender is most likely still waiting. None stays behind: a member with a held handshake
  // is not dialed.
  while (!held.empty() && !member.life.busy()) {
    const IncomingHandshake incoming = std::move(held.back());
    held.pop_back();
    members_.release(incoming.link);
    accept(context, incoming);
  }
  refuse_held(context, held, CloseCode::already_bonded);
}

void Handshakes::refuse_held(const MeshContext& context, const Held& held, CloseCode code) {
  for (const IncomingHandshake& incoming : held) {
    members_.release(incoming.link);
    refuse(context, incoming, code);
  }
}

// ------------------------------------------------------------------------------------------------ initiator

void Handshakes::on_opened(const MeshContext& context, const LinkOpened& opened) {
  if (opened.dialed_as) members_.rename(*opened.dialed_as, opened.link);
  const LinkOwner* const owner = members_.owner(opened.link);
  if (owner == nullptr) return context.links.close(context.now, opened.link, CloseCode::cancelled, CloseMode::at_once);
  Member& member = *members_.find(owner->peer);
  if (member.life.phase() != Phase::dialing || member.life.attempt()->link != opened.link) return;
  const MeshConfig& config = environment_.config;
  const auto ekm = exported<crypto::ExporterKey>(context, opened.link, config.group.view());
  if (!ekm) return;  // it ended before it was looked at: its LinkClosed, which says why, follows

  const crypto::Proof proof = crypto::make_proof(config.key, *ekm, environment_.self.id());
  const std::vector<std::uint8_t> tail =
      handshake_tail(environment_.self.entry(), config.capabilities, config.engine, member.history.session);
  const std::vector<BytesView> bonds = bond_list();
  const Frame start = environment_.frames.make(
      [&](auto& out) { wire::encode_handshake_start(config.network, config.group, proof.bytes(), bonds, tail, out); });
  static_cast<void>(context.links.send(opened.link, SendClass::liveness, start));
  member.life.begin_handshake(context.now, environment_.self.entry());
}

void Handshakes::refuse_end(const MeshContext& context, Member& member, CloseCode code, std::string_view why) {
  member.plan.why = why;
  member.plan.refused_code = static_cast<std::uint64_t>(code);
  trace([&] { return decision("handshake_refused", why, member.id, member.plan.refused_code); });
  context.events.emplace_back(Refused{member.id, true, member.plan.refused_code});
  answer(context, member, drop_attempt(context, member, code));
  if (!member.life.busy()) dialer_.after_failure(context, member);
}

void Handshakes::on_frame(const MeshContext& context, Member& member, BytesView payload) {
  // Without our HandshakeStart the link ended before it was looked at; its LinkClosed follows.
  if (member.life.handshaking() == nullptr) return;
  const LinkId link = member.life.attempt()->link;
  const MeshConfig& config = environment_.config;
  const auto end = wire::decode_handshake_end(payload);
  if (!end)
    return refuse_end(context, member, CloseCode::protocol_violation,
                      "its HandshakeEnd does not decode: " + end.error().message);
  const auto ekm = exported<crypto::ExporterKey>(context, link, config.group.view());
  const auto session = exported<SessionId>(context, link, bytes_of(session_label));
  if (!ekm || !session) return;  // it ended right behind the frame: its LinkClosed, which says why, follows
  if (!crypto::verify_proof(config.key, *ekm, member.id, crypto::Proof(end->proof)))
    return refuse_end(context, member, CloseCode::invalid_proof,
                      "its proof does not verify (30405): another group secret");
  std::vector<BytesView> named;
  for (const wire::SignedEntryView& view : end->bonds) named.push_back(view.whole);
  auto list = introductions_.read(context.now, named);
  if (!list)
    return refuse_end(context, member, CloseCode::protocol_violation,
                      "its list of bonds holds an entry that does not verify");

  const ExtensionBlock block = read_tail(end->tail, environment_.verifier);
  const std::int64_t run_before = member.incarnation();
  // We dialed the run that we knew of; the one that answered may be its next.
  const bool own = block.own_entry && block.own_entry->id() == member.id;
  if (own && members_.learn(context, block.own_entry, Voucher::member) != nullptr)
    context.events.emplace_back(EntryHeard{block.own_entry});
  if (own && member.entry->digest == block.own_entry->digest && run_before != member.incarnation())
    MOSAIK_CODE_PROBE("bonds.another_run_answered");
  const Held held = member.life.release_held();
  const Handshaking attempt = *member.life.handshaking();
  refuse_held(context, held, CloseCode::already_bonded);
  bonds_.establish(context, member,
                   {.link = link,
                    .session = *session,
                    .side = Side::initiator,
                    .cpp = block.present,
                    .capabilities = block.capabilities,
                    .engine = block.engine});
  tell_news(context, *member.life.bond(), attempt, list->entries);
  introductions_.take(context, member.id, std::move(*list));
}

// Our list and entry were those of our HandshakeStart, and what is new since was told to those we were bonded with.
// What an acceptor brings is as new as its bond.
void Handshakes::tell_news(const MeshContext& context, const LiveBond& bond, const Handshaking& since,
                           std::span<const identity::EntryRef> known) {
  BondSender& sender = bonds_.sender();
  if (since.entry->digest != environment_.self.entry()->digest) BondSender::tell(context, bond, sender.entry_update());
  members_.for_each([&](const Member& member) {
    const LiveBond* const other = member.life.bond();
    if (other == nullptr || other->link == bond.link || other->since < since.started_at) return;
    const identity::EntryRef& entry = other->entry;
    const auto names_it = [&](const identity::EntryRef& one) {
      return one->id() == entry->id() && one->entry.version.started >= entry->entry.version.started;
    };
    if (std::ranges::none_of(known, names_it)) BondSender::tell(context, bond, sender.bond_formed(entry));
  });
}

// ------------------------------------------------------------------------------------------------ the attempt fails

Handshakes::Held Handshakes::drop_attempt(const MeshContext& context, Member& member, CloseCode code) {
  const LinkId link = member.life.attempt()->link;
  Held held = member.life.end_attempt();
  members_.release(link);
  context.links.close(context.now, link, code, CloseMode::at_once);
  return held;
}

void Handshakes::abandon(const MeshContext& context, Member& member) {
  if (member.life.attempt() == nullptr) return;
  refuse_held(context, drop_attempt(context, member, CloseCode::cancelled), CloseCode::group_not_found);
}

void Handshakes::on_timeout(const MeshContext& context, Member& member) {
  MOSAIK_CODE_PROBE("bonds.dial_timed_out");
  const bool start_sent = member.life.handshaking() != nullptr;
  member.plan.why = start_sent ? "it did not answer the handshake" : "it did not answer at its address";
  member.plan.refused_code = 0;
  answer(context, member, drop_attempt(context, member, start_sent ? CloseCode::timeout : CloseCode::cancelled));
  if (!member.life.busy()) dialer_.after_failure(context, member);
}

void Handshakes::on_attempt_closed(const MeshContext& context, Member& member, const CloseInfo& close) {
  Held held = member.life.end_attempt();
  DialPlan& plan = member.plan;
  plan.why = in_words(close);
  plan.refused_code = close.application && close.by == ClosedBy::peer ? close.code : 0;
  if (plan.refused_code != 0) trace([&] { return decision("refused_by_peer", plan.why, member.id, close.code); });
  if (plan.refused_code != 0) context.events.emplace_back(Refused{member.id, false, close.code});
  answer(context, member, std::move(held));
  if (member.life.busy()) return;

  if (close.is(CloseCode::unknown_peer)) {
    MOSAIK_CODE_PROBE("bonds.sync_after_401");
    ++plan.attempts;
    member.life.begin_sync();
    context.events.emplace_back(SyncWanted{member.id, member.entry->entry.sockets()});
    return;
  }
  if (close.is(CloseCode::group_not_found) || close.is(CloseCode::cancelled)) {
    member.life.desire(close.is(CloseCode::cancelled) ? DesiredState::departed : DesiredState::stranger);
    member.forget_at = context.now.mono + limits::stale_after;
    context.events.emplace_back(MeshChanged{});
  }
  dialer_.after_failure(context, member);
}

}  // namespace mosaik::bonds
