#include "groups/group.hpp"

#include "codec/raft.hpp"

namespace mosaik::groups {

void Group::on_raft(const bonds::Step& step, const bonds::RaftHeard& heard) {
  const auto kind = codec::raft_kind(heard.message);
  if (!kind || *kind != codec::RaftKind::request_vote) return;
  const auto request = codec::decode_request_vote(heard.message);
  // A candidate speaks for itself: its id is that of the bond.
  if (!request || request->candidate != heard.peer) return;
  std::vector<std::uint8_t> response;
  codec::encode_request_vote_response(request->term, codec::Vote::abstained, response);
  static_cast<void>(mesh_.send_raft(step, heard.peer, response));
}

}  // namespace mosaik::groups
