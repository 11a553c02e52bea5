#include "health/health.hpp"

#include <algorithm>

#include "base/probe.hpp"

namespace mosaik::health {

std::string_view to_string(Why why) noexcept {
  switch (why) {
    case Why::canary: return "canary ended";
    case Why::unreachable: return "unreachable";
    case Why::silence: return "silence";
  }
  return "silence";
}

Config Config::for_heartbeat(Nanoseconds base, Nanoseconds jitter) {
  Config config;
  const Nanoseconds judging_cpp = config.cpp_silence - config.suspect_after;
  const Nanoseconds judging_rust = config.rust_silence - config.suspect_after;
  config.suspect_after = base + jitter + 200ms;
  config.cpp_silence = config.suspect_after + judging_cpp;
  config.rust_silence = config.suspect_after + judging_rust;
  return config;
}

void Health::watch(const Now& now, const PeerId& peer, PeerKind kind) {
  watched_[peer] = Watched{.kind = kind, .life = now.mono};
}

void Health::forget(const PeerId& peer) {
  watched_.erase(peer);
}

void Health::on_life(const Now& now, const PeerId& peer, Watched& watched, std::vector<Fact>& facts) {
  watched.life = now.mono;
  if (!watched.suspicion) return;
  if (watched.suspicion->why == Why::canary && now.mono < watched.suspicion->begun + config_.canary_grace) return;
  watched.finished.reset();
  MOSAIK_PROBE("health.refuted");
  watched.suspicion.reset();
  facts.emplace_back(Refuted{peer});
}

void Health::on_packet(const Now& now, const PeerId& peer, std::vector<Fact>& facts) {
  const auto found = watched_.find(peer);
  if (found != watched_.end() && found->second.kind == PeerKind::cpp) on_life(now, peer, found->second, facts);
}

void Health::on_frame(const Now& now, const PeerId& peer, std::vector<Fact>& facts) {
  const auto found = watched_.find(peer);
  if (found != watched_.end()) on_life(now, peer, found->second, facts);
}

void Health::probe(const Now& now, const PeerId& peer, Suspicion& suspicion, std::vector<Fact>& facts) const {
  ++suspicion.probes;
  suspicion.quoted = false;
  suspicion.next_probe = now.mono + pace(suspicion);
  facts.emplace_back(Probe{peer});
}

Nanoseconds Health::pace(Suspicion& suspicion) const {
  switch (suspicion.why) {
    case Why::canary:
      suspicion.gap = suspicion.gap == Nanoseconds{} ? config_.canary_probe_first
                                                     : std::min(2 * suspicion.gap, config_.probe_every);
      return suspicion.gap;
    case Why::unreachable: return config_.unreachable_probe_every;
    case Why::silence: break;
  }
  return config_.probe_every;
}

void Health::suspect(const Now& now, const PeerId& peer, Watched& watched, Why why, std::vector<Fact>& facts) {
  watched.suspicion.emplace(Suspicion{.why = why, .begun = now.mono});
  facts.emplace_back(Suspected{peer, why});
  probe(now, peer, *watched.suspicion, facts);
}

void Health::on_canary_ended(const Now& now, const PeerId& peer, CanaryEnd how, std::vector<Fact>& facts) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (how == CanaryEnd::finished) watched.finished = now.mono;
  suspect(now, peer, watched, Why::canary, facts);
}

void Health::on_unreachable(const Now& now, const PeerId& peer, std::optional<Mono> probe_sent,
                            std::vector<Fact>& facts) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  if (watched.finished && probe_sent && *probe_sent >= *watched.finished) {
    facts.emplace_back(ProvenDead{peer});
    watched_.erase(found);
    return;
  }
  if (!watched.suspicion) {
    // Whoever can forge such answers to a living peer makes us probe at the probing pace, not faster.
    if (now.mono < watched.accused + config_.probe_every) return;
    MOSAIK_PROBE("health.unreachable_suspicion");
    watched.accused = now.mono;
    return suspect(now, peer, watched, Why::unreachable, facts);
  }
  Suspicion& suspicion = *watched.suspicion;
  if (suspicion.why == Why::silence) {
    // A silent peer whose host now says that nobody listens: the faster way decides.
    suspicion = Suspicion{.why = Why::unreachable, .begun = now.mono};
    return probe(now, peer, suspicion, facts);
  }
  if (suspicion.quoted) return;
  suspicion.quoted = true;
  if (suspicion.quotes++ == 0) suspicion.first_quote = now.mono;
  if (judge(now, peer, watched, facts)) watched_.erase(found);
}

void Health::on_hint(const Now& now, const PeerId& peer, std::vector<Fact>& facts) {
  const auto found = watched_.find(peer);
  if (found == watched_.end()) return;
  Watched& watched = found->second;
  // Hints are cheap to make for others, so they buy one probe at the probing pace and no suspicion.
  if (watched.suspicion || now.mono < watched.hinted + config_.probe_every) return;
  watched.hinted = now.mono;
  facts.emplace_back(Probe{peer});
}

void Health::on_stall(const Now& now, Nanoseconds late) {
  if (late < config_.stall) return;
  MOSAIK_PROBE("health.stall_forgiven");
  for (auto& [peer, watched] : watched_) {
    watched.life = std::min(watched.life + late, now.mono);
    if (watched.suspicion) {
      watched.suspicion->probes = 0;
      watched.suspicion->quotes = 0;
      watched.suspicion->quoted = true;  // what answers an old probe is not counted
    }
  }
}

Nanoseconds Health::silence_of(PeerKind kind) const {
  return kind == PeerKind::cpp ? config_.cpp_silence : config_.rust_silence;
}

bool Health::judge(const Now& now, const PeerId& peer, const Watched& watched, std::vector<Fact>& facts) const {
  const Suspicion& suspicion = *watched.suspicion;
  const Nanoseconds silent = now.mono - watched.life;
  const bool unreachable =
      suspicion.quotes >= config_.unreachable_quotes && now.mono - suspicion.first_quote >= config_.unreachable_span;
  const bool silence = silent >= silence_of(watched.kind) && suspicion.probes >= config_.silence_probes;
  if (!unreachable && !silence) return false;
  facts.emplace_back(PresumedDead{peer, unreachable ? Why::unreachable : Why::silence, silent});
  return true;
}

void Health::on_timer(const Now& now, std::vector<Fact>& facts) {
  for (auto at = watched_.begin(); at != watched_.end();) {
    auto& [peer, watched] = *at;
    if (!watched.suspicion) {
      if (now.mono - watched.life >= config_.suspect_after) suspect(now, peer, watched, Why::silence, facts);
    } else if (now.mono >= watched.suspicion->next_probe) {
      if (judge(now, peer, watched, facts)) {
        at = watched_.erase(at);
        continue;
      }
      probe(now, peer, *watched.suspicion, facts);
    }
    ++at;
  }
}

Mono Health::next_deadline() const {
  Mono next = never;
  for (const auto& [peer, watched] : watched_)
    next = std::min(next, watched.suspicion ? watched.suspicion->next_probe : watched.life + config_.suspect_after);
  return next;
}

std::optional<PeerKind> Health::kind_of(const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found == watched_.end() ? std::nullopt : std::optional(found->second.kind);
}

bool Health::suspects(const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found != watched_.end() && found->second.suspicion.has_value();
}

Nanoseconds Health::silent_for(const Now& now, const PeerId& peer) const {
  const auto found = watched_.find(peer);
  return found == watched_.end() ? Nanoseconds{} : now.mono - found->second.life;
}

}  // namespace mosaik::health
