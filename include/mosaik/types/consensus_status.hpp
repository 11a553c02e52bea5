#pragma once
/// What a member knows of the consensus of its group.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <mosaik/export.hpp>
#include <mosaik/types/cursor.hpp>
#include <mosaik/types/id.hpp>

namespace mosaik {

/// The part of a member in its term.
enum class MemberRole : std::uint8_t {
  follower,
  candidate,
  leader,
  stopped,  ///< its machine failed, or the group is being left
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(MemberRole role) noexcept;

/// Whether a member wants to lead (spec: groups 6.2).
enum class Preference : std::uint8_t {
  normal,
  reluctant,  ///< waits three times as long before it campaigns
  observer,   ///< never campaigns; votes as the others do
};

/// How a query may be answered (spec: groups 6.11).
enum class Consistency : std::uint8_t {
  weak,    ///< from this member's machine, once it has applied all that is committed here: it waits for a slow one
  strong,  ///< by the leader, after it has made sure that it still is
};

/// What a member waits for before anything more can be committed here.
enum class Waiting : std::uint8_t {
  nothing,
  election,    ///< one is under way, or the time until the next one
  company,     ///< less than half of the group is connected: it goes on without the others after `waits_for`
  floor,       ///< fewer members than the quorum floor are connected: it waits for more of them, without an end
  history,     ///< a member that has all that it was told committed: others may lead after `waits_for`
  catching_up  ///< the leader's entries
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(Waiting waiting) noexcept;

/// The consensus as one member knows it, at one moment. Counters count from joining.
struct ConsensusStatus {
  MemberRole role = MemberRole::follower;
  Term term;
  std::optional<PeerId> leader;    ///< the last one known; none before the first election
  bool online = false;             ///< we lead, or our log meets the leader's (spec: groups 6.9)
  Index committed;                 ///< all up to here is agreed on
  Index applied;                   ///< by the machine of this member
  Cursor log_position;             ///< the newest entry of our log
  Index heard_of;                  ///< the newest place that this member has heard of: catching up ends there
  std::uint32_t in_step = 0;       ///< other members that have all that is committed, as far as this one knows
  std::uint64_t log_bytes = 0;     ///< bytes of memory that the log takes, about
  std::uint64_t log_limit = 0;     ///< that it may take at this member; then a leader refuses commands
  std::uint32_t group_size = 0;    ///< the largest group that this member has seen
  std::uint32_t quorum_floor = 0;  ///< 0: none
  std::uint64_t elections = 0;     ///< campaigns of this member
  std::uint64_t overwritten = 0;   ///< calls whose place in the log was taken by others
  std::uint64_t diverged = 0;      ///< times that this member started over from the leader's history
  bool catching_up = false;        ///< its log is being filled from other members
  std::uint32_t connected = 0;     ///< members that it is bonded with, itself included
  Waiting waiting = Waiting::nothing;
  std::chrono::nanoseconds waits_for{};  ///< at most, still; of `company` and `history`
  std::string stopped_because;           ///< of a stopped member: why its machine failed; empty when it leaves
  friend bool operator==(const ConsensusStatus&, const ConsensusStatus&) = default;
};

}  // namespace mosaik
