#pragma once
/// VerdictRules: how long a peer may take, and when it counts as dead. Pure: each answer follows from what is known.

#include "detector/monitored_peer.hpp"

namespace mosaik::detector {

/// What is to be said of a peer in doubt.
struct Verdict {
  enum class Kind : std::uint8_t { presumed_dead, link_down };
  Kind kind{};
  Why why{};
};

/// Our own health: a loop that ran late makes us slower to judge, and that is forgotten in steps.
class LocalHealth {
 public:
  static constexpr unsigned most = 4;

  /// The loop has stalled.
  void on_stall(const Config& config, const Now& now);
  /// In 0 .. most.
  [[nodiscard]] unsigned multiplier(const Config& config, const Now& now) const;

 private:
  unsigned stalls_ = 0;
  Mono stalled_at_{};
};

class VerdictRules {
 public:
  explicit VerdictRules(const Config& config) : config_(config) {}
  [[nodiscard]] const Config& config() const noexcept { return config_; }

  /// The first rule that holds decides; empty when none does. `multiplier`: LocalHealth.
  [[nodiscard]] std::optional<Verdict> judge(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const;

  [[nodiscard]] const Patience& patience(const MonitoredPeer& peer) const;
  /// When the oldest open question should have been answered.
  [[nodiscard]] Mono answer_due(const MonitoredPeer& peer) const;
  /// When the peer is to be looked at.
  [[nodiscard]] Mono due(const MonitoredPeer& peer) const;
  /// Until the next probe of a series; `in_doubt`: peers that are probed now.
  [[nodiscard]] Nanoseconds pace(const MonitoredPeer& peer, Suspicion& suspicion, unsigned in_doubt) const;
  /// After so many probes a suspicion lasts long enough for a question to all.
  [[nodiscard]] bool lasts(const Suspicion& suspicion) const;
  /// The sentinel has ended by a FIN, and nothing proves or refutes a death.
  [[nodiscard]] bool wants_proof(const MonitoredPeer& peer) const;

 private:
  /// The kernel of the dead peer limits its port-unreachables: its FIN, another member's proof, and our own probes
  /// unanswered for a moment are enough. A proof needs no second opinion.
  [[nodiscard]] std::optional<Verdict> confirmed_elsewhere(const Now& now, const MonitoredPeer& peer) const;
  /// Port-unreachables answer successive probes for a while: nothing listens at that address.
  [[nodiscard]] std::optional<Verdict> unreachable(const Now& now, const MonitoredPeer& peer) const;
  /// Silence for long enough, with enough tries unanswered.
  [[nodiscard]] std::optional<Verdict> silence(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const;
  /// Others were asked, and have had the time to answer.
  [[nodiscard]] bool heard_out(const Now& now, const MonitoredPeer& peer) const;
  /// In which a question is answered.
  [[nodiscard]] Nanoseconds answer_time(const MonitoredPeer& peer) const;
  [[nodiscard]] Nanoseconds longest_silence(const Now& now, const MonitoredPeer& peer, unsigned multiplier) const;

  Config config_;
};

}  // namespace mosaik::detector
