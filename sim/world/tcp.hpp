#pragma once
/// The TCP connections of sentinels: who expects which token, which connections are open, and what the ends are told.
///
/// A kernel keeps its side of the bargain in its own time: the FIN of a process that died may come late (memory is
/// freed first) or, when a forked child holds the socket, never; what a cut holds up is sent again until it is over.
/// Whoever shows a token that nobody expects is let in and sent away.

#include <functional>
#include <optional>
#include <vector>

#include "detector/sentinel.hpp"
#include "sim/world/network.hpp"

namespace mosaik::sim {

class Tcp {
 public:
  /// One end: a name that a run of a process has given.
  struct End {
    HostId host;
    unsigned run = 0;
    detector::SentinelId id;
    friend bool operator==(const End&, const End&) = default;
  };
  /// Tells an end that its connection is open, or how it ended.
  using Tell = std::function<void(const End&, std::optional<detector::SentinelEnd>)>;
  /// Whether a process listens on a host now.
  using Listens = std::function<bool(HostId)>;

  Tcp(Scheduler& scheduler, const Rng& rng, const Network& network, Tell tell, Listens listens)
      : scheduler_(scheduler),
        rng_(rng.fork("tcp")),
        network_(network),
        tell_(std::move(tell)),
        listens_(std::move(listens)) {}

  void expect(const End& end, const Bytes32& token) { expected_.push_back({end, token}); }
  void dial(const End& dialer, HostId listener, const Bytes32& token) { dial(dialer, listener, token, 0); }
  /// An end closes: the other one hears a FIN.
  void close(const End& end);
  /// Something between the two hosts closes their connections: both ends hear a FIN, and both processes live.
  void part(HostId one, HostId other);
  /// The kernel closes all that the run held.
  void ended(HostId host, unsigned run);

  [[nodiscard]] std::size_t opened() const noexcept { return opened_; }

 private:
  static constexpr unsigned most_syns = 3;
  struct Expected {
    End end;
    Bytes32 token{};
  };
  struct Pair {
    End listener;
    End dialer;
  };

  void dial(const End& dialer, HostId listener, const Bytes32& token, unsigned sent);
  void arrive(const End& dialer, HostId listener, const Bytes32& token);
  void finish(HostId from, const End& to, Nanoseconds late, unsigned sent);
  [[nodiscard]] bool is_cut(HostId one, HostId other) const {
    return network_.is_cut(one, other) || network_.is_cut(other, one);
  }
  [[nodiscard]] Nanoseconds travel() { return network_.weather().delay + rng_.between(0ns, network_.weather().jitter); }
  /// What a kernel needs to take a process apart; empty: somebody else holds its sockets.
  [[nodiscard]] std::optional<Nanoseconds> burial();

  Scheduler& scheduler_;
  Rng rng_;
  const Network& network_;
  Tell tell_;
  Listens listens_;
  std::vector<Expected> expected_;
  std::vector<Pair> pairs_;
  std::size_t opened_ = 0;
};

}  // namespace mosaik::sim
