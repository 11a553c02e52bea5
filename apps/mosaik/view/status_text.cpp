#include "view/status_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mosaik::command {
namespace {

using control::json::GroupSummary;
using control::json::NodeSummary;

std::string addresses_text(const std::vector<SocketAddress>& addresses) {
  std::string out;
  for (const SocketAddress& address : addresses) out += (out.empty() ? "" : " ") + address.text();
  return out.empty() ? "none" : out;
}

std::string line(const Style& style, std::string_view name, std::string_view value) {
  return padded(style.dim(name), 12) + one_line(value) + "\n";
}

/// `5 known, 3 bonded, 1 missing`: only what is not none.
std::string members_text(const control::json::MemberCounts& members) {
  std::string out = fmt::format("{} known, {} bonded", members.known, members.bonded);
  if (members.suspect > 0) out += fmt::format(" ({} suspect)", members.suspect);
  if (members.missing > 0) out += fmt::format(", {} missing", members.missing);
  if (members.dead > 0) out += fmt::format(", {} dead", members.dead);
  if (members.unreachable > 0) out += fmt::format(", {} unreachable", members.unreachable);
  if (members.refused > 0) out += fmt::format(", {} refused", members.refused);
  if (members.departed > 0) out += fmt::format(", {} departed", members.departed);
  if (members.unattested > 0) out += fmt::format("; {} unattested", members.unattested);
  return out;
}

std::string mesh_text(const control::json::MeshCounts& mesh) {
  std::string out = fmt::format("{} known, {} own", counted(mesh.known, "bond"), mesh.own);
  if (mesh.one_sided > 0) out += fmt::format(", {} one-sided", mesh.one_sided);
  if (mesh.as_reported > 0) out += fmt::format(", {} as reported", mesh.as_reported);
  if (mesh.missing > 0) out += fmt::format(", {} missing", mesh.missing);
  return out;
}

/// No member is known to be missing there, and yet nobody is there: reasons say why.
bool is_alone(const GroupSummary& group) {
  return group.mesh.own == 0 && !group.reasons.empty() && group.health == Health::healthy;
}

/// What a group is not able to do matters more than what its mesh lacks.
std::string group_health_text(const GroupSummary& group, const Style& style) {
  switch (group.ability) {
    case Ability::stopped: return style.red("stopped");
    case Ability::no_quorum: return style.red("no quorum");
    case Ability::no_leader: return style.red("no leader");
    case Ability::able: break;
  }
  return is_alone(group) ? style.yellow("alone") : health_text(group.health, style);
}

std::string node_health_text(const NodeSummary& summary, const Style& style) {
  const auto unable = [](const GroupSummary& group) { return group.ability != Ability::able; };
  if (const auto found = std::ranges::find_if(summary.groups, unable); found != summary.groups.end())
    return group_health_text(*found, style);
  const bool alone = summary.health == Health::healthy && std::ranges::any_of(summary.groups, is_alone);
  return alone ? style.yellow("alone") : health_text(summary.health, style);
}

/// `able` in words, as the answer to: who leads?
std::string leader_text(const ConsensusStatus& consensus, Ability ability, const PeerId& self) {
  const std::string term = fmt::format(" (term {})", consensus.term.value);
  switch (ability) {
    case Ability::stopped: return "stopped: nothing is applied here any more; start it again";
    case Ability::no_quorum:
      return fmt::format("no quorum: fewer than {} members are connected, start more of them", consensus.quorum_floor) +
             term;
    case Ability::no_leader:
      return (consensus.role == MemberRole::candidate ? "none: an election is under way" : "none in reach") + term;
    case Ability::able: break;
  }
  return (*consensus.leader == self ? "this node" : consensus.leader->brief()) + term;
}

std::string consensus_text(const GroupSummary& group, const PeerId& self, const Style& style) {
  if (!group.consensus) return {};
  const ConsensusStatus& consensus = *group.consensus;
  std::string out = line(style, "leader", leader_text(consensus, group.ability, self));
  out += line(style, "machine",
              fmt::format("{}{}, {}", group.machine.empty() ? "" : group.machine + ", ", to_string(consensus.role),
                          consensus.online        ? "in step"
                          : consensus.catching_up ? "catching up"
                                                  : "not in step"));
  out +=
      line(style, "log",
           fmt::format("{} committed, {} applied, newest {} of term {}", consensus.committed.value,
                       consensus.applied.value, consensus.log_position.index.value, consensus.log_position.term.value));
  if (consensus.log_limit > 0 && consensus.log_bytes >= consensus.log_limit / 10 * 8)
    out += line(style, "log memory",
                fmt::format("{} of {} MiB: when it is full, commands are refused (--log-limit)",
                            consensus.log_bytes >> 20U, consensus.log_limit >> 20U));
  if (consensus.quorum_floor > 0)
    out += line(style, "floor", fmt::format("{} members, in every election and commit", consensus.quorum_floor));
  if (consensus.overwritten + consensus.diverged > 0)
    out += line(style, "losses",
                fmt::format("{} calls overwritten, started over {}", consensus.overwritten,
                            counted(consensus.diverged, "time")));
  return out;
}

std::string group_text(const GroupSummary& group, const PeerId& self, const Style& style) {
  std::string out = "\n" + padded(style.bold("group"), 12) + group.id.brief() + "  " + group_health_text(group, style) +
                    (group.online ? "" : "  " + style.dim("offline")) + "\n";
  out += line(style, "members", members_text(group.members));
  out += line(style, "mesh", mesh_text(group.mesh));
  out += consensus_text(group, self, style);
  for (const std::string& reason : group.reasons) out += line(style, "why", reason);
  return out;
}

/// What was asked, where that leads, who answered, or why nobody did.
std::string contact_text(const ContactStatus& contact) {
  std::string out = contact.contact;
  const std::string addresses = addresses_text(contact.addresses);
  if (!contact.addresses.empty() && contact.contact != addresses) out += " (" + addresses + ")";
  for (std::size_t i = 0; i < contact.answered.size(); ++i)
    out += (i == 0 ? ": " : ", ") + contact.answered[i].brief() + (i + 1 == contact.answered.size() ? " answered" : "");
  if (contact.answered.empty() && contact.why.empty()) out += ": no answer yet";
  if (!contact.why.empty()) out += (contact.answered.empty() ? ": " : "; ") + contact.why;
  return one_line(out);
}

}  // namespace

