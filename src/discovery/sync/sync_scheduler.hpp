#pragma once
/// Anti-entropy scheduler: which peers of the catalog are owed our entry by a sync, and when.
///
/// A peer is owed it when it is first met and nothing else will bring it (spec: discovery 4.13 a, c), and again at each
/// new version of our entry. Peers that hold a bond are owed nothing, for the bond brings it, but one of them in turn.
///
/// A peer is proven when a sync with it has succeeded and none has failed since. The others wait in a queue of their
/// own, and come back with back-off, so that the dead and the invented do not delay the living (spec: discovery 8 W6,
/// W15).

#include <map>
#include <optional>
#include <set>

#include "base/backoff.hpp"
#include "base/random.hpp"
#include "identity/entry.hpp"

namespace mosaik::discovery {

/// What a sync of ours carries.
enum class Scope : std::uint8_t {
  own_entry,  ///< just our entry: a refresh (spec: discovery 8 W22)
  catalog,    ///< all that we know
};

/// Which peers may be taken up.
enum class Admit : std::uint8_t { all, proven };

class SyncScheduler {
 public:
  static constexpr Nanoseconds retry_least = 500ms;
  static constexpr Nanoseconds retry_most = 30s;

  struct Task {
    PeerId peer;
    Scope scope{};
  };

  /// The peer is in the catalog from now on.
  void know(const PeerId& peer) { peers_.try_emplace(peer); }
  /// A known peer is owed a sync at `at`, or earlier when it already was.
  void owe(const PeerId& peer, Mono at, Scope scope);
  /// Our entry has the version `version` now; each known peer is owed it within `window` after the pause that
  /// `pause_of` (std::optional<Nanoseconds>(const PeerId&)) gives it; nothing: the peer is owed nothing.
  template <class PauseOf>
  void owe_all(const Now& now, std::int64_t version, Nanoseconds window, Rng& rng, const PauseOf& pause_of) {
    version_ = version;
    for (auto& [peer, known] : peers_)
      if (const std::optional<Nanoseconds> pause = pause_of(peer))
        owe(peer, now.mono + *pause + rng.between(Nanoseconds::zero(), window), Scope::own_entry);
  }
  /// What it is owed may wait until `at`.
  void postpone(const PeerId& peer, Mono at);
  /// It left the catalog.
  void forget(const PeerId& peer);
  /// It gets our entry by another way: nothing is owed.
  void cancel(const PeerId& peer);

  /// The next sync that is due; it counts as running until told, failed or forget.
  std::optional<Task> take(const Now& now, Admit admit);
  /// The task cannot start before `at`: it is owed still.
  void defer(const PeerId& peer, Mono at, Scope scope);
  /// The peer holds our entry of this version.
  void told(const PeerId& peer, std::int64_t version);
  void failed(const Now& now, const PeerId& peer, Scope scope, Rng& rng);

  /// When the next sync is due.
  [[nodiscard]] Mono deadline(Admit admit) const;
  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

  void check_invariants() const;

 private:
  enum class Trust : std::uint8_t {
    unproven,
    proven,
    failing,  ///< its time to come back is the back-off's
  };
  enum class Running : std::uint8_t { no, yes };
  struct Peer {
    Mono due = never;  ///< never: nothing is owed. While a sync runs: by the next one
    Scope scope = Scope::own_entry;
    Trust trust = Trust::unproven;
    Running running = Running::no;
    Backoff backoff;

    [[nodiscard]] bool queued() const noexcept { return running == Running::no && due != never; }
    void owe(Scope more) noexcept { scope = due == never ? more : std::max(scope, more); }
  };
  using Queue = std::set<std::pair<Mono, PeerId>>;

  [[nodiscard]] Queue& queue_of(const Peer& known) { return known.trust == Trust::proven ? proven_ : unproven_; }
  /// Changes what is known of the peer by `edit`(Peer&), if it is known; the queues follow.
  template <class Edit>
  void change(const PeerId& peer, const Edit& edit);

  std::map<PeerId, Peer> peers_;
  std::int64_t version_ = 0;
  Queue proven_;
  Queue unproven_;
};

}  // namespace mosaik::discovery
