#pragma once
/// Member: all that a mesh knows of one peer of its group.

#include <optional>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "base/limits.hpp"
#include "bonds/allowance.hpp"
#include "bonds/handshake_acceptor.hpp"
#include "bonds/heartbeat.hpp"

namespace mosaik::bonds {

/// Whether we want a bond with the peer.
enum class DesiredState : std::uint8_t {
  wanted,    ///< dial it
  departed,  ///< it said goodbye (Departure, 102, a signed departure): until a newer `started` or an incoming dial
  stranger,  ///< it said that it does not know the group (30404): the same
};

/// How health/ judged of a peer that has no bond with us any more.
enum class Lost : std::uint8_t {
  no,        ///< it did not
  proven,    ///< dead: its process is gone
  presumed,  ///< dead, as far as silence tells
  link,      ///< it lives, others hear it, and we do not
};

/// Our own attempt at a bond: a dial, then a HandshakeStart that waits for its HandshakeEnd.
struct Attempt {
  LinkId link;
  bool start_sent = false;
  Mono deadline{};
  Mono started_at{};           ///< when HandshakeStart was sent, with the list of the bonds of that moment
  identity::EntryRef entry{};  ///< and our own entry in it
};

/// A bond that is up.
struct LiveBond {
  LinkId link;
  SessionId session;
  identity::EntryRef entry;  ///< the newest of the peer; its `started` is the incarnation that we are bonded with
  Heartbeat heartbeat;
  Allowance pings;       ///< those that are answered, and what comes behind them
  Allowance entries;     ///< PeerEntryUpdate and BondFormed
  Allowance extensions;  ///< ExtensionHeard
  Mono since{};
  Side side{};
  bool cpp = false;
  Capabilities capabilities;
  bool suspect = false;        ///< health suspects the peer
  std::uint64_t row_sent = 0;  ///< sequence of the own row that the peer has
};

struct Member {
  PeerId id;
  identity::EntryRef entry;  ///< the newest that is known, may be stale; empty only when it came with nothing
  DesiredState wish = DesiredState::wanted;
  Lost lost = Lost::no;
  bool once_bonded = false;
  bool vouched = false;      ///< a bonded member names it: in its row, in BondFormed, or in the list of a handshake
  bool met = false;          ///< it has completed a handshake with us, of any protocol
  Mono lost_at{};            ///< when the last bond ended, or was recalled from an earlier run
  Nanoseconds bonded_for{};  ///< in all bonds that have ended
  Nanoseconds rtt{};         ///< of the bond that is up or was up last
  std::optional<Attempt> attempt;
  std::vector<IncomingHandshake> held;  ///< incoming handshakes that wait for our own attempt
  std::optional<LiveBond> bond;
  Backoff backoff;
  Mono dial_at{};                         ///< not before
  bool no_target = false;                 ///< at the last try no address of it was known that may be dialed
  bool awaiting_sync = false;             ///< a catalog sync was asked for, the next dial waits for its end
  std::optional<SessionId> lost_session;  ///< of the bond that ended last
  std::optional<SocketAddress> moved_to;  ///< where its packets came from when that bond ended by a change of address
  std::uint64_t attempts = 0;             ///< failed since the last bond
  std::uint64_t refused_code = 0;         ///< of the last attempt, 0 when it was not refused
  std::string why;                        ///< the last failure, in words
  Mono forget_at = never;                 ///< a departed member leaves the list then

  [[nodiscard]] bool busy() const noexcept { return bond || attempt || !held.empty(); }
  [[nodiscard]] bool waits_for_dial() const noexcept {
    return !busy() && wish == DesiredState::wanted && !awaiting_sync && entry;
  }
  [[nodiscard]] Nanoseconds lost_for(Mono now) const noexcept { return now - lost_at; }
  /// Its process is gone, and nobody has come back in its place for so long that nobody is missed any more.
  [[nodiscard]] bool is_over(Mono now) const noexcept {
    return lost == Lost::proven && lost_for(now) >= limits::proven_death_counts;
  }
  /// It counts: its entry is not all that speaks for it.
  [[nodiscard]] bool attested() const noexcept { return vouched || once_bonded; }
  /// Its entry alone names its addresses.
  [[nodiscard]] bool hearsay() const noexcept { return !attested() && !met; }
  [[nodiscard]] bool labelled_cpp() const noexcept { return entry && entry->labelled_cpp(); }
};

}  // namespace mosaik::bonds
