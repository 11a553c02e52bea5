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
    for (const auto& [peer, bonded] : bonded_)
      if (bonded.in_sync) acknowledged.push_back(bonded.acked);
    const Index index = quorum::reached_by(std::move(acknowledged), config_.quorum_floor);
    // An older term's entry with so many copies may still be overwritten (Raft 5.4.2).
    return log.term_at(index) == durability_.term() ? index : Index{};
  }
  const bool silent = leader.silent_until != never;
  for (const auto& [peer, bonded] : bonded_)
    if (!silent && counts(now, bonded)) acknowledged.push_back(bonded.acked);
  if (acknowledged.size() == 1 && !membership_.may_commit_alone(now.mono)) return {};
  const std::size_t members = acknowledged.size();
  return quorum::reached_by(std::move(acknowledged), quorum::majority(members));
}

void Engine::Impl::advance_commit(const Now& now) {
  log.commit_to(agreed(now));
}

}  // namespace mosaik::consensus
