#pragma once
/// Raft messages inside a bond (spec: groups 5), byte for byte the crate's. Commands, queries and answers stay opaque:
/// slices of the received bytes.

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

#include "base/blob.hpp"
#include "consensus/dynamic/cursor.hpp"

namespace mosaik::consensus {

/// Variant index of a raft message among the messages of a bond (spec: groups 4.1).
inline constexpr std::uint8_t bond_message_raft = 5;

enum class Vote : std::uint8_t { granted = 0, denied = 1, abstained = 2 };

struct Entry {
  Term term;
  Blob command;
  friend bool operator==(const Entry&, const Entry&) = default;
};

struct AppendEntries {
  Term term;
  PeerId leader;
  Cursor previous;
  std::vector<Entry> entries;
  Index leader_commit;
};
struct AppendEntriesResponse {
  Term term;
  Index last_index;
  Vote vote{};
};
struct RequestVote {
  Term term;
  PeerId candidate;
  Cursor last;
};
struct RequestVoteResponse {
  Term term;
  Vote vote{};
};
/// Pairs a forwarded request with its answer on one bond.
using ForwardId = std::uint64_t;
struct ForwardCommand {
  std::vector<Blob> commands;
  std::optional<ForwardId> request;
};
struct CommandAck {
  ForwardId request = 0;
  IndexRange assigned;
};
struct ForwardQuery {
  Blob query;
  ForwardId request = 0;
};
struct QueryResponse {
  ForwardId request = 0;
  Blob result;
  Index position;
};
/// Catch-up by log replay (spec: groups 5.7).
struct AvailabilityRequest {};
struct AvailabilityResponse {
  IndexRange range;
};
struct FetchEntriesRequest {
  IndexRange range;
};
struct FetchEntriesResponse {
  IndexRange range;
  std::vector<Entry> entries;  ///< on the wire the command comes before the term, unlike in AppendEntries
};

using Message = std::variant<AppendEntries, AppendEntriesResponse, RequestVote, RequestVoteResponse, ForwardCommand,
                             CommandAck, ForwardQuery, QueryResponse, AvailabilityRequest, AvailabilityResponse,
                             FetchEntriesRequest, FetchEntriesResponse>;

/// Reads one raft message: the bytes behind the variant index of the bond message. Trailing bytes are ignored, as the
/// crate does. Errors: malformed (also when there are more than limits::message_entries).
[[nodiscard]] Result<Message> decode(const Blob& message);
/// Whether a raft message that begins so is what a leader sends its entries in: AppendEntries, FetchEntriesResponse.
[[nodiscard]] bool carries_entries(std::span<const std::uint8_t, 2> head) noexcept;
/// Appends one raft message.
void encode(const Message& message, std::vector<std::uint8_t>& out);
/// Appends an AppendEntries whose entries stand elsewhere.
void encode_append_entries(const AppendEntries& head, std::span<const Entry> entries, std::vector<std::uint8_t>& out);

/// Bytes of commands, without what keeps them.
[[nodiscard]] inline std::size_t total_bytes(const std::vector<Blob>& commands) noexcept {
  std::size_t out = 0;
  for (const Blob& command : commands) out += command.size();
  return out;
}

/// The term of an entry and the length of its command, as varints (spec: groups 5.2): at most so many bytes.
inline constexpr std::size_t entry_head_bytes = 20;
/// Bytes of an entry in a message, at most.
[[nodiscard]] inline std::size_t entry_bytes(const Entry& entry) noexcept {
  return entry.command.size() + entry_head_bytes;
}

}  // namespace mosaik::consensus
