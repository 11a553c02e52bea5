#include "detector/failure_detector.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/code_probe.hpp"
#include "base/trace.hpp"

namespace mosaik::detector {

namespace {
constexpr unsigned most_proofs_told = 3;  // proofs of others that are listened to

Decision decision(std::string_view what, std::string_view reason, const PeerId& peer, Nanoseconds silent = {}) {
  return {
      .component = "detector", .what = what, .reason = reason, .peer = peer, .fields = {{{"silent_ms", silent / 1ms}}}};
}
}  // namespace

// ------------------------------------------------------------------------------------------------ whom we watch

MonitoredPeer* FailureDetector::find(const PeerId& peer) {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second;
}

const MonitoredPeer* FailureDetector::find(const PeerId& peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? nullptr : &found->second;
}

void FailureDetector::watch(const Now& now, const PeerId& peer, PeerKind kind) {
  MOSAIK_ASSERT(peer != self_);
  forget(peer);
  peers_.emplace(peer, MonitoredPeer(peer, kind, now.mono));
  assign_ring_neighbour();
}

void FailureDetector::forget(const PeerId& peer) {
  MonitoredPeer* const known = find(peer);
  if (known == nullptr) return;
  clear(*known);
  timers_.cancel(known->timer);
  peers_.erase(PeerId(peer));
  assign_ring_neighbour();
}

void FailureDetector::set_config(const Config& config) {
  rules_ = VerdictRules(config);
  schedule_all();
}

void FailureDetector::schedule_all() {
  for (auto& [id, peer] : peers_) schedule(peer);
}

// The next C++ peer after us in the ring of ids is ours to look at, and its next one is not: one look a peer. Of two or
// fewer we look at all.
void FailureDetector::assign_ring_neighbour() {
  std::size_t count = 0;
  MonitoredPeer* next = nullptr;
  MonitoredPeer* first = nullptr;
  for (auto& [id, peer] : peers_) {
    peer.ring_neighbour = false;
    if (peer.kind != PeerKind::cpp) continue;
    ++count;
    if (first == nullptr) first = &peer;
    if (next == nullptr && self_ < id) next = &peer;
  }
  if (next == nullptr) next = first;
  if (next != nullptr) next->ring_neighbour = true;
  if (count <= 2)
    for (auto& [id, peer] : peers_) peer.ring_neighbour = peer.kind == PeerKind::cpp;
  schedule_all();
}

// ------------------------------------------------------------------------------------------------ signs of life

void FailureDetector::on_life(const Now& now, MonitoredPeer& peer, Events& events) {
  LifeSigns& signs = peer.signs;
  const Nanoseconds silent = now.mono - signs.life;
  signs.heard = signs.life = now.mono;
  signs.asked.reset();
  signs.unanswered = 0;
  if (std::exchange(signs.report, false)) events.emplace_back(Heard{peer.id});
  if (!peer.suspicion) return;
  const Suspicion& suspicion = *peer.suspicion;
  const bool may_be_old = suspicion.why == Why::sentinel || suspicion.why == Why::told;
  if (may_be_old && now.mono < suspicion.begun + rules_.config().sentinel_grace) return;
  peer.against.finished.reset();
  peer.against.proven_elsewhere = false;
  const bool told = suspicion.told.has_value();
  if (suspicion.why == Why::silence && told && silent > peer.slowest) {
    peer.slowest = silent;
    peer.slow_until = now.mono + rules_.config().caution_time;
  }
  MOSAIK_CODE_PROBE("health.refuted");
  if (told) trace([&] { return decision("refuted", "it_is_heard", peer.id, silent); });
  clear(peer);
  if (told) events.emplace_back(Refuted{peer.id});
}

void FailureDetector::on_packet(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr || peer->kind != PeerKind::cpp) return;
  on_life(now, *peer, events);
  schedule(*peer);
}

void FailureDetector::on_frame(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  on_life(now, *peer, events);
  schedule(*peer);
}

void FailureDetector::report_life(const PeerId& id) {
  if (MonitoredPeer* const peer = find(id)) peer->signs.report = true;
}

// ------------------------------------------------------------------------------------------------ questions and probes

void FailureDetector::on_asked(const Now& now, const PeerId& id, Nanoseconds rtt) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  peer->signs.rtt = rtt;
  if (!peer->signs.asked) peer->signs.asked = now.mono;
  schedule(*peer);
}

void FailureDetector::on_link_state(const PeerId& id, const LinkState& state) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  peer->signs.unanswered = state.unanswered;
  peer->signs.rtt = state.rtt;
  schedule(*peer);
}

