#include "consensus/dynamic/peer_progress.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::consensus {

void PeerProgress::on_granted(Index last) noexcept {
  state_ = State::granted;
  acked_ = last;
}

void PeerProgress::on_greeted(Index sent) noexcept {
  MOSAIK_ASSERT(state_ == State::unsent);
  state_ = State::probing;
  sent_ = sent;
}

void PeerProgress::on_entries_sent(Index last, Mono now) noexcept {
  sent_ = std::max(sent_, last);
  if (behind_since_ == never) behind_since_ = now;
}

void PeerProgress::on_acknowledged(Index last, Mono now) noexcept {
  MOSAIK_ASSERT(state_ != State::unsent);
  state_ = State::replicating;
  // More than was sent to it cannot be acknowledged, whatever its log holds.
  acked_ = std::max(acked_, std::min(last, sent_));
  behind_since_ = acked_ < sent_ ? now : never;
}

void PeerProgress::on_abstained(Index last) noexcept {
  MOSAIK_ASSERT(state_ != State::unsent);
  state_ = last >= sent_ ? State::observing : State::catching_up;
  acked_ = {};
  behind_since_ = never;
}

void PeerProgress::on_stalled() noexcept {
  MOSAIK_ASSERT(in_sync());
  state_ = state_ == State::replicating ? State::stalled : State::probing;
}

void PeerProgress::check_invariants(Index last) const {
  // Protects commits: an entry counts as copied only where it was sent, and is sent only when the leader has it.
  MOSAIK_ASSERT(acked_ <= sent_ && sent_ <= last);
  // Protects commits: a peer that says that it lacks entries, or wants no vote, has acknowledged nothing.
  MOSAIK_ASSERT((state_ != State::catching_up && state_ != State::observing) || acked_ == Index{});
  // Protects strong reads: an answer confirms that we still lead only when it answers something that was sent.
  if (const NativeAnswers* counted = native()) MOSAIK_ASSERT(counted->answered <= counted->asked);
}

}  // namespace mosaik::consensus
