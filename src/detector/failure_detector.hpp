#pragma once
/// health: one verdict per peer from all signals, faster than the heartbeat and never wrong when it says "proven".
///
/// Place. A core that knows peers and time, no links: Node feeds it signs of life and hints, and carries out its
/// probes. It watches the peers that hold at least one bond with us.
///
/// Signs of life. From a C++ peer any authenticated packet; from a Rust peer a whole frame.
///
/// Death is proven by a sentinel's FIN (detector/sentinels.hpp) **and** a port-unreachable that quotes a probe sent
/// after it: the kernel of that host says twice that nobody holds the peer's sockets. A child that holds them sends no
/// FIN; a process that merely closed its sentinel answers the probe. A reset proves nothing, since a firewall on the
/// way can make both. The kernel may close TCP before UDP, so the probes go on for a while, at growing pauses. The
/// other proofs (close, departure, stateless reset) are made where they arrive and do not pass through here.
///
/// Death is presumed
///  * when a sentinel ended by a FIN, another member has proven the death, and our own probes go unanswered: the
///    kernel of the dead is sparing with port-unreachables. Who was not told asks;
///  * when port-unreachables answer `unreachable_quotes` successive probes, spread over at least `unreachable_span` in
///    which no sign of life came, and those who were asked had the time to answer: nothing listens at that address;
///  * after silence. A question (a heartbeat's Ping, a look, a hint of another member) that is not answered within
///    `answer_within` and two round trips makes us probe at a fixed pace, outside QUIC's back-off; that is nobody
///    else's business. `suspect_probes` unanswered ones make it a suspicion, and others are asked: not before a
///    question of our own has been open for that time, whoever else doubts. Silence counts after `silence` in all, with
///    `silence_probes` tries unanswered, and when those who were asked have had the same time to answer.
/// When another member has heard the peer since, it is not dead: the link between us is, or it has another address.
/// That is another verdict. After a sentinel's end others are asked only when our probes stay unanswered for a while:
/// most deaths are proven before.
///
/// Looks: heartbeats ask each peer twice a second or so, which is too rare for half a second in all, and asking all of
/// them more often would keep large meshes busy. So each peer is looked at by its neighbour in the ring of ids, every
/// `look_after`, and who comes to suspect it tells the others.
///
/// We suspect ourselves first. When the loop ran late (on_stall), the time that was lost counts for nobody's silence,
/// the tries of that time do not count as unanswered, and for a while we are slower to judge. A peer that was late with
/// its answers, but alive, is given more time for a minute.

#include <functional>
#include <map>
#include <variant>
#include <vector>

#include "detector/verdict_rules.hpp"

namespace mosaik::detector {

struct Probe {
  PeerId peer;
};
/// What the links to a peer tell.
struct LinkState {
  std::size_t unanswered = 0;  ///< datagrams, probes among them, that nothing has answered yet
  Nanoseconds rtt{};           ///< smoothed
};
struct Suspected {
  PeerId peer;
  Why why{};
};
struct Refuted {
  PeerId peer;
};
/// A sign of life of a peer that somebody asked us about (report_life).
struct Heard {
  PeerId peer;
};
/// Do others hear it? Those who do vouch for it (on_vouched).
struct DoubtWanted {
  PeerId peer;
};
struct PresumedDead {
  PeerId peer;
  Why why{};
  Nanoseconds silent_for{};
};
/// Silent for us and not for others.
struct LinkDown {
  PeerId peer;
  Why why{};  ///< silence, or unreachable: nothing listens at the address of the link
  Nanoseconds silent_for{};
};
struct ProvenDead {
  PeerId peer;
};
/// Its sentinel has ended by a FIN and our own probes stay unanswered: has another member a proof?
struct ProofWanted {
  PeerId peer;
};
using DetectorEvent =
    std::variant<Probe, Suspected, Refuted, Heard, PresumedDead, LinkDown, ProvenDead, ProofWanted, DoubtWanted>;

class FailureDetector {
 public:
  explicit FailureDetector(const Config& config, const PeerId& self = {}) : rules_(config), self_(self) {}