void FailureDetector::probe(const Now& now, MonitoredPeer& peer, Events& events) const {
  Suspicion& suspicion = *peer.suspicion;
  ++suspicion.probes;
  suspicion.quoted = false;
  suspicion.next_probe = now.mono + rules_.pace(peer, suspicion, in_doubt_);
  // Round-trip guard: on a far link so many probes leave before the first answer can arrive. A suspicion would be
  // false, and each member that hears of it would suspect and ask all others in turn (partitions 11 with 20 nodes).
  if (suspicion.probes > rules_.config().suspect_probes && now.mono >= rules_.answer_due(peer))
    tell(now, peer.id, suspicion, events);
  // A peer that dies at once is proven dead within milliseconds: only what lasts longer is worth a question to all.
  if (rules_.lasts(suspicion) && !suspicion.asked) {
    suspicion.asked = now.mono;
    events.emplace_back(DoubtWanted{peer.id});
  }
  if (rules_.wants_proof(peer)) events.emplace_back(ProofWanted{peer.id});
  events.emplace_back(Probe{peer.id});
}

void FailureDetector::tell(const Now& now, const PeerId& peer, Suspicion& suspicion, Events& events) {
  if (suspicion.told) return;
  suspicion.told = now.mono;
  trace([&] { return decision("suspected", to_string(suspicion.why), peer); });
  events.emplace_back(Suspected{peer, suspicion.why});
}

void FailureDetector::suspect(const Now& now, MonitoredPeer& peer, Why why, Events& events) {
  const std::optional<Mono> told = peer.suspicion ? peer.suspicion->told : std::nullopt;
  clear(peer);
  peer.suspicion.emplace(Suspicion{.why = why, .begun = now.mono, .told = told});
  ++suspected_;
  // A member that vouched for it in a silence is asked again: the peer may have died since.
  if (!peer.signs.asked) peer.signs.asked = now.mono;
  if (why != Why::silence) tell(now, peer.id, *peer.suspicion, events);
  probe(now, peer, events);
  schedule(peer);
}

void FailureDetector::clear(MonitoredPeer& peer) {
  if (!peer.suspicion) return;
  MOSAIK_ASSERT(suspected_ > 0);
  peer.suspicion.reset();
  --suspected_;
}

// ------------------------------------------------------------------------------------------------ hints

void FailureDetector::on_sentinel_finished(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  if (MonitoredPeer* const peer = find(id)) peer->against.finished = now.mono;
  on_sentinel_broken(now, id, events);
}

void FailureDetector::on_sentinel_broken(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  if (MonitoredPeer* const peer = find(id)) suspect(now, *peer, Why::sentinel, events);
}

void FailureDetector::on_told(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr || peer->against.proofs_told >= most_proofs_told) return;
  ++peer->against.proofs_told;
  peer->against.proven_elsewhere = true;
  if (!peer->suspicion || peer->suspicion->why == Why::silence) suspect(now, *peer, Why::told, events);
}

void FailureDetector::on_unreachable(const Now& now, const PeerId& id, std::optional<Mono> probe_sent,
                                     std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  if (peer->against.finished && probe_sent && *probe_sent >= *peer->against.finished) {
    MOSAIK_CODE_PROBE("health.proven");
    trace([&] { return decision("proven_dead", "sentinel_ended_and_port_closed", id, now.mono - peer->signs.life); });
    events.emplace_back(ProvenDead{id});
    return forget(id);
  }
  if (!peer->suspicion || peer->suspicion->why == Why::silence) {
    // Whoever can forge such answers to a living peer makes us probe at the pace of hints, not faster.
    if (!peer->suspicion && now.mono < peer->against.unreachable + rules_.config().hint_pause) return;
    peer->against.unreachable = now.mono;
    MOSAIK_CODE_PROBE("health.unreachable_suspicion");
    return suspect(now, *peer, Why::unreachable, events);
  }
  Suspicion& suspicion = *peer->suspicion;
  if (suspicion.quoted) return;
  suspicion.quoted = true;
  if (suspicion.quotes++ == 0) suspicion.first_quote = now.mono;
  if (judge(now, *peer, events)) forget(id);
}

void FailureDetector::on_hint(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  // Hints are cheap to make for others, so they buy one probe at their pace and no suspicion.
  if (peer->suspicion || now.mono < peer->against.hinted + rules_.config().hint_pause) return;
  peer->against.hinted = now.mono;
  events.emplace_back(Probe{id});
}

void FailureDetector::on_doubt(const Now& now, const PeerId& id, std::vector<DetectorEvent>& events) {
  MonitoredPeer* const peer = find(id);
  if (peer == nullptr) return;
  if (peer->suspicion || now.mono < peer->against.hinted + rules_.config().hint_pause) return;
  peer->against.hinted = now.mono;
  // It costs a few probes, which the first answer ends; no other member hears of it before they stay unanswered.
  suspect(now, *peer, Why::silence, events);
}

void FailureDetector::on_no_witness(const PeerId& id) {
  MonitoredPeer* const peer = find(id);
  if (peer != nullptr && peer->suspicion) peer->suspicion->alone = true;
}

