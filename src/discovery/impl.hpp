#pragma once
/// The inside of Discovery: what its parts share, and which file does what.
///
///   discovery.cpp  life, timers, the public face        sync.cpp   both roles of a sync, snapshots
///   intents.cpp    whom to dial, and what an end means   ping.cpp   both roles of a ping
///   members.cpp    entries that come and go

#include <map>
#include <optional>
#include <set>

#include "base/limits.hpp"
#include "discovery/bootstrap.hpp"
#include "discovery/catalog.hpp"
#include "discovery/discovery.hpp"
#include "discovery/entry_validation.hpp"
#include "discovery/exchange.hpp"
#include "discovery/notices.hpp"
#include "discovery/sync_scheduler.hpp"

namespace mosaik::discovery {

using Facts = std::vector<DiscoveryEvent>;

class Discovery::Impl {
 public:
  static constexpr std::size_t incoming_per_peer = 2;   ///< syncs and pings that one peer may have open with us
  static constexpr std::size_t pings = 64;              ///< outgoing, at a time
  static constexpr std::size_t requests = 256;          ///< syncs asked for and not ended
  static constexpr std::size_t reserved_syncs = 2;      ///< of concurrent_syncs, for those asked for
  static constexpr Nanoseconds start_pause = 5ms;       ///< between two syncs that nobody asked for
  static constexpr Nanoseconds purge_pause = 10s;       ///< the longest time between two looks for stale entries
  static constexpr Nanoseconds spread_per_peer = 25ms;  ///< a refresh is spread over this much for each peer,
  static constexpr Nanoseconds bond_first = 1s;         ///< for whom a bond will tell, before a sync does
  static constexpr Nanoseconds catch_up_after = 2s;     ///< when a snapshot was not merged to its end

  Impl(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng);

  // discovery.cpp
  void start(const Now& now, Links& links, Facts& events);
  [[nodiscard]] bool is_awaited(const LinkEvent& event);
  void on_link(const Now& now, const LinkEvent& event, Links& links, Facts& events);
  void on_timer(const Now& now, Links& links, Facts& events);
  void on_self_changed(const Now& now, Links& links, Facts& events);
  [[nodiscard]] Mono next_deadline() const;

  // intents.cpp
  void on_resolved(const Now& now, std::size_t index, const Result<std::vector<SocketAddress>>& addresses, Links& links,
                   Facts& events);
  void sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                 Facts& events, DialSource source);

