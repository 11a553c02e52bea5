#pragma once
/// The JSON of a node: the one place where its names are written and read (docs/CONTROL.md). Used by the control
/// socket and by the command, which prints the same lines with `mosaik node --json`.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/event.hpp>
#include <mosaik/types/result.hpp>
#include <mosaik/types/status.hpp>
#include <mosaik/types/trace.hpp>

namespace mosaik::control::json {

/// How many members of a group stand where.
struct MemberCounts {
  std::size_t known = 0;   ///< this node included; neither departed nor refused
  std::size_t bonded = 0;  ///< suspects included
  std::size_t suspect = 0;
  std::size_t missing = 0;
  std::size_t dead = 0;         ///< was bonded; its death is proven or presumed
  std::size_t unreachable = 0;  ///< was bonded; others hear it, we do not
  std::size_t refused = 0;
  std::size_t departed = 0;
  std::size_t unattested = 0;  ///< whose own entry alone says so; none of the others counts them
  friend bool operator==(const MemberCounts&, const MemberCounts&) = default;
};

/// How many bonds of a group are known how surely.
struct MeshCounts {
  std::size_t own = 0;
  std::size_t known = 0;  ///< all, our own included
  std::size_t one_sided = 0;
  std::size_t as_reported = 0;
  std::size_t missing = 0;  ///< pairs of known members without a whole bond
  friend bool operator==(const MeshCounts&, const MeshCounts&) = default;
};

/// A group in a few lines.
struct GroupSummary {
  GroupId id;
  Health health = Health::healthy;
  bool online = false;
  MemberCounts members;
  MeshCounts mesh;
  std::vector<std::string> reasons;
  std::string machine;                       ///< what its machine is called; empty without one
  Ability ability = Ability::able;           ///< of a group with a machine
  std::optional<ConsensusStatus> consensus;  ///< the same
  bool awaits = false;                       ///< see GroupStatus
  friend bool operator==(const GroupSummary&, const GroupSummary&) = default;
};
[[nodiscard]] GroupSummary summary_of(const GroupStatus& group);

/// A node in a few lines: `node.groups` is empty, the groups are summed up.
struct NodeSummary {
  NodeStatus node;
  Health health = Health::healthy;  ///< the worst of its groups
  std::vector<GroupSummary> groups;
};

/// The members, own bonds or mesh of one group, as the routes give them.
struct GroupMembers {
  GroupId group;
  std::vector<MemberStatus> members;
  std::vector<MemberStatus> unattested;
};
struct GroupBonds {
  GroupId group;
  PeerId self;
  Bonds bonds;
};

// -- bodies of the routes
[[nodiscard]] std::string write_status(const NodeStatus& node);
[[nodiscard]] std::string write_members(const NodeStatus& node);
[[nodiscard]] std::string write_bonds(const NodeStatus& node);
[[nodiscard]] std::string write_topology(const NodeStatus& node);
[[nodiscard]] std::string write_error(std::string_view message);

// -- pieces, for replies of `mosaik node --json --commands`
[[nodiscard]] std::string write_group(const GroupStatus& group);
[[nodiscard]] std::string write_own_bonds(const Bonds& bonds);
[[nodiscard]] std::string write_group_topology(const GroupStatus& group);

/// One event as one line without an end of line. Lists of bonds come from `node`, the newest snapshot.
[[nodiscard]] std::string write_event(const Event& event, const NodeStatus& node);
/// One decision as one line.
[[nodiscard]] std::string write_decision(const TraceRecord& record);
/// What an event is called in JSON: `peer`, `bonds`, `bond_up`...
[[nodiscard]] std::string_view event_name(EventKind kind) noexcept;

// -- reading; unknown names are skipped, missing ones are an error (malformed)
[[nodiscard]] Result<NodeSummary> read_status(std::string_view text);
[[nodiscard]] Result<std::vector<GroupMembers>> read_members(std::string_view text);
[[nodiscard]] Result<std::vector<GroupBonds>> read_bonds(std::string_view text);
[[nodiscard]] Result<std::vector<GroupBonds>> read_topology(std::string_view text);
/// The text of an error body, or the body itself.
[[nodiscard]] std::string read_error(std::string_view text);

/// An own bond in an event line.
struct BondName {
  PeerId peer;
  BondId bond;
  SessionId session;
  friend bool operator==(const BondName&, const BondName&) = default;
};

/// Any line that a node prints or streams, with the fields that it had.
struct Line {
  std::string event;
  std::string kind;  ///< of `peer`: discovered, updated, departed
  std::uint64_t sequence = 0;
  std::int64_t wall_ms = 0;
  std::int64_t mono_ns = 0;
  PeerId id;  ///< of `ready` and `peer`
  PeerId peer;
  GroupId group;
  std::string contact;  ///< of `ready`
  std::string control;  ///< of `ready`
  std::string text;     ///< why, reason, notice or error
  std::string by;
  std::uint64_t code = 0;
  std::vector<BondName> bonds;  ///< of `bonds`
  std::size_t pairs = 0;        ///< of `topology`: how many bonds it lists
  std::string tag;              ///< of `reply`: JSON
  std::string ok;               ///< of `reply`: JSON; empty when it is an error, which stands in `text`
  std::string kind_of_error;    ///< of such a reply: `offline`, `unknown_outcome`...
  std::string role;             ///< of `role`
  Term term;                    ///< of `leader`, `role`, `diverged`
  Index index;                  ///< of `committed`, `diverged`, `overwritten`
  Index last;                   ///< of `diverged` (a difference, not always the first) and `overwritten`
};
[[nodiscard]] Result<Line> read_line(std::string_view text);
/// Errors: malformed.
[[nodiscard]] Result<TraceRecord> read_decision(std::string_view text);

/// A command for `mosaik node --commands`.
struct Command {
  std::string tag = "null";  ///< JSON, echoed as it is
  std::string name;
  std::string peer;
  std::uint32_t n = 1;                          ///< of add, sub and feed
  Consistency consistency = Consistency::weak;  ///< of query
  std::string wrong;  ///< what is wrong with its fields: then nothing is done, and the reply to the tag says it
};
/// Errors: malformed (no JSON, no object), limit.
[[nodiscard]] Result<Command> read_command(std::string_view line);
[[nodiscard]] std::string write_reply(const Command& command, std::string_view ok);
[[nodiscard]] std::string write_failure(const Command& command, std::string_view error, std::string_view code = {});
/// The line that tells how far a group has committed.
[[nodiscard]] std::string write_committed(const GroupId& group, Index committed);

}  // namespace mosaik::control::json
