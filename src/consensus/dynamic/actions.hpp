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
#include "consensus/api/call.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

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
  Index keep;                  ///< entries behind this index leave first,
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
  Cursor before;        ///< the crate's ctx.committed: the index before this run
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

/// The end of a call.
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
