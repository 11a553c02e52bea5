#include "detector/failure_detector.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/code_probe.hpp"

namespace mosaik::detector {

namespace {
constexpr unsigned most_strain = 4;
constexpr unsigned most_told = 3;  // proofs of others that are listened to
}  // namespace

std::string_view to_string(Why why) noexcept {
  switch (why) {
    case Why::sentinel: return "sentinel ended";
    case Why::told: return "proven dead by another member";
    case Why::unreachable: return "unreachable";
    case Why::silence: return "silence";
  }
  return "silence";
}

Config Config::for_heartbeat(Nanoseconds base, Nanoseconds jitter) {
  Config config;
  const Nanoseconds usual_base = 500ms;
  const Nanoseconds later = base + jitter + 200ms - config.overdue;
  config.overdue += later;
  config.rust.silence += later;
  // Who chose rare heartbeats wants a quiet network.
  if (base > usual_base) {
    const Nanoseconds look = config.look_after * (base / 1ms) / (usual_base / 1ms);
    config.cpp.silence += look - config.look_after;
    config.look_after = look;
  }
  return config;
}

// ------------------------------------------------------------------------------------------------ whom we watch

void FailureDetector::watch(const Now& now, const PeerId& peer, PeerKind kind) {
  watched_[peer] = Watched{.kind = kind, .heard = now.mono, .life = now.mono};
  appoint();
}

void FailureDetector::forget(const PeerId& peer) {
  if (watched_.erase(peer) != 0) appoint();
}

// The next C++ peer after us in the ring of ids is ours to look at, and its next one is not: one look a peer. Of two or
// fewer we look at all.
void FailureDetector::appoint() {
  std::size_t count = 0;
  Watched* next = nullptr;
  Watched* first = nullptr;
  for (auto& [id, watched] : watched_) {
    watched.ward = false;
    if (watched.kind != PeerKind::cpp) continue;
    ++count;
    if (first == nullptr) first = &watched;
    if (next == nullptr && self_ < id) next = &watched;
  }
  if (next == nullptr) next = first;
  if (next != nullptr) next->ward = true;
  if (count > 2) return;
  for (auto& [id, watched] : watched_) watched.ward = watched.kind == PeerKind::cpp;
}

// ------------------------------------------------------------------------------------------------ signs of life

void FailureDetector::on_life(const Now& now, const PeerId& peer, Watched& watched,
                              std::vector<DetectorEvent>& events) {
  const Nanoseconds silent = now.mono - watched.life;
  watched.heard = watched.life = now.mono;
  watched.asked.reset();
  watched.unanswered = 0;
  if (std::exchange(watched.report, false)) events.emplace_back(Heard{peer});
  if (!watched.suspicion) return;
  const Suspicion& suspicion = *watched.suspicion;
  const bool may_be_old = suspicion.why == Why::sentinel || suspicion.why == Why::told;
  if (may_be_old && now.mono < suspicion.begun + config_.sentinel_grace) return;
  watched.finished.reset();
  watched.proven_elsewhere = false;
  if (suspicion.why == Why::silence && suspicion.told && silent > watched.slowest) {
    watched.slowest = silent;
    watched.slow_until = now.mono + config_.caution_time;
  }
  MOSAIK_CODE_PROBE("health.refuted");
  const bool told = suspicion.told.has_value();
  watched.suspicion.reset();
  if (told) events.emplace_back(Refuted{peer});
}

void FailureDetector::on_packet(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found != watched_.end() && found->second.kind == PeerKind::cpp) on_life(now, peer, found->second, events);
}

void FailureDetector::on_frame(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found != watched_.end()) on_life(now, peer, found->second, events);
}

void FailureDetector::report_life(const PeerId& peer) {
  if (const auto found = watched_.find(peer); found != watched_.end()) found->second.report = true;
}

// ------------------------------------------------------------------------------------------------ questions and probes

