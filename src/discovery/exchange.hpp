#pragma once
/// Exchange: one sync or ping on a link of its own, in either role, and the table of those that are under way.
///
/// Dialer:   opening --LinkOpened: send--> reading --frame: close 200--> finished
/// Acceptor: reading --frame: reply--> awaiting_close --the dialer's close--> gone
/// The dialer closes, for only it knows that everything has arrived; a close discards what is in flight
/// (spec: discovery 0.1, 3). One deadline spans an exchange from its first packet to its end (spec: discovery 8 W2,
/// W17).

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/admission_table.hpp"
#include "base/limits.hpp"
#include "base/rekey.hpp"
#include "discovery/sync_scheduler.hpp"
#include "link/links.hpp"

namespace mosaik::discovery {

struct Exchange {
  enum class Stage : std::uint8_t {
    opening,
    reading,
    awaiting_close,
    finished,  ///< we closed it; LinkClosed will end it
  };
  /// Who wanted it.
  enum class Origin : std::uint8_t { peer, request, bootstrap, outreach };

  LinkId link;
  PeerId peer;
  Alpn alpn = Alpn::sync;
  Origin origin = Origin::peer;
  Stage stage = Stage::opening;
  Scope scope = Scope::own_entry;        ///< dialed syncs: what we send
  std::size_t bootstrap = 0;             ///< its place in the list, when the origin is bootstrap
  std::int64_t version = 0;              ///< of our entry, as sent
  SocketAddress remote;                  ///< where the link goes; known when it is open
  std::optional<SocketAddress> place{};  ///< of a contact that names no peer: where we ask who is there
  Mono deadline = never;
  Mono opened{};               ///< accepted ones
  std::uint64_t received = 0;  ///< accepted ones: bytes of the first frame at the last look
  bool unreachable = false;    ///< an ICMP unreachable was seen
  bool met = false;            ///< accepted syncs: the dialer proved to be of our network
  bool cut_short = false;      ///< its snapshot was not merged to its end

  [[nodiscard]] bool live() const noexcept { return stage != Stage::finished; }
  [[nodiscard]] bool dialed() const noexcept { return origin != Origin::peer; }
};

/// Why a dialed exchange ended without success, in words for a person and as an error.
[[nodiscard]] Error failure_of(const Exchange& exchange, const CloseInfo& close);
[[nodiscard]] Error timeout_of(const Exchange& exchange, Nanoseconds waited);

class Exchanges {
 public:
  Exchange& add(Exchange exchange) { return table_.insert_or_assign(exchange.link, std::move(exchange)).first->second; }
  [[nodiscard]] Exchange* find(LinkId link);
  /// Another connection of the dial than its first one has opened.
  void rename(LinkId dial, LinkId winner) {
    if (Exchange* const exchange = rekey(table_, dial, winner)) exchange->link = winner;
  }
  [[nodiscard]] bool contains(LinkId link) const { return table_.contains(link); }
  void erase(LinkId link) {
    table_.erase(link);
    places_.leave(link);
  }
  /// A place for an accepted one. Returns the one that gives way for it.
  [[nodiscard]] Exchange* admit(const Exchange& exchange, AdmissionClass standing) {
    const auto leaving = places_.admit(exchange.link, exchange.remote, standing);
    return leaving ? find(*leaving) : nullptr;
  }
  void on_frame(LinkId link) { places_.on_frame(link); }

  /// A live dialed one to this peer; null when there is none.
  [[nodiscard]] Exchange* dialed_to(const PeerId& peer, Alpn alpn);
  /// The longest open of the live ones that this peer dialed; null when there is none.
  [[nodiscard]] Exchange* oldest_from(const PeerId& peer);
  /// Live ones that `matches`.
  template <class Predicate>
  [[nodiscard]] std::size_t count(const Predicate& matches) const {
    std::size_t out = 0;
    for (const auto& [link, exchange] : table_)
      if (exchange.live() && matches(exchange)) ++out;
    return out;
  }
  /// Links of live ones whose deadline has passed.
  [[nodiscard]] std::vector<LinkId> overdue(const Now& now) const;
  [[nodiscard]] Mono deadline() const;

 private:
  std::map<LinkId, Exchange> table_;
  AdmissionTable<LinkId> places_{{.places = limits::incoming_syncs, .for_members = limits::member_syncs}};
};

}  // namespace mosaik::discovery
