#pragma once
/// Member: all that a mesh knows of one peer of its group.

#include <optional>
#include <string>

#include "base/backoff.hpp"
#include "base/limits.hpp"
#include "bonds/lifecycle.hpp"

namespace mosaik::bonds {

/// How the failure detector judged of a peer when its last bond ended.
enum class LossReason : std::uint8_t {
  none,      ///< it did not
  proven,    ///< dead: its process is gone
  presumed,  ///< dead, as far as silence tells
  link,      ///< it lives, others hear it, and we do not
};

/// What speaks for a member besides its own entry.
struct Evidence {
  bool vouched = false;  ///< a bonded member names it: in its row, in BondFormed, or in the list of a handshake
  bool met = false;      ///< it has completed a handshake with us, of any protocol
};

/// Of the bonds with it that have ended.
struct BondHistory {
  LossReason loss = LossReason::none;
  Mono lost_at{};            ///< when the last bond ended, or was recalled from an earlier run
  Nanoseconds bonded_for{};  ///< in all of them
  Nanoseconds rtt{};         ///< of the bond that is up or was up last
  std::optional<SessionId> session{};
  std::optional<SocketAddress> moved_to{};  ///< where its packets came from when that bond ended by a change of address
};

/// When it is dialed next, and what came of the dials since the last bond.
struct DialPlan {
  Backoff backoff{};
  Mono at{};                       ///< not before
  bool no_target = false;          ///< at the last try no address of it was known that may be dialed
  std::uint64_t attempts = 0;      ///< failed
  std::uint64_t refused_code = 0;  ///< of the last attempt, 0 when it was not refused
  std::string why{};               ///< the last failure, in words
};

struct Member {
  PeerId id;
  identity::EntryRef entry;  ///< the newest that is known, may be stale
  Lifecycle life{};
  Evidence evidence{};
  BondHistory history{};
  DialPlan plan{};
  Mono forget_at = never;  ///< when it leaves the list, unless a link connects us then

  [[nodiscard]] Nanoseconds lost_for(Mono now) const noexcept { return now - history.lost_at; }
  /// Its process is gone, and nobody has come back in its place for so long that nobody is missed any more.
  [[nodiscard]] bool is_over(Mono now) const noexcept {
    return history.loss == LossReason::proven && lost_for(now) >= limits::proven_death_counts;
  }
  /// It counts: its entry is not all that speaks for it.
  [[nodiscard]] bool attested() const noexcept { return evidence.vouched || life.was_bonded(); }
  /// Its entry alone names its addresses.
  [[nodiscard]] bool unverified() const noexcept { return !attested() && !evidence.met; }
  [[nodiscard]] std::int64_t incarnation() const noexcept { return entry->entry.version.started; }
  [[nodiscard]] bool is_news(const identity::EntryRef& other) const noexcept {
    return other->entry.version > entry->entry.version;
  }

  void check_invariants() const;
};

}  // namespace mosaik::bonds
