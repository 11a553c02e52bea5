#include "consensus/dynamic/membership.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::consensus {

Membership::Membership(const Config& config, const Peers& peers, Outbox& outbox, const Now& now)
    : config_(config), peers_(peers), outbox_(outbox), size_(std::max(config.group_size, 1U)) {
  on_connected(now);
}

void Membership::on_bonding(const PeerId& peer) {
  proven_dead_.erase(peer);
  // A member that comes replaces one that went: a restarted process may have a new id.
  if (!peers_.contains(peer) && peers_.connected() + 1 + proven_dead_.size() > size_ && !proven_dead_.empty())
    proven_dead_.erase(proven_dead_.begin());
}

void Membership::on_gone(const Now& now, const PeerId& peer, Loss loss) {
  if (loss == Loss::departed) resize(std::max<std::size_t>(size_ - 1, peers_.connected()));
  if (loss == Loss::proven) proven_dead_.insert(peer);
  on_connected(now);
}

void Membership::on_connected(const Now& now) {
  resize(std::max<std::size_t>(size_, peers_.connected()));
  if (suffices_by_count()) {
    minority_since_ = never;
  } else if (minority_since_ == never) {
    minority_since_ = now.mono;
  }
}

// The size is remembered with the key, so that a restarted member knows that its group may be larger than its bonds.
void Membership::resize(std::size_t size) {
  if (size_ == size) return;
  size_ = static_cast<std::uint32_t>(size);
  outbox_.push(Remember{size_});
}

bool Membership::suffices_by_count() const noexcept {
  if (config_.quorum_floor != 0) return peers_.connected() >= config_.quorum_floor;
  // Members whose death is proven elect no leader elsewhere.
  const std::size_t alive = size_ - std::min<std::size_t>(proven_dead_.size(), size_);
  return peers_.empty() ? alive <= 1 : 2 * peers_.connected() >= alive;
}

bool Membership::suffices(Mono now) const noexcept {
  if (suffices_by_count()) return true;
  if (config_.quorum_floor != 0 || minority_since_ == never) return false;
  return now >= minority_until();
}

bool Membership::may_commit_alone(Mono now) const noexcept {
  if (!peers_.empty()) return true;
  if (size_ <= 1 + proven_dead_.size() || minority_since_ == never) return true;
  return now >= minority_until();
}

void Membership::check_invariants() const {
  // Protects both halves of a partition: a group that is taken for smaller than what is connected would let a minority
  // elect at once.
  MOSAIK_ASSERT(size_ >= peers_.connected());
  // Protects the delay itself: it runs exactly while too few are connected.
  MOSAIK_ASSERT((minority_since_ == never) == suffices_by_count());
}

}  // namespace mosaik::consensus
