#include "consensus/dynamic/leader_contest.hpp"

#include <algorithm>

#include "consensus/dynamic/terms.hpp"

namespace mosaik::consensus {

bool LeaderContest::is_due(const Now& now, const AppendEntries& append) const {
  const Index committed = log_.committed();
  if (committed == Index{} || append.leader_commit >= committed || campaigns_ >= limits::contests) return false;
  if (config_.preference == Preference::observer || !membership_.suffices(now.mono)) return false;
  const Cursor theirs = append.entries.empty()
                            ? append.previous
                            : Cursor{append.entries.back().term, append.previous.index.plus(append.entries.size())};
  return theirs.index < committed || terms::is_behind(theirs, Cursor{*log_.term_at(committed), committed});
}

void LeaderContest::wait_for_leader(Term term, Mono our_turn) {
  if (!waiting_) waiting_ = Waiting{term, our_turn};
  waiting_->term = std::max(waiting_->term, term);
}

std::optional<Term> LeaderContest::due(Mono now) const {
  return waiting_ && now >= waiting_->our_turn ? std::optional(waiting_->term) : std::nullopt;
}

}  // namespace mosaik::consensus
