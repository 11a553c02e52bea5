#include <algorithm>
#include <initializer_list>

#include "control/json.hpp"
#include "control/json_fields.hpp"

namespace mosaik::control::json {
namespace {

std::chrono::nanoseconds milliseconds_of(std::uint64_t value) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(value, 1ULL << 40U)));
}
std::chrono::nanoseconds microseconds_of(std::uint64_t value) {
  return std::chrono::microseconds(static_cast<std::int64_t>(std::min<std::uint64_t>(value, 1ULL << 50U)));
}

/// The value of an enum whose name stands in `name`; the first of `values` when there is none.
template <class E>
E enumerator(Fields fields, std::string_view name, std::initializer_list<E> values) {
  const std::string text = fields.text(name);
  for (const E value : values)
    if (to_string(value) == text) return value;
  fields.complain(name, "has an unknown value");
  return *values.begin();
}

Health health_of(Fields& fields) {
  return enumerator(fields, "health", {Health::healthy, Health::degraded});
}

MemberRole role_of(Fields& fields) {
  return enumerator(fields, "role",
                    {MemberRole::follower, MemberRole::candidate, MemberRole::leader, MemberRole::stopped});
}

ConsensusStatus consensus_of(Fields fields) {
  ConsensusStatus out;
  out.role = role_of(fields);
  out.term.value = fields.count("term");
  if (const boost::json::value* const leader = fields.find("leader"); leader != nullptr && !leader->is_null())
    out.leader = fields.id<PeerId>("leader");
  out.online = fields.boolean("online");
  out.committed.value = fields.count("committed");
  out.applied.value = fields.count("applied");
  Fields log = fields.object("log");
  out.log_position = {Term{log.count("term")}, Index{log.count("index")}};
  out.log_bytes = fields.count("log_bytes");
  out.log_limit = fields.count("log_limit");
  out.group_size = static_cast<std::uint32_t>(fields.count("group_size"));
  out.quorum_floor = static_cast<std::uint32_t>(fields.count("quorum_floor"));
  out.elections = fields.count("elections");
  out.overwritten = fields.count("overwritten");
  out.diverged = fields.count("diverged");
  out.catching_up = fields.boolean("catching_up");
  out.heard_of.value = fields.count("heard_of");
  out.in_step = static_cast<std::uint32_t>(fields.count("in_step"));
  return out;
}

ContactStatus contact_of(Fields fields) {
  ContactStatus out;
  out.contact = fields.text("contact");
  if (fields.find("peer") != nullptr) out.peer = fields.id<PeerId>("peer");
  out.addresses = fields.addresses("addresses");
  for (const std::string& peer : fields.texts("answered"))
    if (const auto id = PeerId::from_hex(peer)) out.answered.push_back(*id);
  out.why = fields.text("why");
  return out;
}

GroupSummary group_of(Fields fields) {
  GroupSummary out;
  out.id = fields.id<GroupId>("group");
  out.health = health_of(fields);
  out.online = fields.boolean("online");
  out.awaits = fields.boolean("awaits");
  Fields members = fields.object("members");
  out.members = {members.count("known"),   members.count("bonded"),   members.count("suspect"),
                 members.count("missing"), members.count("dead"),     members.count("unreachable"),
                 members.count("refused"), members.count("departed"), members.count("unattested")};
  Fields mesh = fields.object("mesh");
  out.mesh = {mesh.count("own"), mesh.count("known"), mesh.count("one_sided"), mesh.count("as_reported"),
              mesh.count("missing")};
  out.reasons = fields.texts("reasons");
  if (fields.find("consensus") == nullptr) return out;
  out.machine = fields.text("machine");
  out.ability = enumerator(fields.object("consensus"), "state",
                           {Ability::able, Ability::no_leader, Ability::no_quorum, Ability::stopped});
  out.consensus = consensus_of(fields.object("consensus"));
  return out;
}

MemberStatus member_of(Fields& fields) {
  MemberStatus out;
  out.id = fields.id<PeerId>("id");
  out.state = enumerator(fields, "state",
                         {MemberState::missing, MemberState::self, MemberState::bonded, MemberState::suspect,
                          MemberState::dead, MemberState::unreachable, MemberState::refused, MemberState::departed});
  out.protocol = fields.text("protocol");
  out.addresses = fields.addresses("addresses");
  out.rtt = microseconds_of(fields.count("rtt_us"));
  out.silent_for = milliseconds_of(fields.count("silent_ms"));
  out.attempts = fields.count("attempts");
  out.why = fields.text("why");
  return out;
}

Bond own_bond_of(Fields& fields, const PeerId& self) {
  auto entry = std::make_shared<PeerEntry>();
  entry->id = fields.id<PeerId>("peer");
  Bond::Own own;
  own.session = fields.id<SessionId>("session");
  own.remote = fields.address("remote");
  own.rtt = microseconds_of(fields.count("rtt_us"));
  own.age = milliseconds_of(fields.count("age_ms"));
  own.opened_by_us = fields.boolean("opened_by_us");
  own.suspect = fields.boolean("suspect");
  const auto [a, b] = std::minmax(self, entry->id);
  own.peer = Peer(entry);
  return {fields.id<BondId>("bond"), a, b, BondState::own, own};
}

