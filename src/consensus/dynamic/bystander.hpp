#pragma once
// What a member says that takes no part in the consensus of its group: it runs no machine, or its machine has failed.
// A RequestVote gets Abstained, which takes this member out of the candidate's count (spec: groups 6.4, 11.4). A C++
// leader that does not know it yet hears that it need not wait for this member (`tells_leaders`); to everything else it
// is silent.

#include <optional>

#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

[[nodiscard]] inline std::optional<Message> answer_of_bystander(const PeerId& from, const Blob& bytes,
                                                                bool tells_leaders) {
  const auto message = decode(bytes);
  if (!message) return std::nullopt;
  // Candidates and leaders speak for themselves: their id is that of the bond.
  if (const auto* request = std::get_if<RequestVote>(&*message); request != nullptr && request->candidate == from)
    return RequestVoteResponse{request->term, Vote::abstained};
  if (const auto* append = std::get_if<AppendEntries>(&*message);
      append != nullptr && append->leader == from && tells_leaders)
    return AppendEntriesResponse{append->term, append->previous.index.plus(append->entries.size()), Vote::abstained};
  return std::nullopt;
}

}  // namespace mosaik::consensus
