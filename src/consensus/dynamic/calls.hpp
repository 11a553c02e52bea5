#pragma once
// Calls and queries that have not ended. Private to the room.

#include <optional>
#include <vector>

#include "base/now.hpp"
#include "consensus/dynamic/engine.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

/// A call with commands that has not ended.
struct Call {
  Until until{};
  Mono deadline{};
  Mono ends_at{};  ///< the deadline, or earlier while it is on its way to the leader
  std::uint64_t count = 0;
  Term from;  ///< the terms in which it may have been placed
  Term to;
  std::vector<Blob> commands = {};          ///< kept by a follower, to compare with what is committed
  std::optional<ForwardId> forwarded = {};  ///< on its way to `leader`
  PeerId leader = {};
  IndexRange range = {};  ///< once placed
};
/// A query that has not ended: of a call, or of another member.
struct Asked {
  std::optional<CallId> call;
  PeerId peer;
  ForwardId request = 0;
};
struct WaitingQuery {
  Asked asked;
  Blob query;
  Mono deadline{};  ///< of the call, or earlier while it is on its way to the leader
  Mono until{};     ///< the call's deadline
  Consistency consistency{};
  std::optional<ForwardId> forwarded;  ///< to `leader`
  PeerId leader;
  Index position;             ///< may go to the machine once this much was handed to it; then what it has seen
  std::uint64_t history = 0;  ///< the epoch in which it went there
};

/// Bytes of commands, without what keeps them.
[[nodiscard]] inline std::size_t total_bytes(const std::vector<Blob>& commands) noexcept {
  std::size_t out = 0;
  for (const Blob& command : commands) out += command.size();
  return out;
}

}  // namespace mosaik::consensus
