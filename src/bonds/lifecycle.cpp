#include "bonds/lifecycle.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace mosaik::bonds {

namespace {
constexpr unsigned bit(Phase phase) {
  return 1U << static_cast<unsigned>(phase);
}
constexpr unsigned at_rest = bit(Phase::known) | bit(Phase::lost) | bit(Phase::departed) | bit(Phase::stranger);

constexpr unsigned after(Phase from) {
  switch (from) {
    case Phase::known:
    case Phase::lost: return at_rest | bit(Phase::syncing) | bit(Phase::dialing) | bit(Phase::bonded);
    case Phase::departed:
    case Phase::stranger: return at_rest | bit(Phase::syncing);
    case Phase::syncing: return at_rest | bit(Phase::bonded);
    case Phase::dialing: return at_rest | bit(Phase::handshaking);
    case Phase::handshaking: return at_rest | bit(Phase::bonded);
    case Phase::bonded: return at_rest;
  }
  return 0;
}
}  // namespace

bool may_follow(Phase from, Phase to) noexcept {
  return (after(from) & bit(to)) != 0;
}

std::string_view to_string(Phase phase) noexcept {
  switch (phase) {
    case Phase::known: return "known";
    case Phase::lost: return "lost";
    case Phase::departed: return "departed";
    case Phase::stranger: return "stranger";
    case Phase::syncing: return "syncing";
    case Phase::dialing: return "dialing";
    case Phase::handshaking: return "handshaking";
    case Phase::bonded: return "bonded";
  }
  return "known";
}

Phase Lifecycle::phase() const noexcept {
  if (std::holds_alternative<LiveBond>(role_)) return Phase::bonded;
  if (std::holds_alternative<Handshaking>(role_)) return Phase::handshaking;
  if (std::holds_alternative<Dialing>(role_)) return Phase::dialing;
  if (std::holds_alternative<Syncing>(role_)) return Phase::syncing;
  if (desired_ == DesiredState::departed) return Phase::departed;
  if (desired_ == DesiredState::stranger) return Phase::stranger;
  return was_bonded_ ? Phase::lost : Phase::known;
}

void Lifecycle::enter(Role next) {
  const Phase before = phase();
  // A held handshake that went with its attempt would never be answered, and its link would stay open.
  MOSAIK_ASSERT(handshaking() == nullptr || handshaking()->held.empty());
  role_ = std::move(next);
  // A member that has left is not dialed, a bond follows a handshake, and no second link replaces a first one unseen.
  MOSAIK_ASSERT(may_follow(before, phase()));
}

bool Lifecycle::may_be_dialed() const noexcept {
  const Phase now = phase();
  return now == Phase::known || now == Phase::lost;
}

const Attempt* Lifecycle::attempt() const noexcept {
  if (const auto* dialing = std::get_if<Dialing>(&role_)) return dialing;
  return handshaking();
}

void Lifecycle::adopt(LinkId winner) {
  // A HandshakeStart is sent on the link that opened, so the winner is known before it.
  MOSAIK_ASSERT(phase() == Phase::dialing);
  std::get<Dialing>(role_).link = winner;
}

void Lifecycle::begin_handshake(const Now& now, const identity::EntryRef& own_entry) {
  MOSAIK_ASSERT(phase() == Phase::dialing);
  const LinkId link = std::get<Dialing>(role_).link;
  enter(Handshaking{{link, now.mono + limits::handshake_timeout}, now.mono, own_entry, {}});
}

bool Lifecycle::hold(const IncomingHandshake& incoming) {
  MOSAIK_ASSERT(phase() == Phase::handshaking);
  std::vector<IncomingHandshake>& held = std::get<Handshaking>(role_).held;
  if (held.size() >= limits::held_handshakes) return false;
  held.push_back(incoming);
  return true;
}

void Lifecycle::drop_held(LinkId link) {
  MOSAIK_ASSERT(phase() == Phase::handshaking);
  const std::size_t dropped = std::erase_if(std::get<Handshaking>(role_).held,
                                            [&](const IncomingHandshake& incoming) { return incoming.link == link; });
  // A link that the table gives to a held handshake is held by its member.
  MOSAIK_ASSERT(dropped == 1);
}

std::vector<IncomingHandshake> Lifecycle::release_held() {
  auto* const handshaking = std::get_if<Handshaking>(&role_);
  return handshaking == nullptr ? std::vector<IncomingHandshake>{} : std::exchange(handshaking->held, {});
}

std::vector<IncomingHandshake> Lifecycle::end_attempt() {
  MOSAIK_ASSERT(attempt() != nullptr);
  std::vector<IncomingHandshake> held = release_held();
  enter(Resting{});
  return held;
}

void Lifecycle::form_bond(LiveBond bond) {
  desired_ = DesiredState::wanted;  // it has proven the key: whatever it said before, it is here
  enter(std::move(bond));
  was_bonded_ = true;
}

LiveBond Lifecycle::end_bond() {
  MOSAIK_ASSERT(phase() == Phase::bonded);
  LiveBond ended = std::move(std::get<LiveBond>(role_));
  enter(Resting{});
  return ended;
}

void Lifecycle::desire(DesiredState desired) {
  // A bond is wanted on both ends; what its peer says of leaving ends it first.
  MOSAIK_ASSERT(phase() != Phase::bonded || desired == DesiredState::wanted);
  const Phase before = phase();
  desired_ = desired;
  MOSAIK_ASSERT(before == phase() || may_follow(before, phase()));
}

void Lifecycle::recall() {
  MOSAIK_ASSERT(phase() == Phase::known);
  was_bonded_ = true;
}

void Lifecycle::check_invariants() const {
  if (const LiveBond* const live = bond()) {
    // A bond speaks for the entry that its peer has proven to own.
    MOSAIK_ASSERT(live->entry);
    // The verdicts, the dials and the status go by these two; a bond that they miss would be dialed a second time.
    MOSAIK_ASSERT(was_bonded_ && wanted());
  }
  if (const Handshaking* const own = handshaking()) {
    // The peer is told what is new since this entry and this list; without them it would never hear of it.
    MOSAIK_ASSERT(own->entry);
    // A peer may not make us keep more of its handshakes than this.
    MOSAIK_ASSERT(own->held.size() <= limits::held_handshakes);
  }
  // An attempt that has no end would keep its member from being dialed for ever.
  if (attempt() != nullptr) MOSAIK_ASSERT(attempt()->deadline != never && attempt()->deadline != Mono{});
}

}  // namespace mosaik::bonds
