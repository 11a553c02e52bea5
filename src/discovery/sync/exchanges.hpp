#pragma once
/// Exchanges: the links of the protocols sync (spec: discovery 3) and ping (5.1), in both roles. It routes the events
/// of links to the role, keeps time limits, and tells the end of each sync to its observer.

#include "discovery/source.hpp"
#include "discovery/sync/catalog_sync.hpp"
#include "discovery/sync/exchange.hpp"

namespace mosaik::discovery {

class Exchanges {
 public:
  static constexpr std::size_t incoming_per_peer = 2;  ///< syncs and pings that one peer may have open with us
  static constexpr std::size_t pings = 64;             ///< outgoing, at a time

  Exchanges(Nanoseconds sync_timeout, PeerDirectory& peers, EntryValidation& validation, Diagnostics& diagnostics,
            FramePool& pool, SyncObserver& observer);

  /// False for what is said on links that we have done with.
  [[nodiscard]] bool awaits(const LinkEvent& event) const;
  void on_link(const Context& context, const LinkEvent& event);
  void on_timer(const Context& context);
  [[nodiscard]] Mono next_deadline() const { return table_.deadline(); }

  /// Dials now, or ends the exchange at once; else returns when to ask again.
  Mono dial(const Context& context, Exchange exchange, std::vector<SocketAddress> addresses, DialSource source);
  /// Asks the peer for its entry; PingEnded follows.
  void ping(const Context& context, const PeerId& peer, const std::vector<SocketAddress>& addresses);
  /// The peer speaks from there now: a sync that still knocks, or waits for an answer from elsewhere, is with its
  /// predecessor and ends. A caller's request for a sync with the peer is not over.
  void supersede(const Context& context, const PeerId& peer, const SocketAddress& remote);
  [[nodiscard]] const ExchangeTable& table() const noexcept { return table_; }

 private:
  void on_event(const Context& context, const LinkOpened& event);
  void on_event(const Context& context, const LinkFrame& event);
  void on_event(const Context& context, const LinkEnded& event);
  void on_event(const Context& context, const LinkOversized& event);
  void on_event(const Context& context, const LinkUnreachable& event);
  void on_event(const Context& context, const LinkClosed& event);
  // Signs of life and of loss: an exchange has its own time limit.
  void on_event(const Context&, const LinkActive&) {}
  void on_event(const Context&, const LinkGrowing&) {}
  void on_event(const Context&, const LinkLossy&) {}

  // exchanges_dialed.cpp
  void on_dialed(const Context& context, const LinkOpened& event);
  /// A contact without an id has led to the peer; false when that is the end of it.
  bool meet(const Context& context, const Exchange& exchange, const LinkOpened& opened);
  void open(const Context& context, const Exchange& exchange);
  void finish_sync(const Context& context, const Exchange& exchange, BytesView payload);
  void finish_ping(const Context& context, const Exchange& exchange, BytesView payload);
  void succeed(const Context& context, const Exchange& exchange);
  void end(const Now& now, const Exchange& exchange, const Result<>& result, Told told, Events& events);

  // exchanges_accepted.cpp
  void on_accepted(const Context& context, const LinkOpened& event);
  void serve_sync(const Context& context, const Exchange& exchange, BytesView payload);
  void serve_ping(const Context& context, const Exchange& exchange);
  void on_dialer_closed(const Context& context, const Exchange& exchange, const CloseInfo& close);
  [[nodiscard]] bool still_comes(const Context& context, const Exchange& exchange);

  /// Closes the link and, for a dialed exchange, ends it with the error.
  void abandon(const Context& context, const Exchange& exchange, CloseCode code, Error error);

  Nanoseconds sync_timeout_;
  PeerDirectory& peers_;
  EntryValidation& validation_;
  Diagnostics& diagnostics_;
  FramePool& pool_;
  SyncObserver& observer_;
  CatalogSync catalog_sync_;
  ExchangeTable table_;
  std::uint64_t dials_ = 0;
};

}  // namespace mosaik::discovery