void FailureDetector::on_vouched(const Now& now, const PeerId& id) {
  MonitoredPeer* const peer = find(id);
  if (peer != nullptr && peer->suspicion) peer->suspicion->vouched = now.mono;
}

// ------------------------------------------------------------------------------------------------ ourselves first

bool FailureDetector::on_stall(const Now& now, Nanoseconds late) {
  if (late < rules_.config().stall) return false;
  MOSAIK_CODE_PROBE("health.stall_forgiven");
  trace([&] { return decision("forgive_silence", "our_loop_was_late", {}, late); });
  local_health_.on_stall(rules_.config(), now);
  for (auto& [id, peer] : peers_) {
    peer.signs.life = std::min(peer.signs.life + late, now.mono);
    if (peer.signs.asked) peer.signs.asked = std::min(*peer.signs.asked + late, now.mono);
    if (peer.suspicion) {
      peer.suspicion->probes = 0;
      peer.suspicion->quotes = 0;
      peer.suspicion->quoted = true;  // what answers an old probe is not counted
    }
  }
  schedule_all();
  return true;
}

// ------------------------------------------------------------------------------------------------ time

bool FailureDetector::judge(const Now& now, const MonitoredPeer& peer, Events& events) const {
  const auto verdict = rules_.judge(now, peer, local_health_.multiplier(rules_.config(), now));
  if (!verdict) return false;
  const Nanoseconds silent = now.mono - peer.signs.life;
  trace([&] {
    const bool dead = verdict->kind == Verdict::Kind::presumed_dead;
    return decision(dead ? "presumed_dead" : "link_down", to_string(verdict->why), peer.id, silent);
  });
  switch (verdict->kind) {
    case Verdict::Kind::link_down: events.emplace_back(LinkDown{peer.id, verdict->why, silent}); break;
    case Verdict::Kind::presumed_dead: events.emplace_back(PresumedDead{peer.id, verdict->why, silent}); break;
  }
  return true;
}

void FailureDetector::on_timer(const Now& now, std::vector<DetectorEvent>& events) {
  in_doubt_ = static_cast<unsigned>(suspected_);
  std::vector<PeerId> due;
  for (Timer<PeerId>* timer = timers_.nearest(); timer != nullptr && timer->at <= now.mono; timer = timers_.nearest()) {
    due.push_back(timer->owner);
    timers_.cancel(*timer);
  }
  // In the order of ids, whatever was due first: every run is the same.
  std::ranges::sort(due);
  std::vector<PeerId> judged;
  for (const PeerId& id : due) {
    MonitoredPeer& peer = peers_.at(id);
    if (peer.suspicion) {
      if (judge(now, peer, events)) {
        judged.push_back(id);
        continue;
      }
      probe(now, peer, events);
    } else if (peer.signs.asked || now.mono >= peer.signs.life + rules_.config().overdue) {
      suspect(now, peer, Why::silence, events);
    } else {
      peer.signs.asked = now.mono;
      events.emplace_back(Probe{id});
    }
    schedule(peer);
  }
  for (const PeerId& id : judged) forget(id);
}

Mono FailureDetector::next_deadline() const {
  return timers_.next();
}

std::optional<PeerKind> FailureDetector::kind_of(const PeerId& id) const {
  const MonitoredPeer* const peer = find(id);
  return peer == nullptr ? std::nullopt : std::optional(peer->kind);
}

bool FailureDetector::suspects(const PeerId& id) const {
  const MonitoredPeer* const peer = find(id);
  return peer != nullptr && peer->suspicion && peer->suspicion->told;
}

Nanoseconds FailureDetector::silent_for(const Now& now, const PeerId& id) const {
  const MonitoredPeer* const peer = find(id);
  return peer == nullptr ? Nanoseconds{} : now.mono - peer->signs.heard;
}

// ------------------------------------------------------------------------------------------------ invariants

void FailureDetector::check_invariants() const {
  std::size_t suspected = 0;
  std::size_t neighbours = 0;
  std::size_t cpp = 0;
  for (const auto& [id, peer] : peers_) {
    // A verdict about ourselves would end all bonds.
    MOSAIK_ASSERT(peer.id == id && id != self_);
    peer.check_invariants();
    suspected += peer.suspicion ? 1U : 0U;
    neighbours += peer.ring_neighbour ? 1U : 0U;
    cpp += peer.kind == PeerKind::cpp ? 1U : 0U;
    // A timer that is not moved on is a death that is found late.
    MOSAIK_ASSERT(peer.timer.at == rules_.due(peer));
  }
  // The pace of probes is shared by these; a wrong count floods a loaded mesh, or finds deaths late.
  MOSAIK_ASSERT(suspected == suspected_);
  // Each peer is looked at by one other: with none a silent death is found late, with more the looks cost N^2.
  MOSAIK_ASSERT(neighbours == (cpp <= 2 ? cpp : 1));
}

}  // namespace mosaik::detector
