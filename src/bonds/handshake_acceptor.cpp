#include "bonds/handshake_acceptor.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/code_probe.hpp"
#include "base/limits.hpp"
#include "base/trace.hpp"
#include "bonds/extension_block.hpp"

namespace mosaik::bonds {

void HandshakeAcceptor::on_opened(const MeshContext& step, const LinkOpened& opened, AdmissionClass standing) {
  if (const auto leaving = places_.admit(opened.link, opened.remote, standing)) {
    MOSAIK_CODE_PROBE("bonds.start_gave_way");
    trace([&] {
      return Decision{.component = "bonds",
                      .what = "handshake_evicted",
                      .reason = "its_place_is_needed",
                      .peer = waiting_.at(*leaving).peer};
    });
    step.links.close(step.now, *leaving, CloseCode::timeout, CloseMode::at_once);
    waiting_.erase(*leaving);
  }
  waiting_[opened.link] = {opened.peer, step.now.mono + limits::handshake_timeout};
}

void HandshakeAcceptor::forget(LinkId link) {
  waiting_.erase(link);
  places_.leave(link);
}

void HandshakeAcceptor::refuse(const MeshContext& step, LinkId link, CloseCode code) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return;
  trace([&] {
    return Decision{.component = "bonds",
                    .what = "handshake_refused",
                    .reason = reason_of(code),
                    .peer = found->second.peer,
                    .fields = {{{"code", static_cast<std::int64_t>(code)}}}};
  });
  step.events.emplace_back(Refused{found->second.peer, true, static_cast<std::uint64_t>(code)});
  forget(link);
  step.links.close(step.now, link, code, CloseMode::at_once);
}

identity::EntryRef HandshakeAcceptor::entry_of(const MeshContext& step, const PeerId& peer,
                                               const identity::EntryRef& brought) const {
  identity::EntryRef known = directory_.find(peer, step.now);
  if (!brought || brought->id() != peer || brought->entry.network != network_) return known;
  if (known && known->entry.version >= brought->entry.version) return known;
  const auto updated = brought->entry.version.updated;
  const auto wall = step.now.wall.milliseconds;
  const bool fresh = updated >= wall - limits::stale_after / 1ms && updated <= wall + limits::clock_drift / 1ms;
  return fresh ? brought : known;
}

std::optional<IncomingHandshake> HandshakeAcceptor::on_frame(const MeshContext& step, LinkId link, BytesView payload,
                                                             const std::set<GroupId>& joined) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return std::nullopt;
  const PeerId peer = found->second.peer;
  const auto refused = [&](CloseCode code) {
    refuse(step, link, code);
    return std::nullopt;
  };

  const auto start = wire::decode_handshake_start(payload);
  const ExtensionBlock tail = start ? read_tail(start->tail, verifier_) : ExtensionBlock{};
  const identity::EntryRef entry = entry_of(step, peer, tail.own_entry);
  if (!entry) return refused(CloseCode::unknown_peer);
  if (!start) return refused(CloseCode::protocol_violation);
  if (start->network != network_) return refused(CloseCode::different_network);
  if (!joined.contains(start->group)) return refused(CloseCode::group_not_found);

  IncomingHandshake arrival{.link = link,
                            .peer = peer,
                            .group = start->group,
                            .entry = entry,
                            .proof = crypto::Proof(start->proof),
                            .bonds = {},
                            .cpp = tail.present,
                            .capabilities = tail.capabilities,
                            .engine = tail.engine,
                            .lost_session = tail.lost_session};
  for (const wire::SignedEntryView& view : start->bonds)
    arrival.bonds.emplace_back(view.whole.begin(), view.whole.end());
  if (tail.own_entry && entry->digest == tail.own_entry->digest) step.events.emplace_back(EntryHeard{entry});
  forget(link);
  return arrival;
}

// Without a whole frame there is no entry in a tail: who is not in the catalog is unknown.
void HandshakeAcceptor::refuse_frameless(const MeshContext& step, LinkId link, CloseCode code) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return;
  refuse(step, link, directory_.find(found->second.peer, step.now) ? code : CloseCode::unknown_peer);
}

void HandshakeAcceptor::on_ended(const MeshContext& step, LinkId link, bool clean) {
  refuse_frameless(step, link, clean ? CloseCode::unexpected_close : CloseCode::invalid_handshake);
}

void HandshakeAcceptor::on_oversized(const MeshContext& step, LinkId link) {
  refuse_frameless(step, link, CloseCode::protocol_violation);
}

void HandshakeAcceptor::on_timer(const MeshContext& step) {
  std::vector<LinkId> late;
  for (const auto& [link, waiting] : waiting_)
    if (step.now.mono >= waiting.deadline) late.push_back(link);
  for (const LinkId link : late) refuse_frameless(step, link, CloseCode::timeout);
}

Mono HandshakeAcceptor::next_deadline() const {
  Mono next = never;
  for (const auto& [link, waiting] : waiting_) next = std::min(next, waiting.deadline);
  return next;
}

void HandshakeAcceptor::check_invariants() const {
  // A place without a link is lost to strangers for ever; a link without a place is one more than the limit.
  MOSAIK_ASSERT(waiting_.size() == places_.size() && waiting_.size() <= limits::incoming_starts);
  for (const auto& [link, waiting] : waiting_) {
    MOSAIK_ASSERT(places_.contains(link));
    // A stranger that never speaks must not keep its place.
    MOSAIK_ASSERT(waiting.deadline != never);
  }
}

}  // namespace mosaik::bonds
