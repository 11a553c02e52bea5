#pragma once
/// discovery: who is there. The catalog of signed entries, and the two protocols that fill it: sync and ping.
///
/// Place. A core: links and entries in; entries, events and frames out. It knows nothing of groups or bonds; it is told
/// which peers hold a bond with us (they get our entry over the bond) and which entries bonds have brought.
///
/// Life. `start` dials the bootstrap peers; each snapshot that arrives leads to entries, entries to events. Own entry
/// is signed anew every limits::refresh_least to refresh_most and made known: the fact SelfRefreshed lets bonds tell
/// their peers, an own-entry-only sync tells the catalog's other peers (spec: discovery 4.13 c, 8 W22).
///
/// A bond brings its peer's entry and nobody else's. So each refresh goes to one bonded peer by a sync too, to each in
/// its turn, and the answer brings all that it knows: two peers that could not reach each other for longer than an
/// entry lives hear of each other again through any third.
///
/// A Rust node that knows only us dials our gossip, which we do not speak: its key and address are reason enough to
/// sync.
///
/// Rules of the catalog (spec: discovery 1.14, 2.2; stricter where section 8 says so): our network, signature verified,
/// not stale, not from the future (limits::clock_drift), strictly newer; never our own id; bounded entries and bytes,
/// the longest unheard and never contacted leave first; a departure leaves a tombstone, below which nothing returns.
///
/// Bootstrap. Every peer of the list is tried at once and again with back-off (250 ms to 10 s, jittered) while no other
/// peer is known at all, for ever; once somebody is known, those never reached are tried every 10 s to 60 s, so that
/// two halves that started apart merge. A peer that answered and holds no bond with us is asked again every 10 s to
/// 60 s (its next run may know nobody); one that held a bond, when that ends or its entry leaves the catalog. Names are
/// resolved anew for each try (the runtime answers Resolve with on_resolved). A contact without an id may lead to any
/// number of members: each of its addresses is asked who is there.

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/status.hpp>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "identity/directory.hpp"
#include "identity/entry.hpp"
#include "link/links.hpp"

namespace mosaik::discovery {

/// A contact: where a member of the network is expected.
struct BootstrapPeer {
  PeerId id;         ///< zero: whoever answers there
  std::string host;  ///< a name, or an address
  std::uint16_t port = 0;
  bool service = false;  ///< the name of a service: its SRV records lead to members too
};

/// Knobs; the defaults are limits.hpp's. A simulated world shrinks them.
struct Config {
  NetworkId network;
  std::vector<BootstrapPeer> bootstrap;
  Nanoseconds stale_after = limits::stale_after;
  Nanoseconds clock_drift = limits::clock_drift;
  Nanoseconds refresh_least = limits::refresh_least;
  Nanoseconds refresh_most = limits::refresh_most;
  Nanoseconds sync_timeout = limits::sync_timeout;
  std::size_t catalog_entries = limits::catalog_entries;
  std::size_t catalog_bytes = limits::catalog_bytes;
};

struct Discovered {
  identity::EntryRef entry;
};
struct Updated {
  identity::EntryRef entry;
};
/// `signed_off`: it said so itself; otherwise its entry went stale.
struct Departed {
  identity::EntryRef last;
  bool signed_off = false;
};
/// Our own entry has a new version: tell the bonds.
struct SelfRefreshed {};
/// Resolve a bootstrap peer's name and answer with on_resolved.
struct Resolve {
  std::size_t bootstrap = 0;
  std::string host;
  std::uint16_t port = 0;
  bool service = false;
};
/// A peer has proven its key at the address that a contact leads to.
struct ContactAnswered {
  std::size_t bootstrap = 0;
  PeerId peer;
  SocketAddress address;
};
/// The end of a sync that sync_with asked for.
struct SyncEnded {
  PeerId peer;
  Result<> result;
};
struct PingEnded {
  PeerId peer;
  Result<identity::EntryRef> result;
  Nanoseconds rtt{};
};
/// Something that a person should know; each kind at most once a minute and peer.
struct Notice {
  enum class Kind : std::uint8_t {
    old_entry_layout,  ///< a peer speaks the 0.3 layout
    from_the_future,   ///< entries dated beyond the drift bound: its clock, or ours
    stale_on_arrival,  ///< a peer's own entry arrived already stale: its clock, or ours
    same_identity,     ///< somebody else publishes entries with our id
    other_network,     ///< a peer of another network
    bootstrap_silent,  ///< a bootstrap peer does not answer
    bootstrap_answered,
    catalog_full,
  };
  Kind kind{};
  PeerId peer;
  std::string text;
  std::size_t contact = 0;  ///< of one without an id: its place in the configuration, counted from 1
};
using DiscoveryEvent =
    std::variant<Discovered, Updated, Departed, SelfRefreshed, Resolve, ContactAnswered, SyncEnded, PingEnded, Notice>;

/// How an entry reached us.
enum class Source : std::uint8_t { sync, ping, bond };

struct Counters {
  std::uint64_t syncs_started = 0, syncs_completed = 0, syncs_failed = 0, syncs_served = 0;
  std::uint64_t pings_served = 0, entries_refused = 0;
};

class Discovery final : public identity::Directory {
 public:
  /// `self`, `verifier` and `pool` are the node's and outlive this.
  Discovery(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng);
  ~Discovery();

  // Inputs. Facts are appended to `events`, in order.
  void start(const Now& now, Links& links, std::vector<DiscoveryEvent>& events);
  /// An event of a link with the ALPN sync or ping, or of a dial made here.
  void on_link(const Now& now, const LinkEvent& event, Links& links, std::vector<DiscoveryEvent>& events);
  void on_timer(const Now& now, Links& links, std::vector<DiscoveryEvent>& events);
  void on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses,
                   Links& links, std::vector<DiscoveryEvent>& events);
  /// A verified entry that came over a bond. Returns false when the rules refuse it or it is not news.
  bool feed(const Now& now, const identity::EntryRef& entry, Source source, std::vector<DiscoveryEvent>& events);
  /// The peer of a bond said Departure: its entry leaves, nothing of that run returns.
  void on_departure(const Now& now, const PeerId& peer, std::vector<DiscoveryEvent>& events);
  /// Our entry was changed by somebody else (a group joined or left): spread it.
  void on_self_changed(const Now& now, Links& links, std::vector<DiscoveryEvent>& events);
  /// Runs a full catalog sync with the peer; SyncEnded follows. Several calls for one peer share one sync.
  /// `source`: who named the peer and the addresses.
  void sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                 std::vector<DiscoveryEvent>& events, DialSource source = DialSource::contact);
  /// Asks the peer for its entry; PingEnded follows.
  void ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
            std::vector<DiscoveryEvent>& events);
  /// Peers that hold a bond with us need no refresh by sync.
  void set_bonded(const Now& now, const PeerId& peer, bool bonded);

  [[nodiscard]] Mono next_deadline() const;
  /// True when the link's events belong here.
  [[nodiscard]] bool owns(LinkId link) const;

  // Directory.
  [[nodiscard]] identity::EntryRef find(const PeerId& peer, const Now& now) const override;
  /// All entries that are not stale, ascending by peer id, our own not among them.
  [[nodiscard]] std::vector<identity::EntryRef> entries(const Now& now) const;
  [[nodiscard]] const Counters& counters() const noexcept;
  /// What is known of each contact, in the order of the configuration.
  [[nodiscard]] std::vector<ContactStatus> contacts() const;
  /// True once any bootstrap peer, or anyone else, was synced with.
  [[nodiscard]] bool has_met_anyone() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mosaik::discovery
