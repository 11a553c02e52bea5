#include "bonds/reception.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/probe.hpp"
#include "bonds/tail.hpp"

namespace mosaik::bonds {

void Reception::on_opened(const Step& step, const quic::LinkOpened& opened, AdmissionClass standing) {
  if (const auto leaving = places_.admit(opened.link, opened.remote, standing)) {
    MOSAIK_PROBE("bonds.start_gave_way");
    step.links.close(step.now, *leaving, CloseCode::timeout, quic::CloseMode::at_once);
    waiting_.erase(*leaving);
  }
  waiting_[opened.link] = {opened.peer, step.now.mono + limits::handshake_timeout};
}

void Reception::forget(quic::LinkId link) {
  waiting_.erase(link);
  places_.leave(link);
}

void Reception::refuse(const Step& step, quic::LinkId link, CloseCode code) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return;
  step.facts.emplace_back(Refused{found->second.peer, true, static_cast<std::uint64_t>(code)});
  forget(link);
  step.links.close(step.now, link, code, quic::CloseMode::at_once);
}

identity::EntryRef Reception::entry_of(const Step& step, const PeerId& peer, const identity::EntryRef& brought) const {
  identity::EntryRef known = directory_.find(peer, step.now);
  if (!brought || brought->id() != peer || brought->entry.network != network_) return known;
  if (known && known->entry.version >= brought->entry.version) return known;
  const auto updated = brought->entry.version.updated;
  const auto wall = step.now.wall.milliseconds;
  const bool fresh = updated >= wall - limits::stale_after / 1ms && updated <= wall + limits::clock_drift / 1ms;
  return fresh ? brought : known;
}

std::optional<Arrival> Reception::on_frame(const Step& step, quic::LinkId link, BytesView payload,
                                           const std::set<GroupId>& joined) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return std::nullopt;
  const PeerId peer = found->second.peer;
  const auto refused = [&](CloseCode code) {
    refuse(step, link, code);
    return std::nullopt;
  };

  const auto start = codec::decode_handshake_start(payload);
  const Tail tail = start ? read_tail(start->tail, verifier_) : Tail{};
  const identity::EntryRef entry = entry_of(step, peer, tail.own_entry);
  if (!entry) return refused(CloseCode::unknown_peer);
  if (!start) return refused(CloseCode::protocol_violation);
  if (start->network != network_) return refused(CloseCode::different_network);
  if (!joined.contains(start->group)) return refused(CloseCode::group_not_found);

  Arrival arrival{.link = link,
                  .peer = peer,
                  .group = start->group,
                  .entry = entry,
                  .proof = crypto::Proof(start->proof),
                  .bonds = {},
                  .cpp = tail.present,
                  .capabilities = tail.capabilities,
                  .quorum_floor = tail.quorum_floor,
                  .lost_session = tail.lost_session};
  for (const codec::SignedEntryView& view : start->bonds)
    arrival.bonds.emplace_back(view.whole.begin(), view.whole.end());
  if (tail.own_entry && entry->digest == tail.own_entry->digest) step.facts.emplace_back(EntryHeard{entry});
  forget(link);
  return arrival;
}

// Without a whole frame there is no entry in a tail: who is not in the catalog is unknown.
void Reception::refuse_frameless(const Step& step, quic::LinkId link, CloseCode code) {
  const auto found = waiting_.find(link);
  if (found == waiting_.end()) return;
  refuse(step, link, directory_.find(found->second.peer, step.now) ? code : CloseCode::unknown_peer);
}

void Reception::on_ended(const Step& step, quic::LinkId link, bool clean) {
  refuse_frameless(step, link, clean ? CloseCode::unexpected_close : CloseCode::invalid_handshake);
}

void Reception::on_oversized(const Step& step, quic::LinkId link) {
  refuse_frameless(step, link, CloseCode::protocol_violation);
}

void Reception::on_timer(const Step& step) {
  std::vector<quic::LinkId> late;
  for (const auto& [link, waiting] : waiting_)
    if (step.now.mono >= waiting.deadline) late.push_back(link);
  for (const quic::LinkId link : late) refuse_frameless(step, link, CloseCode::timeout);
}

Mono Reception::next_deadline() const {
  Mono next = never;
  for (const auto& [link, waiting] : waiting_) next = std::min(next, waiting.deadline);
  return next;
}

}  // namespace mosaik::bonds
