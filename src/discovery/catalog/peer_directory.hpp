#pragma once
/// PeerDirectory: all peers that we know of, and the one way by which their entries come and go. It holds the catalog
/// and knows which peers have a bond with us. A source of entries (source.hpp) hands them to `accept`; the observers
/// hear what changed.

#include <map>
#include <vector>

#include "discovery/catalog/catalog.hpp"
#include "discovery/diagnostics.hpp"

namespace mosaik::discovery {

/// Whether any other peer is known.
enum class Company : std::uint8_t { alone, some };
enum class BondState : std::uint8_t { down, up };

/// Hears what became of the entries of others.
class CatalogObserver {
 public:
  enum class Change : std::uint8_t {
    added,
    updated,
    new_run,  ///< updated, by a run of the peer that knows nothing of what was before
  };
  /// `from`: the peer whose link brought the entry; zero when a bond did.
  virtual void on_entry(const Now& now, const identity::EntryRef& entry, const PeerId& from, Change change) = 0;
  virtual void on_entry_gone(const Now& now, const PeerId& peer) = 0;
  virtual void on_bond(const Now& now, const PeerId& peer, BondState state) = 0;

 protected:
  ~CatalogObserver() = default;
};

class PeerDirectory {
 public:
  static constexpr Nanoseconds purge_pause = 10s;  ///< the longest time between two looks for stale entries

  PeerDirectory(const CatalogRules& rules, const identity::Self& self, Diagnostics& diagnostics)
      : catalog_(rules), self_(self), diagnostics_(diagnostics) {}

  /// Observers are told in the order in which they were added.
  void observe(CatalogObserver& observer) { observers_.push_back(&observer); }

  /// A verified entry. `from`: the peer whose link brought it; zero when a bond did.
  Verdict accept(const Now& now, const identity::EntryRef& entry, const PeerId& from, Events& events);
  /// The peer of a bond said Departure.
  void on_departure(const Now& now, const PeerId& peer, Events& events);
  void on_bond(const Now& now, const PeerId& peer, BondState state);
  void purge_when_due(const Now& now, Events& events);
  [[nodiscard]] Mono next_deadline() const noexcept { return purge_at_; }

  [[nodiscard]] const Catalog& catalog() const noexcept { return catalog_; }
  [[nodiscard]] identity::EntryRef find(const PeerId& peer, const Now& now) const { return catalog_.find(peer, now); }
  [[nodiscard]] const PeerId& own_id() const noexcept { return self_.id(); }
  [[nodiscard]] const identity::EntryRef& own_entry() const noexcept { return self_.entry(); }
  [[nodiscard]] bool is_bonded(const PeerId& peer) const { return bonded_.contains(peer); }
  /// The bonded peers in turn; the zero id when there is not one.
  [[nodiscard]] PeerId bonded_after(const PeerId& last) const;
  [[nodiscard]] Company company() const noexcept { return catalog_.empty() ? Company::alone : Company::some; }
  /// The given addresses, then those of the peer's entry.
  [[nodiscard]] std::vector<SocketAddress> addresses_of(const Now& now, const PeerId& peer,
                                                        std::vector<SocketAddress> given) const;
  /// We ourselves, or a bonded peer, and its entry names the address.
  [[nodiscard]] bool is_settled_at(const Now& now, const PeerId& peer, const SocketAddress& address) const;
  /// A C++ node of a group of ours: the bond's handshake brings it our entry.
  [[nodiscard]] bool bond_will_tell(const identity::EntryRef& entry) const;

  void check_invariants() const;

 private:
  void refuse(const Now& now, const identity::EntryRef& entry, const PeerId& from, Verdict verdict, Events& events);
  enum class Leaving : std::uint8_t { stale, signed_off };
  void let_go(const Now& now, const identity::EntryRef& entry, Leaving how, Events& events);
  void tell(const Now& now, const identity::EntryRef& entry, const PeerId& from, CatalogObserver::Change change);
  void plan_purge(const Now& now);

  Catalog catalog_;
  const identity::Self& self_;
  Diagnostics& diagnostics_;
  std::vector<CatalogObserver*> observers_;
  std::map<PeerId, std::int64_t> bonded_;  ///< and the run that the bond is with; 0: not known
  Mono purge_at_ = never;
};

}  // namespace mosaik::discovery
