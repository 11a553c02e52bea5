#pragma once
/// Lifecycle: what connects this node with one member, as an explicit state machine.
///
///     known, lost ---> dialing ---> handshaking ---> bonded      our own attempt
///     known, lost, syncing -----------------------> bonded      the member's attempt, answered by us
///     known, lost ---> syncing ---> known, lost                 it does not know our entry (401)
///     dialing, handshaking, bonded ---> at rest                 the attempt failed, the bond ended
///
/// At rest is one of four: *known* was never bonded with us, *lost* was; *departed* said goodbye and *stranger*
/// answered that it does not know the group. The last two are not dialed: they come back by a newer run of theirs or by
/// their own handshake, and are known or lost first. `enter` is the only function that changes the state; it asserts
/// the arrows.

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/token_bucket.hpp"
#include "bonds/handshake_acceptor.hpp"
#include "bonds/heartbeat.hpp"

namespace mosaik::bonds {

/// Whether we want a bond with the peer.
enum class DesiredState : std::uint8_t {
  wanted,    ///< dial it
  departed,  ///< it said goodbye (Departure, 102, a signed departure): until a newer `started` or an incoming dial
  stranger,  ///< it said that it does not know the group (30404): the same
};

enum class Phase : std::uint8_t { known, lost, departed, stranger, syncing, dialing, handshaking, bonded };

/// Nothing connects us.
struct Resting {};
/// A catalog sync was asked for; the next dial waits for its end.
struct Syncing {};
/// Our own attempt at a bond.
struct Attempt {
  LinkId link;
  Mono deadline{};
};
/// The dial is out. Nobody has heard of it before it opens.
struct Dialing : Attempt {};
/// Our HandshakeStart is out and waits for its HandshakeEnd.
struct Handshaking : Attempt {
  Mono started_at{};                    ///< when HandshakeStart was sent, with the list of the bonds of that moment
  identity::EntryRef entry{};           ///< our own entry in it
  std::vector<IncomingHandshake> held;  ///< the peer's own handshakes, which wait for how ours ends
};
/// A bond that is up.
struct LiveBond {
  LinkId link;
  SessionId session;
  identity::EntryRef entry;  ///< the newest of the peer; its `started` is the incarnation that we are bonded with
  Heartbeat heartbeat;
  TokenBucket pings;       ///< those that are answered, and what comes behind them
  TokenBucket entries;     ///< PeerEntryUpdate and BondFormed
  TokenBucket extensions;  ///< ExtensionHeard
  Mono since{};
  Side side{};
  bool cpp = false;
  Capabilities capabilities;
  bool suspect = false;        ///< the failure detector suspects the peer
  std::uint64_t row_sent = 0;  ///< sequence of the own row that the peer has
};

class Lifecycle {
 public:
  [[nodiscard]] Phase phase() const noexcept;
  [[nodiscard]] DesiredState desired() const noexcept { return desired_; }
  [[nodiscard]] bool wanted() const noexcept { return desired_ == DesiredState::wanted; }
  /// In this run of ours, or an earlier one.
  [[nodiscard]] bool was_bonded() const noexcept { return was_bonded_; }
  /// A link connects us, or is about to.
  [[nodiscard]] bool busy() const noexcept { return attempt() != nullptr || bond() != nullptr; }
  [[nodiscard]] bool may_be_dialed() const noexcept;
  /// Null in other phases.
  [[nodiscard]] const LiveBond* bond() const noexcept { return std::get_if<LiveBond>(&role_); }
  [[nodiscard]] LiveBond* bond() noexcept { return std::get_if<LiveBond>(&role_); }
  [[nodiscard]] const Attempt* attempt() const noexcept;
  [[nodiscard]] const Handshaking* handshaking() const noexcept { return std::get_if<Handshaking>(&role_); }

  void begin_dial(LinkId link, Mono deadline) { enter(Dialing{{link, deadline}}); }
  /// Another connection of the dial than its first one has opened.
  void adopt(LinkId winner);
  void begin_handshake(const Now& now, const identity::EntryRef& own_entry);
  /// False when limits::held_handshakes are held already.
  [[nodiscard]] bool hold(const IncomingHandshake& incoming);
  /// The held handshake of this link has ended.
  void drop_held(LinkId link);
  /// The attempt has ended. Returns the handshakes that it held up, oldest first.
  [[nodiscard]] std::vector<IncomingHandshake> end_attempt();
  void begin_sync() { enter(Syncing{}); }
  void end_sync() { enter(Resting{}); }
  /// The attempt has succeeded: what it held up is to be refused first.
  [[nodiscard]] std::vector<IncomingHandshake> release_held();
  void form_bond(LiveBond bond);
  [[nodiscard]] LiveBond end_bond();
  void desire(DesiredState desired);
  /// It was bonded with an earlier run of ours.
  void recall();

  void check_invariants() const;

 private:
  using Role = std::variant<Resting, Syncing, Dialing, Handshaking, LiveBond>;
  void enter(Role next);

  Role role_;
  DesiredState desired_ = DesiredState::wanted;
  bool was_bonded_ = false;
};

[[nodiscard]] std::string_view to_string(Phase phase) noexcept;
/// Whether a member in `from` may be in `to` next.
[[nodiscard]] bool may_follow(Phase from, Phase to) noexcept;

}  // namespace mosaik::bonds
