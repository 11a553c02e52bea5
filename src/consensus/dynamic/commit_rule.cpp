// What a leader may call committed, and what follows from it (spec: groups 6.6; the counting itself: quorum.hpp).

#include "consensus/dynamic/impl.hpp"
#include "consensus/dynamic/quorum.hpp"

namespace mosaik::consensus {

bool Engine::Impl::counts(const Now& now, const Bonded& bonded) const {
  return bonded.in_sync || (!bonded.observes && now.mono < bonded.grace_until);
}

Index Engine::Impl::agreed(const Now& now) const {
  const auto& leader = std::get<Leader>(state_);
  std::vector<Index> acknowledged{durability_.acknowledged()};
  if (config_.quorum_floor != 0) {
    for (const auto& [peer, bonded] : peers_)
      if (bonded.in_sync) acknowledged.push_back(bonded.acked);
    const Index index = quorum::reached_by(std::move(acknowledged), config_.quorum_floor);
    // An older term's entry with so many copies may still be overwritten (Raft 5.4.2).
    return log.term_at(index) == durability_.term() ? index : Index{};
  }
  const bool silent = leader.silent_until != never;
  for (const auto& [peer, bonded] : peers_)
    if (!silent && counts(now, bonded)) acknowledged.push_back(bonded.acked);
  if (acknowledged.size() == 1 && !may_commit_alone(now)) return {};
  const std::size_t members = acknowledged.size();
  return quorum::reached_by(std::move(acknowledged), quorum::majority(members));
}

// Silence may be a partition, with another leader behind it: then the rest of the group is waited for.
bool Engine::Impl::may_commit_alone(const Now& now) const {
  if (!peers_.empty()) return true;
  if (group_size_ <= 1 + proven_dead_.size() || lonely_since_ == never) return true;
  return now.mono >= later(lonely_since_, config_.alone_after);
}

void Engine::Impl::advance_commit(const Now& now) {
  log.commit_to(agreed(now));
}

}  // namespace mosaik::consensus
