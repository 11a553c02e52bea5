#pragma once
/// How large the group is as far as this member knows, and whether enough of it is connected here.
///
/// With a quorum floor the floor decides. Without one, less than half of the largest group seen (a lone member of two:
/// less than all) is a minority: it waits `alone_after` before it elects a leader or commits alone, unless departures
/// and proven deaths explain the rest. This is the minority election delay: behind a partition another part of the
/// group may go on meanwhile, and only one of the two histories survives.

#include <set>

#include "consensus/dynamic/bond_events.hpp"
#include "consensus/dynamic/config.hpp"
#include "consensus/dynamic/outbox.hpp"
#include "consensus/dynamic/peers.hpp"

namespace mosaik::consensus {

class Membership {
 public:
  /// All three outlive this. The size that was remembered: Config::group_size.
  Membership(const Config& config, const Peers& peers, Outbox& outbox, const Now& now);

  /// A bond has begun, and `peers` does not know it yet.
  void on_bonding(const PeerId& peer);
  /// It knows it now.
  void on_bonded(const Now& now) { on_connected(now); }
  /// A bond has ended, and `peers` does not know it any more.
  void on_gone(const Now& now, const PeerId& peer, Loss loss);

  /// Enough members are connected to elect, whatever the time.
  [[nodiscard]] bool suffices_by_count() const noexcept;
  /// The same, or the minority election delay is over.
  [[nodiscard]] bool suffices(Mono now) const noexcept;
  /// What a leader that has lost all others appends may be committed.
  [[nodiscard]] bool may_commit_alone(Mono now) const noexcept;
  /// When the minority election delay is over; never when none runs.
  [[nodiscard]] Mono minority_until() const noexcept { return later(minority_since_, config_.alone_after); }

  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  void check_invariants() const;

 private:
  void on_connected(const Now& now);
  void resize(std::size_t size);

  const Config& config_;
  const Peers& peers_;
  Outbox& outbox_;
  std::uint32_t size_;            ///< the largest group seen, departures taken off
  std::set<PeerId> proven_dead_;  ///< members that are known to be gone, and have not said goodbye
  Mono minority_since_ = never;   ///< since when too few members are connected
};

}  // namespace mosaik::consensus
