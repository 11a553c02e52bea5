#pragma once
/// Raft messages inside a bond, as far as a member without a log needs them (spec: groups 5.1 to 5.5).

#include <cstdint>
#include <vector>

#include <mosaik/id.hpp>
#include <mosaik/result.hpp>

namespace mosaik::codec {

enum class Vote : std::uint8_t { granted = 0, denied = 1, abstained = 2 };

struct LogPosition {
  std::uint64_t term = 0;
  std::uint64_t index = 0;
  friend constexpr auto operator<=>(const LogPosition&, const LogPosition&) noexcept = default;
};
struct RequestVote {
  std::uint64_t term = 0;
  PeerId candidate;
  LogPosition log_position;
};

/// Variant index of a raft message (spec: groups 5.1).
enum class RaftKind : std::uint8_t {
  append_entries,
  append_entries_response,
  request_vote,
  request_vote_response,
  forward,
  state_sync
};

/// The kind of a raft message, from its first byte. Errors: malformed.
[[nodiscard]] Result<RaftKind> raft_kind(BytesView message);
[[nodiscard]] Result<RequestVote> decode_request_vote(BytesView message);
/// RequestVoteResponse, behind the variant index of a bond message: append with codec::encode_raft.
void encode_request_vote_response(std::uint64_t term, Vote vote, std::vector<std::uint8_t>& out);

}  // namespace mosaik::codec
