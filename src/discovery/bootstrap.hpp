#pragma once
/// Bootstrap: the peers that we were told of at the start, and when each of them is tried.
///
/// While nobody else is known each is tried with a quick back-off, for ever. Once somebody is known, those never
/// reached are still tried, slowly: two halves of a network that started apart have nothing else that could join them.
/// A peer that was bonded with us is tried again when the bond ends. One that merely answered is asked again as slowly:
/// it may end and come back knowing nobody, and nobody would tell us.

#include <optional>
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

  void failed(const Now& now, std::size_t index, Company company, Rng& rng);
  /// A sync with this peer succeeded. It is asked again now and then: should it end, nobody would tell us, and its next
  /// run may know of nobody. True when it had not been met.
  bool answered(const Now& now, const PeerId& peer, Rng& rng);
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
  /// When the next peer is due.
  [[nodiscard]] Mono due() const;
  /// When the next resolving is overdue.
  [[nodiscard]] Mono resolve_deadline() const;

 private:
  enum class Stage : std::uint8_t { waiting, trying, resolving, reached, ourselves };
  struct Peer {
    BootstrapPeer peer;
    std::optional<SocketAddress> literal;
    Stage stage = Stage::waiting;
    Mono at = never;
    bool met = false;
    Backoff quick;
    Backoff slow;
  };

  static void wait(Peer& peer, const Now& now, Company company, Rng& rng);

  std::vector<Peer> peers_;
};

/// HOST:PORT as a person writes it.
[[nodiscard]] std::string text_of(const BootstrapPeer& peer);

}  // namespace mosaik::discovery
