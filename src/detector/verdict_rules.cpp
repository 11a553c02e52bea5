#include "detector/verdict_rules.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "base/code_probe.hpp"

namespace mosaik::detector {

namespace {
constexpr unsigned most_proofs_told = 3;  // proofs of others that are listened to

/// What the silence of a peer means that another member has heard since: the link between us is down.
Verdict by_witnesses(const Suspicion& suspicion, Why why) {
  if (!suspicion.vouched) return {Verdict::Kind::presumed_dead, why};
  MOSAIK_CODE_PROBE("health.link_down");
  return {Verdict::Kind::link_down, why};
}
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
  const Nanoseconds slower_by = base + jitter + 200ms - config.overdue;
  config.overdue += slower_by;
  config.rust.silence += slower_by;
  // A group with rare heartbeats wants a quiet network.
  if (base > usual_base) {
    const Nanoseconds look = config.look_after * (base / 1ms) / (usual_base / 1ms);
    config.cpp.silence += look - config.look_after;
    config.look_after = look;
  }
  return config;
}

void MonitoredPeer::check_invariants() const {
  // Time that is forgiven makes a silence shorter; a silence that grew by it would be a verdict on our own stall.
  MOSAIK_ASSERT(signs.heard <= signs.life);
  // A question from before the last sign of life is answered; it would begin a suspicion of a peer that lives.
  MOSAIK_ASSERT(!signs.asked || *signs.asked >= signs.life);
  // The word of others is heard a bounded number of times: a member that lies makes us probe, and not for ever.
  MOSAIK_ASSERT(against.proofs_told <= most_proofs_told && (!against.proven_elsewhere || against.proofs_told > 0));
  // Only C++ peers are looked at: the answer of another one is not a sign of life.
  MOSAIK_ASSERT(!ring_neighbour || kind == PeerKind::cpp);
  if (!suspicion) return;
  // A refusal answers a probe: more of them than probes would be an old one's, and a verdict on no ground.
  MOSAIK_ASSERT(suspicion->quotes <= suspicion->probes);
  // A suspicion that is not probed can be neither refuted nor judged.
  MOSAIK_ASSERT(suspicion->begun <= suspicion->next_probe && suspicion->next_probe != never);
}

// ------------------------------------------------------------------------------------------------ our own health

void LocalHealth::on_stall(const Config& config, const Now& now) {
  stalls_ = std::min(multiplier(config, now) + 1, most);
  stalled_at_ = now.mono;
}

unsigned LocalHealth::multiplier(const Config& config, const Now& now) const {
  const auto forgotten = static_cast<std::uint64_t>((now.mono - stalled_at_) / config.strain_time);
  return forgotten >= stalls_ ? 0 : stalls_ - static_cast<unsigned>(forgotten);
}

// ------------------------------------------------------------------------------------------------ times

const Patience& VerdictRules::patience(const MonitoredPeer& peer) const {
  return peer.kind == PeerKind::cpp ? config_.cpp : config_.rust;
}

Nanoseconds VerdictRules::answer_time(const MonitoredPeer& peer) const {
  return patience(peer).answer_within + 2 * peer.signs.rtt;
}

Mono VerdictRules::answer_due(const MonitoredPeer& peer) const {
  return peer.signs.asked.value_or(peer.signs.life) + answer_time(peer);
}

Nanoseconds VerdictRules::longest_silence(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const {
  Nanoseconds out = patience(peer).silence + 2 * peer.signs.rtt;
  out += out * multiplier / LocalHealth::most;
  if (now.mono < peer.slow_until) out = std::max(out, peer.slowest + peer.slowest / 2);
  return out;
}

Mono VerdictRules::due(const MonitoredPeer& peer) const {
  if (peer.suspicion) return peer.suspicion->next_probe;
  Mono out = peer.signs.life + config_.overdue;
  if (peer.signs.asked) return std::min(out, answer_due(peer));
  if (peer.ring_neighbour) out = std::min(out, peer.signs.life + config_.look_after);
  return out;
}

Nanoseconds VerdictRules::pace(const MonitoredPeer& peer, Suspicion& suspicion, unsigned in_doubt) const {
  switch (suspicion.why) {
    case Why::sentinel:
    case Why::told:
      suspicion.gap = suspicion.gap == Nanoseconds{} ? config_.sentinel_probe_first
                                                     : std::min(2 * suspicion.gap, patience(peer).probe_every);
      return suspicion.gap;
    case Why::unreachable: return config_.unreachable_probe_every;
    case Why::silence: break;
  }
  return patience(peer).probe_every * std::max(1U, in_doubt / config_.probed_at_once);
}

bool VerdictRules::lasts(const Suspicion& suspicion) const {
  if (suspicion.why == Why::silence) return suspicion.told.has_value();
  return suspicion.probes > (suspicion.why == Why::unreachable ? config_.ask_refused : config_.ask_probes);
}

bool VerdictRules::wants_proof(const MonitoredPeer& peer) const {
  const Suspicion& suspicion = *peer.suspicion;
  const bool unproven = suspicion.why == Why::sentinel && peer.against.finished && !peer.against.proven_elsewhere;
  return unproven && suspicion.probes > config_.told_probes && std::has_single_bit(suspicion.probes);
}

// ------------------------------------------------------------------------------------------------ verdicts

std::optional<Verdict> VerdictRules::judge(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const {
  if (const auto verdict = confirmed_elsewhere(now, peer)) return verdict;
  // Everything else may be the fault of the link.
  if (!heard_out(now, peer)) return std::nullopt;
  if (const auto verdict = unreachable(now, peer)) return verdict;
  return silence(now, peer, multiplier);
}

// Second opinions take a round trip to the witness, and one from the witness to the peer. A verdict before they can be
// here would call a living peer dead, where the link alone is down.
bool VerdictRules::heard_out(const Now& now, const MonitoredPeer& peer) const {
  const Suspicion& suspicion = *peer.suspicion;
  if (suspicion.alone || suspicion.vouched) return true;
  return suspicion.asked && now.mono >= *suspicion.asked + answer_time(peer);
}

std::optional<Verdict> VerdictRules::confirmed_elsewhere(const Now& now, const MonitoredPeer& peer) const {
  const Suspicion& suspicion = *peer.suspicion;
  if (!peer.against.finished || !peer.against.proven_elsewhere) return std::nullopt;
  if (suspicion.probes < config_.told_probes || now.mono - suspicion.begun < config_.told_span) return std::nullopt;
  MOSAIK_CODE_PROBE("health.told");
  return Verdict{Verdict::Kind::presumed_dead, Why::told};
}

std::optional<Verdict> VerdictRules::unreachable(const Now& now, const MonitoredPeer& peer) const {
  const Suspicion& suspicion = *peer.suspicion;
  if (suspicion.quotes < config_.unreachable_quotes) return std::nullopt;
  if (now.mono - suspicion.first_quote < config_.unreachable_span) return std::nullopt;
  return by_witnesses(suspicion, Why::unreachable);
}

std::optional<Verdict> VerdictRules::silence(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const {
  const Suspicion& suspicion = *peer.suspicion;
  if (now.mono - peer.signs.life < longest_silence(now, peer, multiplier)) return std::nullopt;
  // A probe that a full congestion window has held back does not count as a try: it went unanswered by nobody.
  const std::size_t tries =
      peer.kind == PeerKind::cpp ? std::min<std::size_t>(suspicion.probes, peer.signs.unanswered) : suspicion.probes;
  if (tries < config_.silence_probes) return std::nullopt;
  return by_witnesses(suspicion, Why::silence);
}

}  // namespace mosaik::detector
