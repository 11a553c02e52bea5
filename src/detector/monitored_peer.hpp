#pragma once
/// What the failure detector knows of one peer, and the times that it goes by (failure_detector.hpp).

#include <cstdint>
#include <optional>
#include <string_view>

#include <mosaik/types/id.hpp>

#include "base/now.hpp"
#include "base/timer_heap.hpp"

namespace mosaik::detector {

/// What counts as a sign of life.
enum class PeerKind : std::uint8_t { cpp, rust };

enum class Why : std::uint8_t { sentinel, told, unreachable, silence };
[[nodiscard]] std::string_view to_string(Why why) noexcept;

/// How long a kind of peer may take.
struct Patience {
  Nanoseconds answer_within{};  ///< and two round trips: then a question counts as unanswered
  Nanoseconds probe_every{};
  Nanoseconds silence{};  ///< and two round trips: presumed dead, counted from the last sign of life
};

struct Config {
  Nanoseconds look_after = 160ms;
  Patience cpp{.answer_within = 60ms, .probe_every = 7ms, .silence = 430ms};
  Patience rust{.answer_within = 150ms, .probe_every = 40ms, .silence = 1850ms};
  Nanoseconds overdue = 850ms;  ///< base + jitter + 200 ms: silent so long without a question of ours
  unsigned probed_at_once = 4;  ///< more peers in doubt share the pace, so that a loaded mesh is not flooded
  unsigned suspect_probes = 8;
  unsigned silence_probes = 30;
  Nanoseconds unreachable_probe_every = 15ms;
  unsigned unreachable_quotes = 3;
  Nanoseconds unreachable_span = 30ms;
  Nanoseconds sentinel_probe_first =
      1ms;                           ///< after a sentinel's end: at once, after this, and after twice the time each,
  Nanoseconds sentinel_grace = 5ms;  ///< and what came in this time may have been sent before
  Nanoseconds told_span = 10ms;      ///< FIN and another's proof: our probes unanswered for so long
  unsigned told_probes = 3;
  unsigned ask_probes = 8;        ///< after so many unanswered probes that a sentinel's end began, others are asked;
  unsigned ask_refused = 1;       ///< and after so many that a port-unreachable began
  Nanoseconds hint_pause = 30ms;  ///< hints and unreachables of one peer are heard no more often
  Nanoseconds stall = 25ms;       ///< a loop this late has stalled
  Nanoseconds strain_time = 2s;   ///< in which one stall is forgotten
  Nanoseconds caution_time = 60s;

  /// The defaults stretched to a group's heartbeat.
  [[nodiscard]] static Config for_heartbeat(Nanoseconds base, Nanoseconds jitter);
};

/// A peer in doubt, from the first probe to the sign of life or the verdict.
struct Suspicion {
  Why why{};
  Mono begun{};
  Mono next_probe{};
  Nanoseconds gap{};              ///< between the last probe and the next, of a series that grows
  std::optional<Mono> told{};     ///< when it was told as Suspected
  std::optional<Mono> asked{};    ///< when others were asked
  std::optional<Mono> vouched{};  ///< when somebody else said that it has heard the peer
  unsigned probes = 0;            ///< sent since the suspicion or the last stall
  unsigned quotes = 0;            ///< probes that a port-unreachable answered
  bool alone = false;             ///< there is no member to ask
  bool quoted = false;            ///< the newest probe was answered so
  Mono first_quote{};
};

/// Its signs of life, and what was asked of it.
struct LifeSigns {
  Mono heard{};                 ///< the last sign of life,
  Mono life{};                  ///< and the same with the time of our own stalls forgiven
  std::optional<Mono> asked{};  ///< the oldest question since the last life
  Nanoseconds rtt{};
  std::size_t unanswered = 0;  ///< datagrams since the last life
  bool report = false;         ///< the next sign of life is told, as Heard
};

/// What others and the kernel of its host say against it.
struct Accusations {
  Mono hinted{};                   ///< when a hint last led to a probe
  Mono unreachable{};              ///< when an unreachable last led to a suspicion
  std::optional<Mono> finished{};  ///< when the sentinel's FIN came, and no life since
  unsigned proofs_told = 0;        ///< by other members, since it was watched
  bool proven_elsewhere = false;   ///< and no life since
};

struct MonitoredPeer {
  MonitoredPeer(const PeerId& peer, PeerKind of, Mono now) : id(peer), kind(of), timer(peer) {
    signs.heard = signs.life = now;
  }
  PeerId id;
  PeerKind kind{};
  bool ring_neighbour = false;  ///< we look at it: it is the next one in the ring of ids
  LifeSigns signs{};
  Accusations against{};
  Nanoseconds slowest{};  ///< silence of a suspicion that was refuted,
  Mono slow_until{};      ///< and how long it is kept in mind
  std::optional<Suspicion> suspicion{};
  Timer<PeerId> timer;  ///< the next probe, or the time to begin to doubt

  void check_invariants() const;
};

}  // namespace mosaik::detector