void FailureDetector::on_asked(const Now& now, const PeerId& peer, Nanoseconds rtt) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  found->second.rtt = rtt;
  if (!found->second.asked) found->second.asked = now.mono;
}

void FailureDetector::on_link_state(const PeerId& peer, const LinkState& state) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  found->second.unanswered = state.unanswered;
  found->second.rtt = state.rtt;
}

Nanoseconds FailureDetector::pace(const Watched& watched, Suspicion& suspicion) const {
  switch (suspicion.why) {
    case Why::sentinel:
    case Why::told:
      suspicion.gap = suspicion.gap == Nanoseconds{} ? config_.sentinel_probe_first
                                                     : std::min(2 * suspicion.gap, patience(watched).probe_every);
      return suspicion.gap;
    case Why::unreachable: return config_.unreachable_probe_every;
    case Why::silence: break;
  }
  return patience(watched).probe_every * std::max(1U, in_doubt_ / config_.probed_at_once);
}

unsigned FailureDetector::asks_after(const Suspicion& suspicion) const {
  return suspicion.why == Why::unreachable ? config_.ask_refused : config_.ask_probes;
}

void FailureDetector::probe(const Now& now, const PeerId& peer, Watched& watched,
                            std::vector<DetectorEvent>& events) const {
  Suspicion& suspicion = *watched.suspicion;
  ++suspicion.probes;
  suspicion.quoted = false;
  suspicion.next_probe = now.mono + pace(watched, suspicion);
  // Round-trip guard: on a far link so many probes leave before the first answer can arrive. A suspicion would be
  // false, and each member that hears of it would suspect and ask all others in turn (partitions 11 with 20 nodes).
  if (suspicion.probes > config_.suspect_probes && now.mono >= answer_due(watched)) tell(now, peer, suspicion, events);
  // Whoever dies at once is proven dead within milliseconds: only what lasts longer is worth a question to all.
  const bool lasts =
      suspicion.why == Why::silence ? suspicion.told.has_value() : suspicion.probes > asks_after(suspicion);
  if (lasts && !suspicion.asked) {
    suspicion.asked = now.mono;
    events.emplace_back(DoubtWanted{peer});
  }
  const bool unproven = suspicion.why == Why::sentinel && watched.finished && !watched.proven_elsewhere;
  if (unproven && suspicion.probes > config_.told_probes && std::has_single_bit(suspicion.probes))
    events.emplace_back(ProofWanted{peer});
  events.emplace_back(Probe{peer});
}

void FailureDetector::tell(const Now& now, const PeerId& peer, Suspicion& suspicion,
                           std::vector<DetectorEvent>& events) {
  if (suspicion.told) return;
  suspicion.told = now.mono;
  events.emplace_back(Suspected{peer, suspicion.why});
}

void FailureDetector::doubt(const Now& now, const PeerId& peer, Watched& watched, Why why,
                            std::vector<DetectorEvent>& events) {
  const std::optional<Mono> told = watched.suspicion ? watched.suspicion->told : std::nullopt;
  watched.suspicion.emplace(Suspicion{.why = why, .begun = now.mono, .told = told});
  // Who vouched for it in a silence is asked again: it may have died since.
  if (!watched.asked) watched.asked = now.mono;
  if (why != Why::silence) tell(now, peer, *watched.suspicion, events);
  probe(now, peer, watched, events);
}

// ------------------------------------------------------------------------------------------------ hints

void FailureDetector::on_sentinel_finished(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  if (const auto found = watched_.find(peer); found != watched_.end()) found->second.finished = now.mono;
  on_sentinel_broken(now, peer, events);
}

void FailureDetector::on_sentinel_broken(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  if (const auto found = watched_.find(peer); found != watched_.end())
    doubt(now, peer, found->second, Why::sentinel, events);
}

void FailureDetector::on_told(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.told >= most_told) return;
  ++watched.told;
  watched.proven_elsewhere = true;
  if (!watched.suspicion || watched.suspicion->why == Why::silence) doubt(now, peer, watched, Why::told, events);
}

