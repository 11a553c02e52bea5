#include "codec/raft.hpp"

#include <mosaik/postcard.hpp>

namespace mosaik::codec {
namespace {

RaftKind read_kind(postcard::Reader& reader) noexcept {
  const std::uint64_t index = reader.varint(32);
  if (index > static_cast<std::uint64_t>(RaftKind::state_sync)) reader.reject();
  return static_cast<RaftKind>(reader.ok() ? index : 0);
}

}  // namespace

Result<RaftKind> raft_kind(BytesView message) {
  postcard::Reader reader(message);
  const RaftKind kind = read_kind(reader);
  if (!reader.ok()) return fail(Errc::malformed, "a raft message of no known kind");
  return kind;
}

Result<RequestVote> decode_request_vote(BytesView message) {
  postcard::Reader reader(message);
  if (read_kind(reader) != RaftKind::request_vote) reader.reject();
  RequestVote out;
  out.term = reader.varint();
  out.candidate = reader.id<PeerId>();
  out.log_position.term = reader.varint();
  out.log_position.index = reader.varint();
  if (!reader.ok()) return fail(Errc::malformed, "a RequestVote that does not decode");
  return out;
}

void encode_request_vote_response(std::uint64_t term, Vote vote, std::vector<std::uint8_t>& out) {
  postcard::Writer(out)
      .varint(static_cast<std::uint64_t>(RaftKind::request_vote_response))
      .varint(term)
      .varint(static_cast<std::uint64_t>(vote));
}

}  // namespace mosaik::codec
