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
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/admission_table.hpp"
#include "base/limits.hpp"
#include "discovery/sync/sync_scheduler.hpp"
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
  enum class Origin : std::uint8_t { peer, request, bootstrap, anti_entropy };

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
  bool cut_short = false;      ///< its snapshot was not merged to its end

  [[nodiscard]] bool live() const noexcept { return stage != Stage::finished; }
  [[nodiscard]] bool dialed() const noexcept { return origin != Origin::peer; }
  [[nodiscard]] bool is_dialed_ping() const noexcept { return dialed() && alpn == Alpn::ping; }
  /// It takes one of limits::concurrent_syncs. The bootstrap list has a limit of its own (limits::bootstrap_peers), and
  /// only the operator writes in it.
  [[nodiscard]] bool is_counted_sync() const noexcept {
    return dialed() && alpn == Alpn::sync && origin != Origin::bootstrap;
  }
  /// An anti-entropy sync with a peer that has not answered yet.
  [[nodiscard]] bool knocks() const noexcept { return origin == Origin::anti_entropy && stage == Stage::opening; }
};

/// Why a dialed exchange ended without success, in words for a person and as an error.
[[nodiscard]] Error failure_of(const Exchange& exchange, const CloseInfo& close);
[[nodiscard]] Error timeout_of(const Exchange& exchange, Nanoseconds waited);

class ExchangeTable {
 public:
  /// The number of live exchanges of each kind that has a limit.
  struct Tally {
    std::size_t syncs = 0;   ///< is_counted_sync()
    std::size_t pings = 0;   ///< is_dialed_ping()
    std::size_t places = 0;  ///< contacts without an id that are asked who is there
    std::size_t knocking = 0;
    friend bool operator==(const Tally&, const Tally&) = default;
  };

  const Exchange& add(Exchange exchange);
  [[nodiscard]] const Exchange* find(LinkId link) const;
  [[nodiscard]] bool contains(LinkId link) const { return table_.contains(link); }
  /// Changes a live exchange by `edit`(Exchange&), except for its link and stage.
  template <class Edit>
  void change(const Exchange& exchange, const Edit& edit) {
    Exchange& one = unindexed(exchange);
    edit(one);
    index(one);
  }
  /// Moves the exchange on. Asserts the arrows at the head of this file; each stage may go to finished.
  void advance(const Exchange& exchange, Exchange::Stage next);
  /// Another connection of the dial than its first one has opened.
  void rename(LinkId dial, LinkId winner);
  void erase(LinkId link);
  /// A place for an accepted one. Returns the one that gives way for it.
  [[nodiscard]] const Exchange* admit(const Exchange& exchange, AdmissionClass standing);
  void on_frame(LinkId link) { places_.on_frame(link); }

  /// The earliest of the live dialed ones to this peer; null when there is not one.
  [[nodiscard]] const Exchange* dialed_to(const PeerId& peer, Alpn alpn) const;
  /// The live ones that this peer dialed, the longest open first.
  [[nodiscard]] std::vector<const Exchange*> accepted_from(const PeerId& peer) const {
    return with(peer, [](const Exchange& each) { return !each.dialed(); });
  }
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  /// Links of live ones whose deadline has passed, ascending.
  [[nodiscard]] std::vector<LinkId> overdue(const Now& now) const;
  [[nodiscard]] Mono deadline() const { return deadlines_.empty() ? never : deadlines_.begin()->first; }

  void check_invariants() const;

 private:
  /// Live ones with the peer that `matches`, the earliest first: links are numbered in the order of their making.
  template <class Predicate>
  [[nodiscard]] std::vector<const Exchange*> with(const PeerId& peer, const Predicate& matches) const {
    std::vector<const Exchange*> out;
    for (auto at = by_peer_.lower_bound({peer, LinkId{}}); at != by_peer_.end() && at->first == peer; ++at)
      if (const Exchange& each = table_.at(at->second); matches(each)) out.push_back(&each);
    return out;
  }
  /// The exchange, taken out of all that is kept beside the table.
  Exchange& unindexed(const Exchange& exchange);
  void index(const Exchange& exchange);
  static void count(Tally& tally, const Exchange& exchange, std::size_t by);

  std::map<LinkId, Exchange> table_;
  AdmissionTable<LinkId> places_{{.places = limits::incoming_syncs, .for_members = limits::member_syncs}};
  // Of the live ones:
  std::set<std::pair<Mono, LinkId>> deadlines_;
  std::set<std::pair<PeerId, LinkId>> by_peer_;
  Tally tally_;
};

}  // namespace mosaik::discovery