void FailureDetector::on_unreachable(const Now& now, const PeerId& peer, std::optional<Mono> probe_sent,
                                     std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.finished && probe_sent && *probe_sent >= *watched.finished) {
    MOSAIK_CODE_PROBE("health.proven");
    events.emplace_back(ProvenDead{peer});
    forget(peer);
    return;
  }
  if (!watched.suspicion || watched.suspicion->why == Why::silence) {
    // Whoever can forge such answers to a living peer makes us probe at the pace of hints, not faster.
    if (!watched.suspicion && now.mono < watched.accused + config_.hint_pause) return;
    watched.accused = now.mono;
    MOSAIK_CODE_PROBE("health.unreachable_suspicion");
    return doubt(now, peer, watched, Why::unreachable, events);
  }
  Suspicion& suspicion = *watched.suspicion;
  if (suspicion.quoted) return;
  suspicion.quoted = true;
  if (suspicion.quotes++ == 0) suspicion.first_quote = now.mono;
  if (judge(now, peer, watched, events)) forget(peer);
}

void FailureDetector::on_hint(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  // Hints are cheap to make for others, so they buy one probe at their pace and no suspicion.
  if (watched.suspicion || now.mono < watched.hinted + config_.hint_pause) return;
  watched.hinted = now.mono;
  events.emplace_back(Probe{peer});
}

void FailureDetector::on_doubt(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.suspicion || now.mono < watched.hinted + config_.hint_pause) return;
  watched.hinted = now.mono;
  // It costs a few probes, which the first answer ends; nobody hears of it before they stay unanswered.
  doubt(now, peer, watched, Why::silence, events);
}

void FailureDetector::on_no_witness(const PeerId& peer) {
  const auto found = watched_.find(peer);
  if (found != watched_.end() && found->second.suspicion) found->second.suspicion->alone = true;
}

void FailureDetector::on_vouched(const Now& now, const PeerId& peer) {
  const auto found = watched_.find(peer);
  if (found != watched_.end() && found->second.suspicion) found->second.suspicion->vouched = now.mono;
}

// ------------------------------------------------------------------------------------------------ ourselves first

bool FailureDetector::on_stall(const Now& now, Nanoseconds late) {
  if (late < config_.stall) return false;
  MOSAIK_CODE_PROBE("health.stall_forgiven");
  stalls_ = std::min(strain(now) + 1, most_strain);
  stalled_at_ = now.mono;
  for (auto& [peer, watched] : watched_) {
    watched.life = std::min(watched.life + late, now.mono);
    if (watched.asked) watched.asked = std::min(*watched.asked + late, now.mono);
    if (watched.suspicion) {
      watched.suspicion->probes = 0;
      watched.suspicion->quotes = 0;
      watched.suspicion->quoted = true;  // what answers an old probe is not counted
    }
  }
  return true;
}

unsigned FailureDetector::strain(const Now& now) const {
  const auto forgotten = static_cast<std::uint64_t>((now.mono - stalled_at_) / config_.strain_time);
  return forgotten >= stalls_ ? 0 : stalls_ - static_cast<unsigned>(forgotten);
}

// ------------------------------------------------------------------------------------------------ verdicts

const Patience& FailureDetector::patience(const Watched& watched) const {
  return watched.kind == PeerKind::cpp ? config_.cpp : config_.rust;
}

Nanoseconds FailureDetector::answer_time(const Watched& watched) const {
  return patience(watched).answer_within + 2 * watched.rtt;
}

Mono FailureDetector::answer_due(const Watched& watched) const {
  return watched.asked.value_or(watched.life) + answer_time(watched);
}

Nanoseconds FailureDetector::silence_of(const Now& now, const Watched& watched) const {
  Nanoseconds out = patience(watched).silence + 2 * watched.rtt;
  out += out * strain(now) / most_strain;
  if (now.mono < watched.slow_until) out = std::max(out, watched.slowest + watched.slowest / 2);
  return out;
}

