#pragma once
/// Anti-entropy: our entry reaches every peer of the catalog, and what they know reaches us.
///
/// Our entry is signed anew every refresh_least to refresh_most and made known: SelfRefreshed lets bonds tell their
/// peers, an own-entry-only sync tells the catalog's other peers (spec: discovery 4.13 c, 8 W22). A bond brings its
/// peer's entry and no other. So each refresh goes to one bonded peer by a sync too, to each in its turn, and the
/// answer brings all that it knows: two peers that could not reach each other for longer than an entry lives hear of
/// each other again through any third.

#include "discovery/source.hpp"
#include "discovery/sync/exchanges.hpp"
#include "discovery/sync/sync_scheduler.hpp"

namespace mosaik::discovery {

class AntiEntropy final : public Source, public CatalogObserver {
 public:
  static constexpr std::size_t reserved_syncs = 2;      ///< of concurrent_syncs, for those that callers asked for
  static constexpr Nanoseconds start_pause = 5ms;       ///< between two syncs
  static constexpr Nanoseconds spread_per_peer = 25ms;  ///< a refresh is spread over this much for each peer,
  static constexpr Nanoseconds bond_first = 1s;         ///< for whom a bond will tell, before a sync does
  static constexpr Nanoseconds catch_up_after = 2s;     ///< when a snapshot was not merged to its end

  AntiEntropy(const Config& config, identity::Self& self, PeerDirectory& peers, Exchanges& exchanges, Rng& rng);

  void start(const Now& now);
  /// Signs our entry anew and spreads it, if that is due.
  void refresh_when_due(const Now& now, Events& events);
  /// Our entry has a new version: lets the peers know.
  void spread(const Now& now, Events& events);

  // Source
  void pump(const Context& context) override;
  void on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                     Events& events) override;
  void on_sync_served(const Now& now, const Exchange& exchange) override;
  [[nodiscard]] Mono next_deadline() const override;
  void check_invariants() const override;

  // CatalogObserver
  void on_entry(const Now& now, const identity::EntryRef& entry, const PeerId& from, Change change) override;
  void on_entry_gone(const Now& now, const PeerId& peer) override;
  void on_bond(const Now& now, const PeerId& peer, BondState state) override;

 private:
  /// When our entry is signed anew.
  struct Refresh {
    Nanoseconds least{};
    Nanoseconds most{};
    Nanoseconds window{};  ///< the longest time over which it is spread
    Mono at = never;
    Boot last{};
  };

  void greet(const Now& now, const identity::EntryRef& entry, const PeerId& from);
  [[nodiscard]] std::optional<Nanoseconds> pause_of(const Now& now, const PeerId& peer) const;
  /// Which peers may be dialed now, if any.
  [[nodiscard]] std::optional<Admit> admits() const;

  identity::Self& self_;
  PeerDirectory& peers_;
  Exchanges& exchanges_;
  Rng& rng_;
  SyncScheduler scheduler_;
  Refresh refresh_;
  bool started_ = false;
  Mono start_at_{};      ///< no sync starts earlier
  PeerId compare_with_;  ///< the bonded peer that gets this version of our entry by a sync too
};

}  // namespace mosaik::discovery