Bond bond_of(Fields fields) {
  const BondState state =
      enumerator(fields, "state", {BondState::both_ends, BondState::own, BondState::one_sided, BondState::as_reported});
  return {fields.id<BondId>("bond"), fields.id<PeerId>("a"), fields.id<PeerId>("b"), state, std::nullopt};
}

Bonds::Pair pair_of(Fields& fields, const boost::json::value& value) {
  if (!value.is_array() || value.get_array().size() != 2) {
    fields.complain("missing", "holds something that is no pair");
    return {};
  }
  const boost::json::array& ends = value.get_array();
  return {fields.as_id<PeerId>("missing", &ends[0]), fields.as_id<PeerId>("missing", &ends[1])};
}

/// The element of `groups` that is about `id`, made when it is not there yet.
template <class T>
T& of_group(std::vector<T>& groups, const GroupId& id) {
  const auto found = std::ranges::find(groups, id, &T::group);
  if (found != groups.end()) return *found;
  groups.push_back(T{});
  groups.back().group = id;
  return groups.back();
}

constexpr std::string_view expected = "the JSON of a node";

}  // namespace

Result<NodeSummary> read_status(std::string_view text) {
  return read_document(text, expected, [](Fields& fields, std::string& complaint) {
    NodeSummary out;
    NodeStatus& node = out.node;
    node.name = fields.text("name");
    node.id = fields.id<PeerId>("id");
    node.network = fields.id<NetworkId>("network");
    node.network_name = fields.text("network_name");
    out.health = health_of(fields);
    node.listening = fields.addresses("listening");
    node.advertised = fields.addresses("advertised");
    node.uptime = milliseconds_of(fields.count("uptime_ms"));
    node.known_peers = fields.count("known_peers");
    node.connections = fields.count("connections");
    node.handshakes = fields.count("handshakes");
    node.handshakes_failed = fields.count("handshakes_failed");
    node.syncs = fields.count("syncs");
    node.verifications = fields.count("verifications");
    node.dropped = fields.count("dropped");
    node.notices = fields.texts("notices");
    node.crashes.count = fields.count_or_zero("crashes");
    node.crashes.last_signal = fields.text_or_empty("last_signal");
    for (const boost::json::value& contact : fields.array_or_empty("contacts"))
      node.contacts.push_back(contact_of({contact, complaint}));
    for (const boost::json::value& group : fields.array("groups")) out.groups.push_back(group_of({group, complaint}));
    return out;
  });
}

Result<std::vector<GroupMembers>> read_members(std::string_view text) {
  return read_document(text, expected, [](Fields& fields, std::string& complaint) {
    std::vector<GroupMembers> out;
    for (const boost::json::value& value : fields.array("members")) {
      Fields member(value, complaint);
      of_group(out, member.id<GroupId>("group")).members.push_back(member_of(member));
    }
    for (const boost::json::value& value : fields.array("unattested")) {
      Fields member(value, complaint);
      of_group(out, member.id<GroupId>("group")).unattested.push_back(member_of(member));
    }
    return out;
  });
}

Result<std::vector<GroupBonds>> read_bonds(std::string_view text) {
  return read_document(text, expected, [](Fields& fields, std::string& complaint) {
    struct Found {
      GroupId group;
      std::vector<Bond> bonds;
    };
    const PeerId self = fields.id<PeerId>("id");
    std::vector<Found> found;
    for (const boost::json::value& value : fields.array("bonds")) {
      Fields bond(value, complaint);
      of_group(found, bond.id<GroupId>("group")).bonds.push_back(own_bond_of(bond, self));
    }
    std::vector<GroupBonds> out;
    for (Found& group : found) out.push_back({group.group, self, Bonds(self, std::move(group.bonds), {})});
    return out;
  });
}

Result<std::vector<GroupBonds>> read_topology(std::string_view text) {
  return read_document(text, expected, [](Fields& fields, std::string& complaint) {
    const PeerId self = fields.id<PeerId>("id");
    std::vector<GroupBonds> out;
    for (const boost::json::value& value : fields.array("groups")) {
      Fields group(value, complaint);
      std::vector<Bond> bonds;
      for (const boost::json::value& bond : group.array("bonds")) bonds.push_back(bond_of({bond, complaint}));
      std::vector<Bonds::Pair> missing;
      for (const boost::json::value& pair : group.array("missing")) missing.push_back(pair_of(group, pair));
      out.push_back({group.id<GroupId>("group"), self, Bonds(self, std::move(bonds), std::move(missing))});
    }
    return out;
  });
}

std::string read_error(std::string_view text) {
  const Result<std::string> error =
      read_document(text, expected, [](Fields& fields, std::string&) { return fields.text("error"); });
  return error ? *error : std::string(text);
}

}  // namespace mosaik::control::json