// Second opinions take a round trip to the witness, and one from the witness to the peer. A verdict before they can be
// here would call a living peer dead, where the link alone is down.
bool FailureDetector::heard_out(const Now& now, const Watched& watched) const {
  const Suspicion& suspicion = *watched.suspicion;
  if (suspicion.alone || suspicion.vouched) return true;
  return suspicion.asked && now.mono >= *suspicion.asked + answer_time(watched);
}

bool FailureDetector::judge(const Now& now, const PeerId& peer, const Watched& watched,
                            std::vector<DetectorEvent>& events) const {
  const Suspicion& suspicion = *watched.suspicion;
  const Nanoseconds silent = now.mono - watched.life;
  const bool unreachable =
      suspicion.quotes >= config_.unreachable_quotes && now.mono - suspicion.first_quote >= config_.unreachable_span;
  const bool told = watched.finished && watched.proven_elsewhere && suspicion.probes >= config_.told_probes &&
                    now.mono - suspicion.begun >= config_.told_span;
  // A full congestion window keeps probes back: what did not go out went unanswered by nobody.
  const std::size_t tries =
      watched.kind == PeerKind::cpp ? std::min<std::size_t>(suspicion.probes, watched.unanswered) : suspicion.probes;
  const bool silence = silent >= silence_of(now, watched) && tries >= config_.silence_probes;
  if (told) MOSAIK_CODE_PROBE("health.told");
  // A proof of another member needs no more opinions; everything else may be the fault of the link.
  if (!told && ((!unreachable && !silence) || !heard_out(now, watched))) return false;
  const Why why = told ? Why::told : unreachable ? Why::unreachable : Why::silence;
  if (!told && suspicion.vouched) {
    MOSAIK_CODE_PROBE("health.link_down");
    events.emplace_back(LinkDown{peer, why, silent});
  } else {
    events.emplace_back(PresumedDead{peer, why, silent});
  }
  return true;
}

// ------------------------------------------------------------------------------------------------ time

Mono FailureDetector::due(const Watched& watched) const {
  if (watched.suspicion) return watched.suspicion->next_probe;
  Mono out = watched.life + config_.overdue;
  if (watched.asked) return std::min(out, answer_due(watched));
  if (watched.ward) out = std::min(out, watched.life + config_.look_after);
  return out;
}

void FailureDetector::on_timer(const Now& now, std::vector<DetectorEvent>& events) {
  in_doubt_ = static_cast<unsigned>(
      std::ranges::count_if(watched_, [](const auto& item) { return item.second.suspicion.has_value(); }));
  std::vector<PeerId> judged;
  for (auto& [peer, watched] : watched_) {
    if (now.mono < due(watched)) continue;
    if (watched.suspicion) {
      if (judge(now, peer, watched, events))
        judged.push_back(peer);
      else
        probe(now, peer, watched, events);
    } else if (watched.asked || now.mono >= watched.life + config_.overdue) {
      doubt(now, peer, watched, Why::silence, events);
    } else {
      watched.asked = now.mono;
      events.emplace_back(Probe{peer});
    }
  }
  for (const PeerId& peer : judged) forget(peer);
}

Mono FailureDetector::next_deadline() const {
  Mono next = never;
  for (const auto& [peer, watched] : watched_) next = std::min(next, due(watched));
  return next;
}

std::optional<PeerKind> FailureDetector::kind_of(const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found == watched_.end() ? std::nullopt : std::optional(found->second.kind);
}

bool FailureDetector::suspects(const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found != watched_.end() && found->second.suspicion && found->second.suspicion->told;
}

Nanoseconds FailureDetector::silent_for(const Now& now, const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found == watched_.end() ? Nanoseconds{} : now.mono - found->second.heard;
}

}  // namespace mosaik::detector
