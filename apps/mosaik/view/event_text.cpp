#include "view/event_text.hpp"

#include <fmt/format.h>

namespace mosaik::command {
namespace {

/// What both forms of an event have.
struct Facts {
  std::string_view name;  ///< as in JSON
  std::string_view kind;  ///< of `peer`
  PeerId peer;
  GroupId group;
  std::string_view by;
  std::uint64_t code = 0;
  std::string_view reason;
  std::string_view role;
  Term term;
  Index index;
  Index last;
};

std::string who(const PeerId& peer) {
  return peer.is_zero() ? "" : peer.brief();
}
std::string because(std::string_view reason) {
  return reason.empty() ? "" : fmt::format(": {}", reason);
}

std::string ending(const Facts& facts) {
  if (facts.by.empty() && facts.code == 0) return because(facts.reason);
  return fmt::format(" (by {}, code {}{}{})", facts.by, facts.code, facts.reason.empty() ? "" : ", ", facts.reason);
}

/// About the consensus of a group; empty for other events.
std::string raft_text(const Facts& facts) {
  const std::string group = "group " + facts.group.brief();
  if (facts.name == "leader")
    return facts.peer.is_zero() ? fmt::format("{} has no leader (term {})", group, facts.term.value)
                                : fmt::format("{} leads {} (term {})", who(facts.peer), group, facts.term.value);
  if (facts.name == "role") return fmt::format("{} in {} (term {})", facts.role, group, facts.term.value);
  if (facts.name == "raft_online") return fmt::format("{}: in step with its leader", group);
  if (facts.name == "raft_offline") return fmt::format("{}: not in step with a leader", group);
  if (facts.name == "committed") return fmt::format("{} has committed {}", group, facts.index.value);
  if (facts.name == "diverged")
    return fmt::format(
        "{}: had committed {}, but leader {} (term {}) has another history, from {} on or earlier: started over", group,
        facts.index.value, who(facts.peer), facts.term.value, facts.last.value);
  if (facts.name == "overwritten")
    return fmt::format("{}: acknowledged places {} to {} were taken by leader {}", group, facts.index.value,
                       facts.last.value, who(facts.peer));
  if (facts.name == "floor_differs")
    return fmt::format("{}: {} has quorum floor {}, which is not ours: give all members the same", group,
                       who(facts.peer), facts.code);
  if (facts.name == "stopped") return fmt::format("{} stopped here{}", group, because(facts.reason));
  return {};
}

std::string text_of(const Facts& facts) {
  if (std::string text = raft_text(facts); !text.empty()) return text;
  if (facts.name == "peer") return fmt::format("peer {} {}{}", who(facts.peer), facts.kind, because(facts.reason));
  if (facts.name == "bond_up") return fmt::format("bond with {} formed", who(facts.peer));
  if (facts.name == "bond_down") return fmt::format("bond with {} lost{}", who(facts.peer), ending(facts));
  if (facts.name == "suspect") return fmt::format("{} is suspect{}", who(facts.peer), because(facts.reason));
  if (facts.name == "refuted") return fmt::format("{} lives after all", who(facts.peer));
  if (facts.name == "refused") return fmt::format("bond with {} refused{}", who(facts.peer), ending(facts));
  if (facts.name == "online")
    return fmt::format("group {} online: bonded with every known member", facts.group.brief());
  if (facts.name == "offline")
    return fmt::format("group {} offline: not bonded with every known member", facts.group.brief());
  if (facts.name == "joined") return fmt::format("joined group {}", facts.group.brief());
  if (facts.name == "left") return fmt::format("left group {}", facts.group.brief());
  if (facts.name == "notice")
    return facts.peer.is_zero() ? std::string(facts.reason) : fmt::format("{} ({})", facts.reason, who(facts.peer));
  if (facts.name == "lost") return fmt::format("{} events were lost here: the reader was too slow", facts.code);
  return std::string(facts.name);
}

std::string_view kind_of(EventKind kind) {
  switch (kind) {
    case EventKind::peer_discovered: return "discovered";
    case EventKind::peer_updated: return "updated";
    case EventKind::peer_departed: return "departed";
    default: return "";
  }
}

}  // namespace

std::string event_text(const Event& event) {
  if (event.kind == EventKind::bonds_changed) return "own bonds changed";
  if (event.kind == EventKind::topology_changed) return "topology changed";
  return text_of({control::json::event_name(event.kind), kind_of(event.kind), event.peer, event.group, event.by,
                  event.code, event.reason, to_string(event.role), event.term, event.index, event.last});
}

std::string event_text(const control::json::Line& line) {
  if (line.event == "bonds") return fmt::format("own bonds: {}", line.bonds.size());
  if (line.event == "topology") return fmt::format("bonds known in the group: {}", line.pairs);
  const bool by_id = line.event == "peer" || line.event == "leader";
  return text_of({line.event, line.kind, by_id ? line.id : line.peer, line.group, line.by, line.code, line.text,
                  line.role, line.term, line.index, line.last});
}

}  // namespace mosaik::command