std::string health_text(Health health, const Style& style) {
  return health == Health::healthy ? style.green("healthy") : style.yellow("degraded");
}

std::string member_state_text(MemberState state, const Style& style) {
  const std::string_view text = to_string(state);
  switch (state) {
    case MemberState::self: return style.bold(text);
    case MemberState::bonded: return style.green(text);
    case MemberState::suspect: return style.yellow(text);
    case MemberState::missing:
    case MemberState::dead:
    case MemberState::unreachable:
    case MemberState::refused: return style.red(text);
    case MemberState::departed: return style.dim(text);
  }
  return std::string(text);
}

std::string status_text(const NodeSummary& summary, const Style& style) {
  const NodeStatus& node = summary.node;
  std::string out =
      padded(style.bold("node"), 12) + one_line(node.name) + "  " + node_health_text(summary, style) + "\n";
  out += line(style, "id", node.id.hex());
  out += line(style, "network", node.network_name);
  out += line(style, "listening", addresses_text(node.listening));
  out += line(style, "advertised", addresses_text(node.advertised));
  out += line(style, "up", duration_text(node.uptime));
  out +=
      line(style, "peers",
           fmt::format("{} known, {}, {} handshakes ({} failed), {} catalog syncs", node.known_peers,
                       counted(node.connections, "connection"), node.handshakes, node.handshakes_failed, node.syncs));
  if (node.dropped > 0) out += line(style, "dropped", fmt::format("{} first packets and events", node.dropped));
  if (node.crashes.count > 0)
    out += line(style, "crashes", fmt::format("{}, the last by {}", node.crashes.count, node.crashes.last_signal));
  for (const ContactStatus& contact : node.contacts) out += line(style, "contact", contact_text(contact));
  for (const std::string& notice : node.notices) out += line(style, "notice", notice);
  for (const GroupSummary& group : summary.groups) out += group_text(group, node.id, style);
  if (summary.groups.empty())
    out += "\n" + style.dim("in no group: it has left, or was started without a group secret") + "\n";
  return out;
}

std::string members_table(const std::vector<MemberStatus>& members, const Style& style) {
  Table table({"MEMBER", "STATE", "RTT", "SILENT", "VERSION", "ADDRESS", "WHY"});
  for (const MemberStatus& member : members) {
    const bool bonded = member.state == MemberState::bonded || member.state == MemberState::suspect;
    const std::string why = member.attempts > 0
                                ? fmt::format("{} ({} failed)", member.why, counted(member.attempts, "attempt"))
                                : member.why;
    table.add({member.id.brief(), member_state_text(member.state, style), bonded ? duration_text(member.rtt) : "-",
               bonded ? duration_text(member.silent_for) : "-",
               member.protocol.empty() ? "-" : one_line(member.protocol),
               member.addresses.empty() ? "-" : member.addresses.front().text(), one_line(why)});
  }
  return table.text(style);
}

}  // namespace mosaik::command
