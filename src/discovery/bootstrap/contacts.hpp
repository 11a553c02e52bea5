#pragma once
/// Contacts: the peers that the configuration names, and when each of them is tried.
///
/// While no other peer is known, each is tried with a quick back-off (250 ms to 10 s, jittered), for ever. Once another
/// peer is known, contacts that were never reached are still tried, slowly (every 10 s to 60 s): two halves of a
/// network that started apart have nothing else that could join them. A contact that was bonded with us is tried again
/// when the bond ends or its entry leaves the catalog. One that merely answered is asked again as slowly: it may end
/// and come back knowing no peer, and no peer would tell us.
///
/// A contact without an id leads to places, one an address. Each is asked who is there, in rounds: a round begins when
/// the contact is due and its name was resolved anew, and ends when the last place has answered or failed. A place
/// where a peer answered that is bonded with us now is not asked.

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <mosaik/types/status.hpp>

#include "base/backoff.hpp"
#include "discovery/catalog/peer_directory.hpp"
#include "discovery/config.hpp"

namespace mosaik::discovery {

class Contacts {
 public:
  static constexpr Nanoseconds quick_least = 250ms;
  static constexpr Nanoseconds quick_most = 10s;
  static constexpr Nanoseconds slow_least = 10s;
  static constexpr Nanoseconds slow_most = 60s;
  static constexpr Nanoseconds resolve_timeout = 10s;

  /// Keeps the first limits::bootstrap_peers of the list, each under its place in it; our own id is never tried.
  Contacts(std::vector<BootstrapPeer> peers, const PeerId& self);

  /// Every contact is due now.
  void start(const Now& now);
  /// The next contact that is due; it is being tried until resolving, reached or failed.
  std::optional<std::size_t> take(const Now& now);
  void resolving(const Now& now, std::size_t index);
  /// A name was resolved; false when no contact waits for it.
  bool resolved(std::size_t index);
  /// The next contact whose name was not resolved in time; the caller reports the failure.
  [[nodiscard]] std::optional<std::size_t> overdue(const Now& now) const;

  void failed(const Now& now, std::size_t index, std::string why, Company company, Rng& rng);
  /// A sync with this peer succeeded. It is asked again now and then: should it end, no peer would tell us, and its
  /// next run may know of no peer. True when it had not been met.
  bool answered(const Now& now, const PeerId& peer, Rng& rng);
  /// The contact leads there now; of one without an id that begins a round. `is_settled`(const PeerId&,
  /// const SocketAddress&): which peers need not be asked there again. The first limits::dial_candidates addresses are
  /// kept.
  template <class IsSettled>
  void leads_to(const Now& now, std::size_t index, const std::vector<SocketAddress>& addresses,
                const IsSettled& is_settled, Company company, Rng& rng) {
    Contact& contact = contacts_.at(index);
    std::vector<Place> before = std::exchange(contact.places, {});
    for (const SocketAddress& address : addresses) {
      if (contact.places.size() == limits::dial_candidates) break;
      if (std::ranges::find(contact.places, address, &Place::address) != contact.places.end()) continue;
      const auto known = std::ranges::find(before, address, &Place::address);
      contact.places.push_back(known == before.end() ? Place{.address = address} : *known);
    }
    if (contact.peer.id != PeerId{}) return;
    for (Place& place : contact.places)
      if (place.who == PeerId{} || !is_settled(place.who, place.address)) place.turn = Turn::due;
    end_round(now, contact, company, rng);
  }
  struct Asked {
    std::size_t contact = 0;
    SocketAddress address;
  };
  /// The next place that is to be asked; place_answered or place_failed follows.
  [[nodiscard]] std::optional<Asked> take_place();
  void place_answered(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who, Rng& rng);
  /// `who`: the peer that answered nevertheless; zero: no peer.
  void place_failed(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who, std::string why,
                    Company company, Rng& rng);
  /// It holds a bond with us, whose end will be told. True when that is news.
  bool bonded(const PeerId& peer);
  /// The peer left the catalog, or its bond ended.
  void lost(const Now& now, const PeerId& peer, Company company, Rng& rng);
  /// No peer is known any more: each contact is tried soon.
  void alone(const Now& now, Rng& rng);

  [[nodiscard]] const BootstrapPeer& at(std::size_t index) const { return contacts_.at(index).peer; }
  /// The address, when the host needs no resolving.
  [[nodiscard]] const std::optional<SocketAddress>& literal(std::size_t index) const {
    return contacts_.at(index).literal;
  }
  [[nodiscard]] std::vector<ContactStatus> status() const;
  /// When the next contact is due.
  [[nodiscard]] Mono due() const { return waiting_.empty() ? never : waiting_.begin()->first; }
  /// When the next resolving is overdue.
  [[nodiscard]] Mono resolve_deadline() const { return resolving_.empty() ? never : resolving_.begin()->first; }

  void check_invariants() const;

 private:
  /// waiting -> trying -> (resolving -> trying) -> waiting; a bond: reached, from each of them, until it ends.
  enum class Stage : std::uint8_t { waiting, trying, resolving, reached, ourselves };
  enum class Turn : std::uint8_t { over, due, asked };
  struct Place {
    SocketAddress address;
    PeerId who{};         ///< the peer that answered there last; zero: none yet
    bool synced = false;  ///< and that was a sync with a peer of our network
    Turn turn = Turn::over;
  };
  struct Contact {
    std::size_t index = 0;
    BootstrapPeer peer;
    std::optional<SocketAddress> literal{};
    Stage stage = Stage::waiting;
    Mono at = never;
    bool met = false;
    std::vector<Place> places{};  ///< where it leads
    std::string why{};            ///< the last failure; empty when it has answered since
    Backoff quick{};
    Backoff slow{};
  };
  using Queue = std::set<std::pair<Mono, std::size_t>>;

  /// Moves the contact to another stage, or to another time in the same one. Asserts the arrows above.
  void enter(Contact& contact, Stage stage, Mono at);
  [[nodiscard]] Queue* queue_of(Stage stage);
  void wait(Contact& contact, const Now& now, Company company, Rng& rng);
  /// Ends the round of a contact without an id when no place is left to be asked or waited for.
  void end_round(const Now& now, Contact& contact, Company company, Rng& rng);
  [[nodiscard]] Place* place(std::size_t index, const SocketAddress& address);

  std::vector<Contact> contacts_;
  Queue waiting_;    ///< by when they are due
  Queue resolving_;  ///< by when they are overdue
};

}  // namespace mosaik::discovery