  /// Starts to watch, or renews what is known of a watched peer.
  void watch(const Now& now, const PeerId& peer, PeerKind kind);
  void forget(const PeerId& peer);
  void set_config(const Config& config);

  void on_packet(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  void on_frame(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// We sent something that the peer answers at once. `rtt`: the smoothed round trip.
  void on_asked(const Now& now, const PeerId& peer, Nanoseconds rtt);
  /// Told before each probe, so that no answer is missed before it can have come.
  void on_link_state(const PeerId& peer, const LinkState& state);
  /// An ICMP port-unreachable that quotes one of our packets to this peer; `probe`: when the quoted packet was sent, if
  /// it is one of the newest probes.
  void on_unreachable(const Now& now, const PeerId& peer, std::optional<Mono> probe,
                      std::vector<DetectorEvent>& events);
  /// Its sentinel ended by a FIN, which the kernel of the other end sends when nobody there holds it any more.
  void on_sentinel_finished(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// It ended by a reset or a timeout, which somebody on the way can have made as well.
  void on_sentinel_broken(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// Something makes this peer worth a probe: loss, a newer incarnation, a second handshake.
  void on_hint(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// Another member suspects it, and asks us.
  void on_doubt(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// Another member has proven its death.
  void on_told(const Now& now, const PeerId& peer, std::vector<DetectorEvent>& events);
  /// Another member has heard it since we asked.
  void on_vouched(const Now& now, const PeerId& peer);
  /// There is nobody to ask about it (DoubtWanted).
  void on_no_witness(const PeerId& peer);
  /// The next sign of life is told, as Heard.
  void report_life(const PeerId& peer);
  /// Our own loop came `late` too late; true when that is long enough to be forgiven.
  bool on_stall(const Now& now, Nanoseconds late);
  void on_timer(const Now& now, std::vector<DetectorEvent>& events);
  [[nodiscard]] Mono next_deadline() const;

  [[nodiscard]] std::optional<PeerKind> kind_of(const PeerId& peer) const;
  [[nodiscard]] bool suspects(const PeerId& peer) const;
  /// Since the last sign of life; zero for a peer that is not watched.
  [[nodiscard]] Nanoseconds silent_for(const Now& now, const PeerId& peer) const;

  void check_invariants() const;

 private:
  using Events = std::vector<DetectorEvent>;
  [[nodiscard]] MonitoredPeer* find(const PeerId& peer);
  [[nodiscard]] const MonitoredPeer* find(const PeerId& peer) const;
  /// Each input about a peer ends here: what it has changed moves the peer's timer.
  void schedule(MonitoredPeer& peer) { timers_.set(peer.timer, rules_.due(peer)); }
  void schedule_all();
  /// Watches the ring: each C++ peer has one other that looks at it.
  void assign_ring_neighbour();
  void on_life(const Now& now, MonitoredPeer& peer, Events& events);
  /// Begins a suspicion, or another one in the place of a weaker one.
  void suspect(const Now& now, MonitoredPeer& peer, Why why, Events& events);
  void clear(MonitoredPeer& peer);
  void probe(const Now& now, MonitoredPeer& peer, Events& events) const;
  static void tell(const Now& now, const PeerId& peer, Suspicion& suspicion, Events& events);
  /// True when a verdict was made, and the peer is to be watched no more.
  [[nodiscard]] bool judge(const Now& now, const MonitoredPeer& peer, Events& events) const;

  VerdictRules rules_;
  PeerId self_;
  std::map<PeerId, MonitoredPeer> peers_;
  TimerHeap<PeerId> timers_;
  std::size_t suspected_ = 0;  ///< peers with a suspicion
  unsigned in_doubt_ = 0;      ///< the same, as of the last timer: they share the pace of probes
  LocalHealth local_health_;
};

}  // namespace mosaik::detector
