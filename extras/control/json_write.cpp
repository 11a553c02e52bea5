#include <algorithm>

#include "control/json.hpp"
#include "control/json_text.hpp"

namespace mosaik::control::json {
namespace {

std::int64_t whole_milliseconds(std::chrono::nanoseconds value) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
}
std::int64_t whole_microseconds(std::chrono::nanoseconds value) {
  return std::chrono::duration_cast<std::chrono::microseconds>(value).count();
}

std::string texts(const std::vector<std::string>& values) {
  Array out;
  for (const std::string& value : values) out.add(value);
  return out.str();
}

std::string addresses(const std::vector<SocketAddress>& values) {
  Array out;
  for (const SocketAddress& value : values) out.add(value.text());
  return out.str();
}

std::string contacts(const std::vector<ContactStatus>& values) {
  Array out;
  for (const ContactStatus& contact : values) {
    Array answered;
    for (const PeerId& peer : contact.answered) answered.add(peer.hex());
    Object one;
    one.add("contact", contact.contact);
    if (contact.peer) one.add("peer", *contact.peer);
    out.raw(one.raw("addresses", addresses(contact.addresses))
                .raw("answered", answered.str())
                .add("why", contact.why)
                .str());
  }
  return out.str();
}

std::string counts(const MemberCounts& members) {
  return Object()
      .add("known", members.known)
      .add("bonded", members.bonded)
      .add("suspect", members.suspect)
      .add("missing", members.missing)
      .add("dead", members.dead)
      .add("unreachable", members.unreachable)
      .add("refused", members.refused)
      .add("departed", members.departed)
      .add("unattested", members.unattested)
      .str();
}

std::string counts(const MeshCounts& mesh) {
  return Object()
      .add("own", mesh.own)
      .add("known", mesh.known)
      .add("one_sided", mesh.one_sided)
      .add("as_reported", mesh.as_reported)
      .add("missing", mesh.missing)
      .str();
}

std::string consensus(const ConsensusStatus& status, Ability ability) {
  Object out;
  out.add("state", to_string(ability)).add("role", to_string(status.role)).add("term", status.term.value);
  if (status.leader)
    out.add("leader", *status.leader);
  else
    out.raw("leader", "null");
  return out.add("online", status.online)
      .add("committed", status.committed.value)
      .add("applied", status.applied.value)
      .raw("log",
           Object().add("term", status.log_position.term.value).add("index", status.log_position.index.value).str())
      .add("log_bytes", status.log_bytes)
      .add("log_limit", status.log_limit)
      .add("group_size", status.group_size)
      .add("quorum_floor", status.quorum_floor)
      .add("elections", status.elections)
      .add("overwritten", status.overwritten)
      .add("diverged", status.diverged)
      .add("catching_up", status.catching_up)
      .add("connected", status.connected)
      .add("waiting", to_string(status.waiting))
      .add("waits_ms", std::chrono::ceil<std::chrono::milliseconds>(status.waits_for).count())
      .add("stopped_because", std::string_view(status.stopped_because))
      .add("heard_of", status.heard_of.value)
      .add("in_step", status.in_step)
      .str();
}

Object summary(const GroupStatus& group) {
  const GroupSummary sum = summary_of(group);
  Object out;
  out.add("group", sum.id)
      .add("health", to_string(sum.health))
      .add("online", sum.online)
      .add("awaits", sum.awaits)
      .raw("members", counts(sum.members))
      .raw("mesh", counts(sum.mesh))
      .raw("reasons", texts(sum.reasons));
  if (sum.consensus) out.add("machine", sum.machine).raw("consensus", consensus(*sum.consensus, sum.ability));
  return out;
}

std::string member(const GroupId& group, const MemberStatus& status) {
  return Object()
      .add("group", group)
      .add("id", status.id)
      .add("state", to_string(status.state))
      .add("protocol", status.protocol)
      .raw("addresses", addresses(status.addresses))
      .add("rtt_us", whole_microseconds(status.rtt))
      .add("silent_ms", whole_milliseconds(status.silent_for))
      .add("attempts", status.attempts)
      .add("why", status.why)
      .str();
}

std::string own_bond(const GroupId& group, const Bond& bond) {
  const Bond::Own& own = bond.own();
  return Object()
      .add("group", group)
      .add("peer", own.peer.id())
      .add("bond", bond.id())
      .add("session", own.session)
      .add("remote", own.remote.text())
      .add("rtt_us", whole_microseconds(own.rtt))
      .add("age_ms", whole_milliseconds(own.age))
      .add("opened_by_us", own.opened_by_us)
      .add("suspect", own.suspect)
      .str();
}

std::string pair(const PeerId& a, const PeerId& b) {
  return Array().add(a.hex()).add(b.hex()).str();
}

}  // namespace

