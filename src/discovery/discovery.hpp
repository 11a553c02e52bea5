#pragma once
/// discovery: who is there. The catalog of signed entries, and the sources that fill it.
///
/// Place. A core: links and entries in; entries, events and frames out. It knows nothing of groups or bonds; it is told
/// which peers hold a bond with us (they get our entry over the bond) and which entries bonds have brought.
///
///   PeerDirectory   the catalog, and the one way into it            catalog/
///   Exchanges       the links of sync and ping, in both roles       sync/exchanges.hpp
///   sources         why a peer is dialed:                           source.hpp
///     SyncRequests    a caller asked for it                         sync/sync_requests.hpp
///     Bootstrap       the configuration names it                    bootstrap/
///     AntiEntropy     it is owed our entry                          sync/anti_entropy.hpp
///
/// A Rust node that knows only us dials our gossip, which we do not speak: its key and address are reason enough to
/// sync.
///
/// Rules of the catalog (spec: discovery 1.14, 2.2; stricter where section 8 says so): our network, signature verified,
/// not stale, not from the future (limits::clock_drift), strictly newer; never our own id; bounded entries and bytes,
/// the longest unheard and never contacted leave first; a departure leaves a tombstone, below which nothing returns.

#include <array>

#include <mosaik/types/status.hpp>

#include "base/random.hpp"
#include "discovery/bootstrap/bootstrap.hpp"
#include "discovery/sync/anti_entropy.hpp"
#include "discovery/sync/sync_requests.hpp"
#include "identity/directory.hpp"

namespace mosaik::discovery {

class Discovery final : public identity::Directory, private SyncObserver {
 public:
  /// `self`, `verifier` and `pool` are the node's and outlive this.
  Discovery(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Inputs. Events are appended to `events`, in order.
  void start(const Now& now, Links& links, Events& events);
  /// An event of a link with one of our ALPNs, or of a dial made here.
  void on_link(const Now& now, const LinkEvent& event, Links& links, Events& events);
  void on_timer(const Now& now, Links& links, Events& events);
  void on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses,
                   Links& links, Events& events);
  /// A verified entry that came over a bond. Returns false when the rules refuse it or it is not news.
  bool feed(const Now& now, const identity::EntryRef& entry, Events& events);
  /// The peer of a bond said Departure: its entry leaves, nothing of that run returns.
  void on_departure(const Now& now, const PeerId& peer, Events& events) { peers_.on_departure(now, peer, events); }
  /// Our entry was changed by another room (a group joined or left): spreads it.
  void on_self_changed(const Now& now, Links& links, Events& events);
  /// Runs a full catalog sync with the peer; SyncEnded follows. Several calls for one peer share one sync.
  /// `source`: who named the peer and the addresses.
  void sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                 Events& events, DialSource source = DialSource::contact);
  /// Asks the peer for its entry; PingEnded follows.
  void ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
            Events& events);
  /// Peers that hold a bond with us need no refresh by sync.
  void on_bond(const Now& now, const PeerId& peer, BondState state) { peers_.on_bond(now, peer, state); }

  [[nodiscard]] Mono next_deadline() const;
  /// True when the link's events belong here.
  [[nodiscard]] bool owns(LinkId link) const { return exchanges_.table().contains(link); }

  // Directory.
  [[nodiscard]] identity::EntryRef find(const PeerId& peer, const Now& now) const override {
    return peers_.find(peer, now);
  }
  /// All entries that are not stale, ascending by peer id, our own not among them.
  [[nodiscard]] std::vector<identity::EntryRef> entries(const Now& now) const { return peers_.catalog().entries(now); }
  [[nodiscard]] const Counters& counters() const noexcept { return diagnostics_.counters; }
  /// What is known of each contact, in the order of the configuration.
  [[nodiscard]] std::vector<ContactStatus> contacts() const { return bootstrap_.status(); }

  void check_invariants() const;

 private:
  // SyncObserver
  void on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                     Events& events) override;
  void on_sync_served(const Now& now, const Exchange& exchange) override;
  void on_announce(const Context& context, const LinkOpened& event);
  void pump(const Context& context);

  Rng rng_;  ///< of all sources
  Diagnostics diagnostics_;
  PeerDirectory peers_;
  EntryValidation validation_;
  Exchanges exchanges_;
  SyncRequests requests_;
  Bootstrap bootstrap_;
  AntiEntropy anti_entropy_;
  std::array<Source*, 3> sources_{&requests_, &bootstrap_, &anti_entropy_};  ///< in the order of their urgency
};

}  // namespace mosaik::discovery
