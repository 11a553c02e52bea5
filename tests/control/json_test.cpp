#include "control/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "control/json_text.hpp"
#include "control/sample.hpp"

namespace mosaik::control::json {
namespace {

using test::event_of;
using test::id_with;
using test::sample_node;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

boost::json::object parse(const std::string& text) {
  return boost::json::parse(text).as_object();
}

TEST(JsonText, escapes_what_would_end_a_string_or_steer_a_terminal) {
  EXPECT_EQ(quote("a\"b\\c\n\x1b\x7f"), "\"a\\\"b\\\\c\\n\\u001b\\u007f\"");
}

TEST(JsonText, replaces_bytes_that_are_no_utf8) {
  EXPECT_EQ(quote("ok \xC3\xA4"), "\"ok \xC3\xA4\"");
  EXPECT_EQ(quote("\xFF"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(quote("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") << "overlong";
  EXPECT_EQ(quote("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "surrogate";
  EXPECT_EQ(quote("\xE2\x82"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"") << "cut off";
}

TEST(Json, reads_back_the_status_that_it_writes) {
  const NodeStatus node = sample_node();
  const Result<NodeSummary> read = read_status(write_status(node));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->node.name, node.name);
  EXPECT_EQ(read->node.id, node.id);
  EXPECT_EQ(read->node.network, node.network);
  EXPECT_EQ(read->node.network_name, node.network_name);
  EXPECT_EQ(read->node.listening, node.listening);
  EXPECT_EQ(read->node.advertised, node.advertised);
  EXPECT_EQ(read->node.uptime, node.uptime);
  EXPECT_EQ(read->node.handshakes, 7U);
  EXPECT_EQ(read->node.handshakes_failed, 1U);
  EXPECT_EQ(read->node.dropped, 6U);
  EXPECT_EQ(read->node.crashes.count, 2U);
  EXPECT_EQ(read->node.crashes.last_signal, "SIGSEGV");
  EXPECT_EQ(read->node.notices, node.notices);
  EXPECT_EQ(read->node.contacts, node.contacts);
  EXPECT_EQ(read->health, Health::degraded);
  EXPECT_THAT(read->groups, ElementsAre(summary_of(node.groups[0])));
}

TEST(Json, counts_members_and_bonds_in_the_status) {
  const GroupSummary sum = summary_of(sample_node().groups[0]);
  EXPECT_EQ(sum.members, (MemberCounts{.known = 3,
                                       .bonded = 1,
                                       .suspect = 0,
                                       .missing = 1,
                                       .dead = 0,
                                       .unreachable = 0,
                                       .refused = 0,
                                       .departed = 1,
                                       .unattested = 1000}));
  EXPECT_EQ(sum.mesh, (MeshCounts{.own = 1, .known = 2, .one_sided = 1, .as_reported = 0, .missing = 2}));
}

TEST(Json, counts_a_suspect_as_bonded_too) {
  GroupStatus group;
  group.members.resize(1);
  group.members[0].state = MemberState::suspect;
  EXPECT_EQ(summary_of(group).members.bonded, 1U);
  EXPECT_EQ(summary_of(group).members.suspect, 1U);
}

TEST(Json, reads_back_members) {
  const NodeStatus node = sample_node();
  const auto read = read_members(write_members(node));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 1U);
  const auto& members = (*read)[0].members;
  ASSERT_EQ(members.size(), 4U);
  EXPECT_EQ(members[1].id, id_with(2));
  EXPECT_EQ(members[1].state, MemberState::bonded);
  EXPECT_EQ(members[1].addresses, node.groups[0].members[1].addresses);
  EXPECT_EQ(members[1].rtt, std::chrono::microseconds(1500));
  EXPECT_EQ(members[2].why, "timed out");
  EXPECT_EQ(members[2].attempts, 3U);
  ASSERT_EQ((*read)[0].unattested.size(), 1U);
  EXPECT_EQ((*read)[0].unattested[0].id, id_with(9));
}

TEST(Json, shows_peer_bond_and_session_of_own_bonds_only) {
  const auto bonds = parse(write_bonds(sample_node())).at("bonds").as_array();
  ASSERT_EQ(bonds.size(), 1U);
  EXPECT_EQ(bonds[0].at("peer").as_string(), id_with(2).hex());
  EXPECT_EQ(bonds[0].at("bond").as_string(), id_with(52).hex());
  EXPECT_EQ(bonds[0].at("session").as_string(), id_with(102).hex());
  const auto read = read_bonds(write_bonds(sample_node()));
  ASSERT_TRUE(read) << read.error().message;
  const Bond& bond = *(*read)[0].bonds.begin();
  EXPECT_EQ(bond.own().remote, SocketAddress::v4({127, 0, 0, 1}, 4001));
  EXPECT_EQ(bond.rtt(), std::chrono::microseconds(1500));
}

TEST(Json, reads_back_the_topology_with_what_is_missing) {
  const auto read = read_topology(write_topology(sample_node()));
  ASSERT_TRUE(read) << read.error().message;
  const GroupBonds& group = read->front();
  EXPECT_EQ(group.self, id_with(1));
  EXPECT_EQ(group.bonds.size(), 2U);
  EXPECT_EQ(group.bonds.between(id_with(2), id_with(3))->state(), BondState::one_sided);
  EXPECT_THAT(group.bonds.missing(),
              ElementsAre(Bonds::Pair{id_with(1), id_with(3)}, Bonds::Pair{id_with(2), id_with(3)}));
}

TEST(Json, leaves_departed_members_out_of_the_topology) {
  const auto members = parse(write_group_topology(sample_node().groups[0])).at("members").as_array();
  EXPECT_EQ(members.size(), 3U);
}

TEST(Json, prints_own_bonds_under_the_names_of_the_rust_peer) {
  const auto line = parse(write_event(event_of(EventKind::bonds_changed), sample_node()));
  EXPECT_EQ(line.at("event").as_string(), "bonds");
  const auto& bonds = line.at("bonds").as_array();
  ASSERT_EQ(bonds.size(), 1U);
  EXPECT_EQ(bonds[0].at("peer").as_string(), id_with(2).hex());
  EXPECT_EQ(bonds[0].at("session").as_string(), id_with(102).hex());
}

TEST(Json, prints_an_empty_list_of_a_group_that_was_left) {
  const auto line = parse(write_event(event_of(EventKind::bonds_changed), NodeStatus()));
  EXPECT_TRUE(line.at("bonds").as_array().empty());
}

TEST(Json, prints_the_topology_as_pairs) {
  const auto line = parse(write_event(event_of(EventKind::topology_changed), sample_node()));
  EXPECT_EQ(line.at("event").as_string(), "topology");
  ASSERT_EQ(line.at("bonds").as_array().size(), 2U);
  EXPECT_EQ(line.at("bonds").as_array()[1].as_array()[1].as_string(), id_with(3).hex());
  EXPECT_EQ(line.at("one_sided").as_array().size(), 1U);
}

TEST(Json, prints_peer_events_with_kind_and_id) {
  const auto line = parse(write_event(event_of(EventKind::peer_departed), NodeStatus()));
  EXPECT_EQ(line.at("event").as_string(), "peer");
  EXPECT_EQ(line.at("kind").as_string(), "departed");
  EXPECT_EQ(line.at("id").as_string(), id_with(2).hex());
}

TEST(Json, gives_a_reason_to_suspect_a_peer_and_none_to_have_it_back) {
  EXPECT_TRUE(parse(write_event(event_of(EventKind::suspect), NodeStatus())).contains("why"));
  const auto line = parse(write_event(event_of(EventKind::refuted), NodeStatus()));
  EXPECT_EQ(line.at("peer").as_string(), id_with(2).hex());
  EXPECT_FALSE(line.contains("why"));
}

TEST(Json, tells_who_ended_a_bond_and_why) {
  Event event = event_of(EventKind::bond_down);
  event.by = "peer";
  event.code = 204;
  event.reason = "bye\x1b[2J";
  const Result<Line> line = read_line(write_event(event, NodeStatus()));
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->event, "bond_down");
  EXPECT_EQ(line->peer, id_with(2));
  EXPECT_EQ(line->by, "peer");
  EXPECT_EQ(line->code, 204U);
  EXPECT_EQ(line->text, "bye\x1b[2J");
}

TEST(Json, reads_back_every_kind_of_event) {
  for (auto kind = EventKind::peer_discovered; kind <= EventKind::lost;
       kind = static_cast<EventKind>(std::uint8_t(kind) + 1)) {
    const Result<Line> line = read_line(write_event(event_of(kind, 77), sample_node()));
    ASSERT_TRUE(line) << to_string(kind) << ": " << line.error().message;
    EXPECT_EQ(line->event, event_name(kind));
    EXPECT_EQ(line->sequence, 77U);
    EXPECT_EQ(line->wall_ms, 1'700'000'000'000);
  }
}

TEST(Json, refuses_documents_that_are_not_a_nodes) {
  for (const char* const text : {"", "[]", "{}", "null", "{\"id\":1}", "{\"id\":\"zz\",\"bonds\":[]}", "{\"id\":\"",
                                 "{\"bonds\":[3]}", "{\"members\":{}}"}) {
    EXPECT_FALSE(read_status(text)) << text;
    EXPECT_FALSE(read_bonds(text)) << text;
    EXPECT_FALSE(read_topology(text)) << text;
    EXPECT_FALSE(read_line(text)) << text;
  }
}

TEST(Json, says_which_name_is_wrong) {
  const auto read = read_members("{\"members\":[{\"group\":\"00\"}]}");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("'group'"));
}

TEST(JsonCommand, echoes_any_tag_as_it_was) {
  for (const char* const tag : {"7", "\"x\"", "null", "{\"a\":[1]}"}) {
    const Result<Command> command = read_command(std::string("{\"cmd\":\"me\",\"tag\":") + tag + "}");
    ASSERT_TRUE(command);
    EXPECT_EQ(write_reply(*command, "true"), std::string("{\"event\":\"reply\",\"tag\":") + tag + ",\"ok\":true}");
  }
}

TEST(JsonCommand, keeps_the_tag_when_a_field_is_wrong_and_says_which) {
  for (const auto& [line, wrong] :
       {std::pair{R"({"cmd":5,"tag":1})", "'cmd'"}, std::pair{R"({"cmd":"add","n":-1,"tag":1})", "'n'"},
        std::pair{R"({"cmd":"query","consistency":"stong","tag":1})", "'consistency' is neither weak nor strong"}}) {
    const Result<Command> command = read_command(line);
    ASSERT_TRUE(command);
    EXPECT_EQ(command->tag, "1");
    EXPECT_THAT(command->wrong, HasSubstr(wrong));
  }
  EXPECT_EQ(read_command(R"({"cmd":"query","consistency":"strong"})")->consistency, Consistency::strong);
}

TEST(JsonCommand, refuses_what_is_no_object_or_too_long) {
  EXPECT_FALSE(read_command("me"));
  EXPECT_FALSE(read_command("[1]"));
  EXPECT_FALSE(read_command("{\"cmd\":\"" + std::string(70'000, 'a') + "\"}"));
  EXPECT_FALSE(read_command(std::string(60'000, '['))) << "nesting";
}

}  // namespace
}  // namespace mosaik::control::json
