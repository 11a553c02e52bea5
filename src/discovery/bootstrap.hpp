#pragma once
/// Bootstrap: the peers that we were told of at the start, and when each of them is tried.
///
/// While nobody else is known each is tried with a quick back-off, for ever. Once somebody is known, those never
/// reached are still tried, slowly: two halves of a network that started apart have nothing else that could join them.
/// A peer that was bonded with us is tried again when the bond ends. One that merely answered is asked again as slowly:
/// it may end and come back knowing nobody, and nobody would tell us.
///
/// A contact without an id leads to places, one an address. Each is asked who is there, in rounds: a round begins when
/// the contact is due and its name was resolved anew, and ends when the last place has answered or failed. Where
/// somebody answered who is bonded with us now, nobody is asked.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "discovery/discovery.hpp"

namespace mosaik::discovery {

/// Whether any other peer is known.
enum class Company : std::uint8_t { alone, some };

class Bootstrap {
 public:
  static constexpr Nanoseconds quick_least = 250ms;
  static constexpr Nanoseconds quick_most = 10s;
  static constexpr Nanoseconds slow_least = 10s;
  static constexpr Nanoseconds slow_most = 60s;
  static constexpr Nanoseconds resolve_timeout = 10s;

  /// Keeps the first limits::bootstrap_peers of the list, each under its place in it; our own id is never tried.
  Bootstrap(std::vector<BootstrapPeer> peers, const PeerId& self);

  /// Everyone is due now.
  void start(const Now& now);
  /// The next peer that is due; it is being tried until resolving, reached or failed.
  std::optional<std::size_t> take(const Now& now);
  void resolving(const Now& now, std::size_t index);
  /// A name was resolved; false when nobody waits for it.
  bool resolved(std::size_t index);
  /// The next peer whose name was not resolved in time; the caller reports the failure.
  [[nodiscard]] std::optional<std::size_t> overdue(const Now& now) const;

  void failed(const Now& now, std::size_t index, std::string why, Company company, Rng& rng);
  /// A sync with this peer succeeded. It is asked again now and then: should it end, nobody would tell us, and its next
  /// run may know of nobody. True when it had not been met.
  bool answered(const Now& now, const PeerId& peer, Rng& rng);
  /// The contact leads there now; of one without an id that begins a round. `is_settled`(const PeerId&,
  /// const SocketAddress&): who needs not be asked there again. The first limits::dial_candidates addresses are kept.
  template <class IsSettled>
  void leads_to(const Now& now, std::size_t index, const std::vector<SocketAddress>& addresses,
                const IsSettled& is_settled, Company company, Rng& rng) {
    Peer& peer = peers_.at(index);
    std::vector<Place> before = std::exchange(peer.places, {});
    for (const SocketAddress& address : addresses) {
      if (peer.places.size() == limits::dial_candidates) break;
      if (std::ranges::find(peer.places, address, &Place::address) != peer.places.end()) continue;
      const auto known = std::ranges::find(before, address, &Place::address);
      peer.places.push_back(known == before.end() ? Place{.address = address} : *known);
    }
    if (peer.peer.id != PeerId{}) return;
    for (Place& place : peer.places) place.due = place.who == PeerId{} || !is_settled(place.who, place.address);
    end_round(now, peer, company, rng);
  }
  struct Asked {
    std::size_t contact = 0;
    SocketAddress address;
  };
  /// The next place that is to be asked; place_answered or place_failed follows.
  [[nodiscard]] std::optional<Asked> take_place();
  void place_answered(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who, Rng& rng);
  /// `who`: who answered nevertheless; zero: nobody.
  void place_failed(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who, std::string why,
                    Company company, Rng& rng);
  /// It holds a bond with us, whose end will be told.
  bool bonded(const PeerId& peer);
  /// The peer left the catalog, or its bond ended.
  void lost(const Now& now, const PeerId& peer, Company company, Rng& rng);
  /// Nobody is known any more: everyone is tried soon.
  void alone(const Now& now, Rng& rng);

  [[nodiscard]] const BootstrapPeer& at(std::size_t index) const { return peers_.at(index).peer; }
  /// The address, when the host needs no resolving.
  [[nodiscard]] const std::optional<SocketAddress>& literal(std::size_t index) const {
    return peers_.at(index).literal;
  }
  [[nodiscard]] std::vector<ContactStatus> contacts() const;
  /// When the next peer is due.
  [[nodiscard]] Mono due() const;
  /// When the next resolving is overdue.
  [[nodiscard]] Mono resolve_deadline() const;

 private:
  enum class Stage : std::uint8_t { waiting, trying, resolving, reached, ourselves };
  struct Place {
    SocketAddress address;
    PeerId who{};         ///< who answered there last; zero: nobody yet
    bool synced = false;  ///< and that was a sync with a peer of our network
    bool due = false;
    bool asked = false;
  };
  struct Peer {
    BootstrapPeer peer;
    std::optional<SocketAddress> literal;
    Stage stage = Stage::waiting;
    Mono at = never;
    bool met = false;
    std::vector<Place> places{};  ///< where it leads
    std::string why{};            ///< the last failure; empty when it has answered since
    Backoff quick;
    Backoff slow;
  };

  static void wait(Peer& peer, const Now& now, Company company, Rng& rng);
  /// Ends the round of a contact without an id when nobody is left to be asked or waited for.
  void end_round(const Now& now, Peer& peer, Company company, Rng& rng) const;
  [[nodiscard]] Place* place(std::size_t index, const SocketAddress& address);

  std::vector<Peer> peers_;
};

/// HOST:PORT as a person writes it, with `dns:` before the name of a service.
[[nodiscard]] std::string text_of(const BootstrapPeer& peer);

}  // namespace mosaik::discovery
