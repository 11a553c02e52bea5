#pragma once
/// health: one verdict per peer from all signals, faster than the heartbeat and never wrong when it says "proven".
///
/// Place. A core that knows peers and time, no links: Node feeds it signs of life and hints, and carries out its
/// probes. It watches the peers that hold at least one bond with us.
///
/// Signs of life. From a C++ peer any authenticated packet; from a Rust peer a whole frame.
///
/// Two ways to "presumed dead":
///  * unreachable: an ICMP port-unreachable that quotes our own packet starts probes; port-unreachables that answer
///    `unreachable_quotes` successive probes, spread over at least `unreachable_span` in which no sign of life came.
///  * silence: nothing for `suspect_after` starts probes at a fixed pace, outside QUIC's back-off; nothing for
///    `silence` in all, with at least `silence_probes` probes unanswered, ends it.
///
/// A canary (node/canaries.hpp) that ends starts probes at once. A FIN **and** a port-unreachable that quotes a probe
/// sent after it prove death: the kernel of that host says twice that nobody holds the peer's sockets. A child that
/// holds them sends no FIN; a process that merely closed its canary answers the probe. A reset proves nothing, since a
/// firewall on the way can make both. The kernel may close TCP before UDP, so the probes go on for a while.
///
/// We suspect ourselves first: when the loop ran late (on_stall), the time that was lost counts for nobody's silence
/// and the probes of that time do not count as unanswered.
///
/// The other "proven" verdicts (close, departure, stateless reset) are made where they arrive and do not pass through
/// here.

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include <mosaik/id.hpp>

#include "base/now.hpp"

namespace mosaik::health {

/// What counts as a sign of life.
enum class PeerKind : std::uint8_t { cpp, rust };

/// How a peer's canary ended: by a FIN, which the kernel of the other end sends when nobody there holds it any more, or
/// by a reset or a timeout, which somebody on the way can have made as well.
enum class CanaryEnd : std::uint8_t { finished, broken };

enum class Why : std::uint8_t { canary, unreachable, silence };
[[nodiscard]] std::string_view to_string(Why why) noexcept;

struct Config {
  Nanoseconds suspect_after = 850ms;  ///< base + jitter + 200 ms: a heartbeat is overdue
  Nanoseconds cpp_silence = 1700ms;   ///< presumed dead, C++ peer
  Nanoseconds rust_silence = 2600ms;  ///< presumed dead, Rust peer
  Nanoseconds probe_every = 30ms;
  unsigned silence_probes = 20;
  Nanoseconds unreachable_probe_every = 15ms;
  unsigned unreachable_quotes = 3;
  Nanoseconds unreachable_span = 30ms;
  Nanoseconds canary_probe_first = 1ms;  ///< after a canary's end: at once, after this, and after twice the time each,
  Nanoseconds canary_grace = 5ms;        ///< and what came in this time may have been sent before
  Nanoseconds stall = 25ms;              ///< a loop this late has stalled

  /// The defaults stretched to a group's heartbeat.
  [[nodiscard]] static Config for_heartbeat(Nanoseconds base, Nanoseconds jitter);
};

struct Probe {
  PeerId peer;
};
struct Suspected {
  PeerId peer;
  Why why{};
};
struct Refuted {
  PeerId peer;
};
struct PresumedDead {
  PeerId peer;
  Why why{};
  Nanoseconds silent_for{};
};
struct ProvenDead {
  PeerId peer;
};
using Fact = std::variant<Probe, Suspected, Refuted, PresumedDead, ProvenDead>;

class Health {
 public:
  explicit Health(const Config& config) : config_(config) {}

  /// Starts to watch, or renews what is known of a watched peer.
  void watch(const Now& now, const PeerId& peer, PeerKind kind);
  void forget(const PeerId& peer);
  void set_config(const Config& config) { config_ = config; }

  void on_packet(const Now& now, const PeerId& peer, std::vector<Fact>& facts);
  void on_frame(const Now& now, const PeerId& peer, std::vector<Fact>& facts);
  /// An ICMP port-unreachable that quotes one of our packets to this peer; `probe`: when the quoted packet was sent, if
  /// it is one of the newest probes.
  void on_unreachable(const Now& now, const PeerId& peer, std::optional<Mono> probe, std::vector<Fact>& facts);
  void on_canary_ended(const Now& now, const PeerId& peer, CanaryEnd how, std::vector<Fact>& facts);
  /// Something makes this peer worth a probe: loss, a newer incarnation, a second handshake.
  void on_hint(const Now& now, const PeerId& peer, std::vector<Fact>& facts);
  /// Our own loop came `late` too late.
  void on_stall(const Now& now, Nanoseconds late);
  void on_timer(const Now& now, std::vector<Fact>& facts);
  [[nodiscard]] Mono next_deadline() const;

  [[nodiscard]] std::optional<PeerKind> kind_of(const PeerId& peer) const;
  [[nodiscard]] bool suspects(const PeerId& peer) const;
  /// Since the last sign of life; zero for a peer that is not watched.
  [[nodiscard]] Nanoseconds silent_for(const Now& now, const PeerId& peer) const;

 private:
  struct Suspicion {
    Why why{};
    Mono begun{};
    Mono next_probe{};
    Nanoseconds gap{};    ///< between the last probe and the next, of a series that grows
    unsigned probes = 0;  ///< sent since the suspicion or the last stall
    unsigned quotes = 0;  ///< probes that a port-unreachable answered
    bool quoted = false;  ///< the newest probe was answered so
    Mono first_quote{};
  };
  struct Watched {
    PeerKind kind{};
    Mono life{};
    Mono hinted{};
    std::optional<Mono> finished{};  ///< when the canary's FIN came, and no life since
    Mono accused{};                  ///< when an unreachable last led to a suspicion
    std::optional<Suspicion> suspicion{};
  };

  void on_life(const Now& now, const PeerId& peer, Watched& watched, std::vector<Fact>& facts);
  void suspect(const Now& now, const PeerId& peer, Watched& watched, Why why, std::vector<Fact>& facts);
  void probe(const Now& now, const PeerId& peer, Suspicion& suspicion, std::vector<Fact>& facts) const;
  [[nodiscard]] Nanoseconds pace(Suspicion& suspicion) const;
  [[nodiscard]] Nanoseconds silence_of(PeerKind kind) const;
  /// True when the verdict was made and the peer is watched no more.
  bool judge(const Now& now, const PeerId& peer, const Watched& watched, std::vector<Fact>& facts) const;

  Config config_;
  std::map<PeerId, Watched> watched_;
};

}  // namespace mosaik::health
