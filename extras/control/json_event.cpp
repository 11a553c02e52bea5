#include <algorithm>

#include "control/json.hpp"
#include "control/json_text.hpp"

namespace mosaik::control::json {
namespace {

const GroupStatus* find_group(const NodeStatus& node, const GroupId& id) {
  const auto found = std::ranges::find(node.groups, id, &GroupStatus::id);
  return found == node.groups.end() ? nullptr : &*found;
}

void add_topology(Object& out, const Bonds& bonds) {
  Array all;
  Array one_sided;
  Array as_reported;
  for (const Bond& bond : bonds) {
    const std::string pair = Array().add(bond.a().hex()).add(bond.b().hex()).str();
    all.raw(pair);
    if (bond.state() == BondState::one_sided) one_sided.raw(pair);
    if (bond.state() == BondState::as_reported) as_reported.raw(pair);
  }
  out.raw("bonds", all.str()).raw("one_sided", one_sided.str()).raw("as_reported", as_reported.str());
}

void add_raft_fields(Object& out, const Event& event) {
  out.add("group", event.group);
  switch (event.kind) {
    case EventKind::leader_changed:
      if (!event.peer.is_zero()) out.add("id", event.peer);
      out.add("term", event.term.value);
      return;
    case EventKind::role_changed: out.add("role", to_string(event.role)).add("term", event.term.value); return;
    case EventKind::diverged:
      out.add("peer", event.peer).add("term", event.term.value);
      out.add("index", event.index.value).add("first_difference", event.last.value);
      return;
    case EventKind::overwritten:
      out.add("peer", event.peer).add("index", event.index.value).add("last", event.last.value);
      return;
    case EventKind::floor_differs: out.add("peer", event.peer).add("floor", event.code); return;
    case EventKind::stopped: out.add("reason", event.reason); return;
    default: return;
  }
}

/// What stands in the line behind its name, number and times.
void add_fields(Object& out, const Event& event, const NodeStatus& node) {
  const GroupStatus* const group = find_group(node, event.group);
  switch (event.kind) {
    case EventKind::peer_discovered: out.add("kind", "discovered").add("id", event.peer); return;
    case EventKind::peer_updated: out.add("kind", "updated").add("id", event.peer); return;
    case EventKind::peer_departed:
      out.add("kind", "departed").add("id", event.peer).add("reason", event.reason);
      return;
    case EventKind::bond_up:
    case EventKind::bond_down:
      out.add("group", event.group).add("peer", event.peer).add("bond", event.bond).add("session", event.session);
      if (event.kind == EventKind::bond_up) return;
      out.add("by", event.by).add("code", event.code).add("reason", event.reason);
      return;
    case EventKind::suspect: out.add("peer", event.peer).add("why", event.reason); return;
    case EventKind::refuted: out.add("peer", event.peer); return;
    case EventKind::refused:
      out.add("group", event.group).add("peer", event.peer).add("by", event.by);
      out.add("code", event.code).add("reason", event.reason);
      return;
    case EventKind::bonds_changed:
      out.add("group", event.group).raw("bonds", write_own_bonds(group != nullptr ? group->bonds : Bonds()));
      return;
    case EventKind::topology_changed:
      out.add("group", event.group);
      add_topology(out, group != nullptr ? group->bonds : Bonds());
      return;
    case EventKind::online:
    case EventKind::offline:
    case EventKind::joined:
    case EventKind::left: out.add("group", event.group); return;
    case EventKind::leader_changed:
    case EventKind::role_changed:
    case EventKind::raft_online:
    case EventKind::raft_offline:
    case EventKind::diverged:
    case EventKind::overwritten:
    case EventKind::floor_differs:
    case EventKind::stopped: return add_raft_fields(out, event);
    case EventKind::notice:
      if (!event.peer.is_zero()) out.add("peer", event.peer);
      out.add("text", event.reason);
      return;
    case EventKind::lost: out.add("count", event.code); return;
  }
}

}  // namespace

std::string_view event_name(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::peer_discovered:
    case EventKind::peer_updated:
    case EventKind::peer_departed: return "peer";
    case EventKind::bonds_changed: return "bonds";
    case EventKind::topology_changed: return "topology";
    case EventKind::leader_changed: return "leader";
    case EventKind::role_changed: return "role";
    default: return to_string(kind);
  }
}

std::string write_decision(const TraceRecord& record) {
  Object out;
  out.add("event", "decision").add("wall_ms", record.wall_ms).add("mono_ns", record.mono_ns);
  out.add("component", record.component).add("what", record.what).add("reason", record.reason);
  if (!record.peer.is_zero()) out.add("peer", record.peer);
  if (!record.group.is_zero()) out.add("group", record.group);
  Object fields;
  for (const TraceField& field : record.fields) fields.add(field.name, field.value);
  out.raw("fields", fields.str());
  if (record.lost != 0) out.add("lost", record.lost);
  return out.str();
}

std::string write_event(const Event& event, const NodeStatus& node) {
  Object out;
  out.add("event", event_name(event.kind))
      .add("sequence", event.sequence)
      .add("wall_ms", event.wall_ms)
      .add("mono_ns", event.mono_ns);
  add_fields(out, event, node);
  return out.str();
}

}  // namespace mosaik::control::json