  // ping.cpp
  void ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
            Facts& events);

  // members.cpp
  bool feed(const Now& now, const identity::EntryRef& entry, Facts& events);
  void on_departure(const Now& now, const PeerId& peer, Facts& events);
  void set_bonded(const Now& now, const PeerId& peer, bool bonded);

  [[nodiscard]] bool owns(LinkId link) const { return exchanges_.contains(link); }
  [[nodiscard]] const Catalog& catalog() const noexcept { return catalog_; }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::vector<ContactStatus> contacts() const { return bootstrap_.contacts(); }
  [[nodiscard]] bool has_met_anyone() const noexcept { return met_; }

 private:
  struct Request {
    std::uint64_t order = 0;
    std::vector<SocketAddress> addresses;
    DialSource source{};
    Mono not_before{};  ///< when the budget of dials is asked again
  };
  enum class Told : std::uint8_t { yes, no };

  // discovery.cpp: events of links
  void on_event(const Now& now, const LinkOpened& event, Links& links, Facts& events);
  void on_event(const Now& now, const LinkFrame& event, Links& links, Facts& events);
  void on_event(const Now& now, const LinkEnded& event, Links& links, Facts& events);
  void on_event(const Now& now, const LinkOversized& event, Links& links, Facts& events);
  void on_event(const Now& now, const LinkUnreachable& event, Links& links, Facts& events);
  void on_event(const Now& now, const LinkClosed& event, Links& links, Facts& events);
  // Signs of life and of loss: an exchange has its own time limit.
  void on_event(const Now&, const LinkActive&, Links&, Facts&) {}
  void on_event(const Now&, const LinkGrowing&, Links&, Facts&) {}
  void on_event(const Now&, const LinkLossy&, Links&, Facts&) {}
  void on_announce(const Now& now, const LinkOpened& event, Links& links, Facts& events);
  void on_incoming(const Now& now, const LinkOpened& event, Links& links, Facts& events);
  void on_dialer_closed(const Now& now, const Exchange& exchange, const CloseInfo& close);
  [[nodiscard]] bool still_comes(const Now& now, Exchange& exchange, const Links& links) const;
  void expire(const Now& now, Links& links, Facts& events);
  void refresh_when_due(const Now& now, Facts& events);
  void spread(const Now& now, Facts& events);
  [[nodiscard]] Nanoseconds refresh_pause();
  /// The bonded peers in turn; the zero id when there is none.
  [[nodiscard]] PeerId next_bonded(const PeerId& last) const;
  /// Closes the link and, for a dialed exchange, ends it with the error.
  void abandon(const Now& now, Exchange& exchange, CloseCode code, Error error, Links& links, Facts& events);

  // sync.cpp
  void open_sync(const Now& now, Exchange& exchange, Links& links, Facts& events);
  void serve_sync(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events);
  void finish_sync(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events);
  /// Merges a snapshot; what became of the sender's own entry.
  Result<> merge(const Now& now, Exchange& exchange, const Snapshot& snapshot, Facts& events);
  [[nodiscard]] Frame own_frame();
  [[nodiscard]] Frame catalog_frame(const Now& now);

  // ping.cpp
  void open_ping(const Now& now, Exchange& exchange, Links& links, Facts& events);
  void serve_ping(const Now& now, Exchange& exchange, Links& links, Facts& events);
  void finish_ping(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events);

  // intents.cpp
  /// Starts all that is due and has a place.
  void pump(const Now& now, Links& links, Facts& events);
  void pump_bootstrap(const Now& now, Links& links, Facts& events);
  void pump_requests(const Now& now, Links& links, Facts& events);
  void pump_outreach(const Now& now, Links& links, Facts& events);
  /// Dials now, or ends the exchange at once; else returns when to ask again.
  Mono dial(const Now& now, Exchange exchange, std::vector<SocketAddress> addresses, DialSource source, Links& links,
            Facts& events);
  /// A dialed exchange is over. Told::yes: the peer has our entry of exchange.version.
  void end(const Now& now, const Exchange& exchange, const Result<>& result, Told told, Facts& events);
  void end_bootstrap(const Now& now, const Exchange& exchange, const Error& error, Facts& events);
  /// A contact's name leads nowhere.
  void end_unresolved(const Now& now, const Exchange& exchange, const Error& error, Facts& events);
  void say_silent(const Now& now, const Exchange& exchange, const std::string& why, const std::string& advice,
                  Facts& events);
  /// A contact leads to these addresses.
  void go_to(const Now& now, std::size_t index, const std::vector<SocketAddress>& addresses, Links& links,
             Facts& events);
  /// Asks each address of a contact without an id who is there.
  void ask_places(const Now& now, Links& links, Facts& events);
  /// The peer to which a contact has led at the address needs not be asked there again.
  [[nodiscard]] bool is_settled(const Now& now, const PeerId& peer, const SocketAddress& address) const;
  /// The peer that a contact asked for has answered; false when that is the end of it.
  bool meet_contact(const Now& now, Exchange& exchange, const LinkOpened& opened, Links& links, Facts& events);
  /// The peer has our entry, as sent in this sync.
  void note_told(const Now& now, const Exchange& exchange);
  void note_reached(const Now& now, const PeerId& peer, Facts& events);
  [[nodiscard]] std::vector<SocketAddress> addresses_of(const Now& now, const PeerId& peer,
                                                        const std::vector<SocketAddress>& given) const;
  [[nodiscard]] std::size_t running_syncs() const;
  [[nodiscard]] std::optional<Admit> outreach_place() const;

  // members.cpp
  Verdict accept(const Now& now, const identity::EntryRef& entry, const PeerId& from, Facts& events);
  void greet(const Now& now, const identity::EntryRef& entry, const PeerId& from);
  void left(const Now& now, const identity::EntryRef& entry, bool signed_off, Facts& events);
  void note_refused(const Now& now, const identity::EntryRef& entry, const PeerId& from, Verdict verdict,
                    Facts& events);
  void purge(const Now& now, Facts& events);
  void plan_purge(const Now& now);
  /// A C++ node of a group of ours: the bond's handshake brings it our entry.
  [[nodiscard]] bool bond_will_tell(const identity::EntryRef& entry) const;
  [[nodiscard]] bool shares_group(const PeerEntry& entry) const;
  [[nodiscard]] Company company() const { return catalog_.empty() ? Company::alone : Company::some; }

  Config config_;
  identity::Self& self_;
  FramePool& pool_;
  Rng rng_;
  Catalog catalog_;
  Notices notices_;
  Counters counters_;
  EntryValidation entry_validation_;
  SyncScheduler sync_scheduler_;
  Bootstrap bootstrap_;
  Exchanges exchanges_;
  std::map<PeerId, Request> requests_;
  std::uint64_t requests_made_ = 0;
  std::uint64_t dials_ = 0;
  std::map<PeerId, std::int64_t> bonded_;  ///< and the run that the bond is with; 0: not known
  PeerId compare_with_;                    ///< the bonded peer that gets this version of our entry by a sync too

  bool started_ = false;
  bool met_ = false;
  Mono refresh_at_ = never;
  Boot refreshed_;
  Mono purge_at_ = never;
  Mono start_at_{};  ///< no sync of our own accord starts earlier

  Frame catalog_frame_;  ///< the last one, as long as it is true
  std::uint64_t catalog_generation_ = 0;
  Digest catalog_own_;
  Mono catalog_frame_until_{};
};

}  // namespace mosaik::discovery