GroupSummary summary_of(const GroupStatus& group) {
  GroupSummary out{group.id,      group.health,    group.online,   {}, {}, group.reasons,
                   group.machine, group.ability(), group.consensus};
  out.awaits = group.awaits;
  for (const MemberStatus& member : group.members) {
    switch (member.state) {
      case MemberState::self: break;
      case MemberState::suspect: ++out.members.suspect; [[fallthrough]];
      case MemberState::bonded: ++out.members.bonded; break;
      case MemberState::missing: ++out.members.missing; break;
      case MemberState::dead: ++out.members.dead; break;
      case MemberState::unreachable: ++out.members.unreachable; break;
      case MemberState::refused: ++out.members.refused; break;
      case MemberState::departed: ++out.members.departed; break;
    }
  }
  out.members.unattested = group.unattested_count;
  out.members.known = group.members.size() - out.members.refused - out.members.departed;
  for (const Bond& bond : group.bonds) {
    ++out.mesh.known;
    if (bond.is_own()) ++out.mesh.own;
    if (bond.state() == BondState::one_sided) ++out.mesh.one_sided;
    if (bond.state() == BondState::as_reported) ++out.mesh.as_reported;
  }
  out.mesh.missing = group.bonds.missing().size();
  return out;
}

std::string write_status(const NodeStatus& node) {
  Array groups;
  Health worst = Health::healthy;
  for (const GroupStatus& group : node.groups) {
    groups.raw(summary(group).str());
    worst = std::max(worst, group.health);
  }
  return Object()
      .add("name", node.name)
      .add("id", node.id)
      .add("network", node.network)
      .add("network_name", node.network_name)
      .add("health", to_string(worst))
      .raw("listening", addresses(node.listening))
      .raw("advertised", addresses(node.advertised))
      .add("uptime_ms", whole_milliseconds(node.uptime))
      .add("known_peers", node.known_peers)
      .add("connections", node.connections)
      .add("handshakes", node.handshakes)
      .add("handshakes_failed", node.handshakes_failed)
      .add("syncs", node.syncs)
      .add("verifications", node.verifications)
      .add("dropped", node.dropped)
      .add("crashes", node.crashes.count)
      .add("last_signal", node.crashes.last_signal)
      .raw("notices", texts(node.notices))
      .raw("contacts", contacts(node.contacts))
      .raw("groups", groups.str())
      .str();
}

std::string write_members(const NodeStatus& node) {
  Array members, unattested;
  for (const GroupStatus& group : node.groups) {
    for (const MemberStatus& status : group.members) members.raw(member(group.id, status));
    for (const MemberStatus& status : group.unattested) unattested.raw(member(group.id, status));
  }
  return Object().add("id", node.id).raw("members", members.str()).raw("unattested", unattested.str()).str();
}

std::string write_bonds(const NodeStatus& node) {
  Array bonds;
  for (const GroupStatus& group : node.groups)
    for (const Bond& bond : group.bonds)
      if (bond.is_own()) bonds.raw(own_bond(group.id, bond));
  return Object().add("id", node.id).raw("bonds", bonds.str()).str();
}

std::string write_group_topology(const GroupStatus& group) {
  Array members;
  for (const MemberStatus& status : group.members)
    if (status.state != MemberState::refused && status.state != MemberState::departed) members.add(status.id.hex());
  Array bonds;
  for (const Bond& bond : group.bonds) {
    bonds.raw(Object()
                  .add("a", bond.a())
                  .add("b", bond.b())
                  .add("bond", bond.id())
                  .add("state", to_string(bond.state()))
                  .str());
  }
  Array missing;
  for (const auto& [a, b] : group.bonds.missing()) missing.raw(pair(a, b));
  return Object()
      .add("group", group.id)
      .raw("members", members.str())
      .raw("bonds", bonds.str())
      .raw("missing", missing.str())
      .str();
}

std::string write_topology(const NodeStatus& node) {
  Array groups;
  for (const GroupStatus& group : node.groups) groups.raw(write_group_topology(group));
  return Object().add("id", node.id).raw("groups", groups.str()).str();
}

std::string write_error(std::string_view message) {
  return Object().add("error", message).str();
}

std::string write_own_bonds(const Bonds& bonds) {
  Array out;
  for (const Bond& bond : bonds) {
    if (!bond.is_own()) continue;
    out.raw(Object().add("peer", bond.peer().id()).add("bond", bond.id()).add("session", bond.session()).str());
  }
  return out.str();
}

std::string write_group(const GroupStatus& group) {
  Object out = summary(group);
  if (group.consensus) {  // at the top level too, under the names of the Rust test peer
    const ConsensusStatus& consensus = *group.consensus;
    if (consensus.leader) out.add("leader", *consensus.leader);
    out.add("is_leader", consensus.role == MemberRole::leader).add("committed", consensus.committed.value);
  }
  return out.raw("bonds", write_own_bonds(group.bonds)).str();
}

std::string write_committed(const GroupId& group, Index committed) {
  return Object().add("event", "committed").add("group", group).add("index", committed.value).str();
}

std::string write_reply(const Command& command, std::string_view ok) {
  return Object().add("event", "reply").raw("tag", command.tag).raw("ok", ok).str();
}

std::string write_failure(const Command& command, std::string_view error, std::string_view code) {
  Object out;
  out.add("event", "reply").raw("tag", command.tag).add("error", error);
  if (!code.empty()) out.add("code", code);
  return out.str();
}

}  // namespace mosaik::control::json
