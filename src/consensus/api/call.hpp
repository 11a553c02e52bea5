#pragma once
/// A call on a group, as a value, and how it ended, as another: the whole of what callers and engines say to one
/// another. A new call is one more alternative of Call.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/cursor.hpp>
#include <mosaik/types/result.hpp>

#include "base/blob.hpp"
#include "base/now.hpp"

namespace mosaik::consensus {

/// Names a call; chosen by the caller, and its own while the call runs. Ascending: of calls that
/// wait for a leader the lower one finds it first.
struct CallId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const CallId&, const CallId&) noexcept = default;
};

// ------------------------------------------------------------------------------------------------ calls

/// What a call with commands waits for.
enum class Until : std::uint8_t {
  assigned,   ///< feed
  committed,  ///< execute
};
/// Puts commands into the log, in one piece and in their order.
struct Execute {
  std::vector<Blob> commands;
  Until until = Until::committed;
};
/// Asks the machine.
struct Query {
  Blob query;
  Consistency consistency = Consistency::weak;
};
/// Passes when this member's machine has applied all that was committed in the group before the call.
struct ReadBarrier {};
using Call = std::variant<Execute, Query, ReadBarrier>;

// ------------------------------------------------------------------------------------------------ outcomes

/// The commands are in the log of the leader at these places; nothing is promised yet (feed).
struct Assigned {
  IndexRange range;
};
/// The commands are committed at these places, and they are ours: compared, not assumed.
struct Committed {
  IndexRange range;
};
/// Why a call had no effect.
enum class Refusal : std::uint8_t {
  offline,      ///< no leader is known, or it is not bonded
  empty,        ///< no commands
  too_large,    ///< limits::command_bytes, call_bytes, call_commands or query_bytes
  full,         ///< a queue is at its limit: try again later
  log_full,     ///< the log is, or this member has put as much into it as is fair
  overwritten,  ///< a leader had placed the commands, and another one committed something else there (spec: groups 8.1
                ///< S11)
  expired,      ///< the deadline passed before anything was sent, or before a query was answered
  stopped,      ///< the group was left, or its machine failed
  closed,       ///< the node had ended before the call came to it
};
[[nodiscard]] std::string_view to_string(Refusal why) noexcept;
/// The commands were not applied; with a floor and C++ leaders, nor will they be (docs/CONSISTENCY.md).
struct NotApplied {
  Refusal why{};
  /// Of `offline`: what the member waited for, and how long still when it refused.
  Waiting waiting = Waiting::nothing;
  Nanoseconds waits_for{};
  /// Of `stopped`: why its machine failed; empty when the group was left.
  std::string because = {};
};
/// Why nobody can tell whether the commands were applied.
enum class Doubt : std::uint8_t {
  expired,      ///< the deadline passed while they were on their way
  leader_lost,  ///< the leader that they went to vanished before it told their place
  partial,      ///< some of the commands of the call are committed at their places, others were overwritten
  diverged,     ///< the place that they had was given up with the history of this member
  unfounded,    ///< committed by a leader without a floor while too few members were connected to meet ours
  stopped,      ///< the group was left, or its machine failed, while they were on their way
};
[[nodiscard]] std::string_view to_string(Doubt why) noexcept;
struct Unknown {
  Doubt why{};
  std::string because = {};  ///< of `stopped`, as of NotApplied
};
/// The machine's answer to a query.
struct Read {
  Blob result;
  Index position;
  std::uint64_t history = 0;  ///< how often this member had started over when its machine was asked
};
/// The machine refused the query, or threw.
struct QueryFailed {
  Error error;
};
/// The machine of this member has applied all up to there, and so all that was committed before the barrier.
struct Passed {
  Index position;
};
/// How a call ended.
using Outcome = std::variant<Assigned, Committed, NotApplied, Unknown, Read, QueryFailed, Passed>;

}  // namespace mosaik::consensus
