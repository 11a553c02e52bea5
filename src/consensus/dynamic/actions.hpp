#pragma once
/// What an engine wants done, in the order in which it wants it: frames, persistence, work for the machine, answers,
/// and what happened. Everything here is a value; carrying an action out never calls back into the engine.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/consensus_status.hpp>

#include "base/frame.hpp"
#include "base/now.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

/// Names a call (execute, feed, query); chosen by the caller, and its own while the call runs. Ascending: of calls that
/// wait for a leader the lower one finds it first.
struct CallId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const CallId&, const CallId&) noexcept = default;
};
/// What a call with commands waits for.
enum class Until : std::uint8_t {
  assigned,   ///< feed
  committed,  ///< execute
};
/// Names one state of what is on disk: everything that was handed over up to it. 0: nothing to wait for.
struct Ticket {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Ticket&, const Ticket&) noexcept = default;
};
/// Counts how often the machine was put back to its initial state.
struct Epoch {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const Epoch&, const Epoch&) noexcept = default;
};
/// Names a query that the machine works on.
struct QueryId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const QueryId&, const QueryId&) noexcept = default;
};

// ------------------------------------------------------------------------------------------------ frames and disk

enum class Urgency : std::uint8_t {
  consensus,  ///< may not wait behind anything but liveness
  bulk,       ///< entries for a member that catches up
};
/// Send the frame: a whole bond message (variant index 5). Not before `after` is durable.
struct Send {
  PeerId peer;
  Frame frame;
  Urgency urgency{};
  Ticket after;
};
/// Who got this member's vote, and in which term.
struct Ballot {
  Term term;
  PeerId candidate;
  friend bool operator==(const Ballot&, const Ballot&) = default;
};
/// What a member may not forget (spec: groups 6.1). Answer with on_persisted or on_persist_failed.
struct Persist {
  Ticket ticket;
  Term term;
  std::optional<Ballot> ballot;
  Index keep;                  ///< entries behind this place leave first,
  std::vector<Entry> entries;  ///< then these follow it
};
/// What must outlive the process together with the key: see Config.
struct Remember {
  std::uint32_t group_size = 0;
};

// ------------------------------------------------------------------------------------------------ the machine

/// Apply these commands, in order: a run of one term (spec: groups 6.8). Answer with on_applied.
struct Apply {
  Epoch epoch;
  Cursor before;        ///< the crate's ctx.committed: the place before this run
  Cursor log_position;  ///< the last entry in the log at this moment; not the same at every member
  Term term;
  std::vector<Blob> commands;
};
/// Put the machine back to its initial state; all entries come again from the first.
struct Reset {
  Epoch epoch;
};
/// Ask the machine, as it is after all that was handed over before. Answer with on_answered.
struct AskMachine {
  QueryId id;
  Blob query;
  Index position;  ///< how many entries the machine has applied then
};

// ------------------------------------------------------------------------------------------------ answers

/// The commands are in the log of the leader at these places; nothing is promised yet (feed).
struct Assigned {
  IndexRange range;
};
/// The commands are committed at these places, and they are ours: compared, not assumed.
struct Committed {
  IndexRange range;
};
/// Why a call had no action.
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
using Outcome = std::variant<Assigned, Committed, NotApplied, Unknown, Read, QueryFailed>;
struct Answer {
  CallId call;
  Outcome outcome;
};

// ------------------------------------------------------------------------------------------------ what happened

struct RoleChanged {
  MemberRole role{};
  Term term;
};
struct LeaderChanged {
  std::optional<PeerId> leader;
  Term term;
};
struct OnlineChanged {
  bool online = false;
};
/// Committed index or log position moved; at most once a settle.
struct Progress {
  Index committed;
  Cursor log_position;
};
/// This member had committed what its leader's history does not have. It starts over from that history.
struct Diverged {
  PeerId leader;
  Term term;
  Index committed;         ///< before
  Index first_difference;  ///< at the latest
};
/// Acknowledged places were taken by other commands.
struct Overwritten {
  IndexRange range;
  PeerId leader;  ///< whose entries took the places
};
/// A C++ member of this group has another quorum floor: the promise holds only for who shares it.
struct FloorDiffers {
  PeerId peer;
  std::uint32_t theirs = 0;
};
/// This member began to wait for something that may take long: Waiting::company, floor or history.
struct Waits {
  Waiting what{};
  Nanoseconds at_most{};  ///< of company and history
  std::uint32_t connected = 0;
  std::uint32_t wanted = 0;  ///< the size of the group, or the floor
};
/// The log takes four fifths of what it may; told once.
struct LogFills {
  std::uint64_t bytes = 0;
  std::uint64_t limit = 0;
};
/// The group's engine ended; nothing but leaving helps.
struct Stopped {
  std::string reason;
};
using Event = std::variant<RoleChanged, LeaderChanged, OnlineChanged, Progress, Diverged, Overwritten, FloorDiffers,
                           Waits, LogFills, Stopped>;

using Action = std::variant<Send, Persist, Remember, Apply, Reset, AskMachine, Answer, Event>;

}  // namespace mosaik::consensus
