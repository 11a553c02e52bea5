#pragma once
/// The peers that are bonded with this member, and what each may cost us.

#include <map>

#include "base/limits.hpp"
#include "base/token_bucket.hpp"
#include "consensus/dynamic/dialect.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

class Peers {
 public:
  /// Replaces an earlier bond with it.
  void add(const PeerId& peer, Dialect dialect, Mono now) { peers_.insert_or_assign(peer, Peer(dialect, now)); }
  void remove(const PeerId& peer) { peers_.erase(peer); }

  [[nodiscard]] bool contains(const PeerId& peer) const { return peers_.contains(peer); }
  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }
  [[nodiscard]] bool empty() const noexcept { return peers_.empty(); }
  /// Members that are connected with one another here: the peers and we.
  [[nodiscard]] std::size_t connected() const noexcept { return peers_.size() + 1; }
  /// Of one that is not bonded: the crate's.
  [[nodiscard]] Dialect dialect_of(const PeerId& peer) const {
    const auto found = peers_.find(peer);
    return found == peers_.end() ? Dialect() : found->second.dialect;
  }

  /// False for what costs more than it is worth to hear so often; a lost message is nothing new to any peer.
  [[nodiscard]] bool admits(const PeerId& from, const Message& message, Mono now);

  /// In the order of their ids.
  template <class F>
  void for_each(F visit) const {
    for (const auto& [peer, known] : peers_) visit(peer, known.dialect);
  }

 private:
  struct Peer {
    Peer(Dialect of, Mono now)
        : dialect(of),
          votes(limits::votes_burst, limits::votes_rate, now),
          availability(limits::availability_burst, limits::availability_rate, now) {}
    Dialect dialect;
    TokenBucket votes;  ///< RequestVote and answers to ours
    TokenBucket availability;
  };
  std::map<PeerId, Peer> peers_;
};

inline bool Peers::admits(const PeerId& from, const Message& message, Mono now) {
  const auto found = peers_.find(from);
  if (found == peers_.end()) return false;
  if (std::holds_alternative<RequestVote>(message) || std::holds_alternative<RequestVoteResponse>(message))
    return found->second.votes.take(now);
  if (std::holds_alternative<AvailabilityRequest>(message)) return found->second.availability.take(now);
  return true;
}

}  // namespace mosaik::consensus
