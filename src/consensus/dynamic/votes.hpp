#pragma once
/// Values of an election: what is decided on a request for a vote and why, and the counts of a candidate.

#include <optional>
#include <set>
#include <string_view>

#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

/// Why a candidate gets the vote that it gets.
enum class VoteReason : std::uint8_t {
  // granted
  equal_logs,
  // abstained: we leave the number of voters (spec: groups 6.4)
  log_is_ahead,  ///< the candidate's log has more than ours
  observer,      ///< the logs are equal, and this member wants no part in elections
  // denied
  leader_is_heard,     ///< leader stickiness: our leader is alive, and the candidate has merely lost its bond with it
  voted_for_another,   ///< one vote a term
  lacks_known_commit,  ///< a leader with the floor has told more committed than the candidate's log has
  log_is_behind,       ///< our log has more than the candidate's
  // no answer
  stale_term,         ///< a term that is over (spec: groups 6.3)
  foreign_candidate,  ///< it asks in the name of another member
};
[[nodiscard]] std::string_view to_string(VoteReason reason) noexcept;

/// The vote, none when the request gets no answer; and why.
struct VoteDecision {
  std::optional<Vote> vote;
  VoteReason reason{};
  friend bool operator==(const VoteDecision&, const VoteDecision&) = default;
};

/// The votes of one campaign. A member may answer twice, when it was first asked to wait for a leader's sake.
struct Tally {
  std::set<PeerId> asked;
  std::set<PeerId> granted;
  std::set<PeerId> abstained;
  std::set<PeerId> denied;

  [[nodiscard]] bool has_answered(const PeerId& peer) const {
    return granted.contains(peer) || abstained.contains(peer) || denied.contains(peer);
  }
};

}  // namespace mosaik::consensus
