// Whole nodes: what a user of the node sees.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/code_probe.hpp"
#include "node/diagnostics.hpp"
#include "node/wire.hpp"

namespace mosaik::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::size_t position(const std::vector<Event>& events, EventKind kind) {
  return static_cast<std::size_t>(std::ranges::find(events, kind, &Event::kind) - events.begin());
}

class TwoNodes : public testing::Test {
 protected:
  void bond() {
    a_ = wire_.add();
    b_ = wire_.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    group_ = wire_.join(a_);
    wire_.join(b_);
    ASSERT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 3s)) << wire_.reasons(a_) << wire_.reasons(b_);
  }
  Wire wire_;
  std::size_t a_ = 0;
  std::size_t b_ = 1;
  GroupId group_;
};

TEST_F(TwoNodes, bond_through_one_bootstrap_peer_within_a_second) {
  const Mono begin = wire_.now().mono;
  bond();
  EXPECT_LE(wire_.now().mono - begin, 1s);
  EXPECT_EQ(wire_.at(a_).node->catalog(wire_.now()).size(), 1U);
  EXPECT_EQ(wire_.at(b_).node->catalog(wire_.now()).size(), 1U);
  const Bond* one = wire_.group(a_)->bonds.between(node_id(a_), node_id(b_));
  const Bond* two = wire_.group(b_)->bonds.between(node_id(a_), node_id(b_));
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(one->id(), two->id());
  EXPECT_EQ(one->session(), two->session());
  EXPECT_TRUE(wire_.group(a_)->online);
  EXPECT_EQ(wire_.group(a_)->health, Health::healthy);
}

TEST_F(TwoNodes, tell_events_in_order_and_without_gaps) {
  bond();
  wire_.run_for(1s);
  const std::vector<Event>& events = wire_.at(b_).events;
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence, i + 1);
  EXPECT_LT(position(events, EventKind::joined), position(events, EventKind::bond_up));
  EXPECT_LT(position(events, EventKind::peer_discovered), position(events, EventKind::bond_up));
  EXPECT_LT(position(events, EventKind::bond_up), position(events, EventKind::bonds_changed));
  EXPECT_LT(position(events, EventKind::bonds_changed), position(events, EventKind::online));
  const Event up = wire_.events(b_, EventKind::bond_up).front();
  EXPECT_EQ(up.peer, node_id(a_));
  EXPECT_EQ(up.group, group_);
  EXPECT_EQ(up.bond, wire_.group(b_)->bonds.begin()->id());
  EXPECT_EQ(up.session, wire_.group(b_)->bonds.begin()->session());
}

TEST_F(TwoNodes, stay_quiet_once_they_are_bonded) {
  bond();
  wire_.run_for(5s);
  const std::size_t events = wire_.at(a_).events.size();
  const std::uint64_t before = wire_.turns;
  wire_.run_for(60s);
  for (std::size_t i = events; i < wire_.at(a_).events.size(); ++i)
    EXPECT_EQ(wire_.at(a_).events[i].kind, EventKind::peer_updated);
  EXPECT_THAT(wire_.events(a_, EventKind::suspect), IsEmpty());
  // A ping, its pong and their acknowledgements each 350 to 500 ms at both ends, a look in between, and little else.
  EXPECT_LE(wire_.turns - before, 60U * 50U);
}

TEST_F(TwoNodes, notice_a_killed_process_by_its_unreachable_port) {
  bond();
  wire_.run_for(2s);
  wire_.lose_sentinels();
  wire_.kill(b_);
  const Mono killed = wire_.now().mono;
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(a_, EventKind::bond_down).empty(); }, 3s));
  EXPECT_LE(wire_.now().mono - killed, 650ms) << "the next ping, and three probes";
  const Event down = wire_.events(a_, EventKind::bond_down).front();
  EXPECT_EQ(down.by, "presumed");
  EXPECT_EQ(down.reason, "unreachable");
  EXPECT_LT(position(wire_.at(a_).events, EventKind::suspect), position(wire_.at(a_).events, EventKind::bond_down));
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(a_, EventKind::offline).empty(); }, 100ms));
  EXPECT_THAT(wire_.reasons(a_), HasSubstr("is dead, as its silence to all makes us presume"));
}

TEST_F(TwoNodes, notice_a_vanished_host_by_its_silence) {
  wire_.port_unreachable = false;
  bond();
  wire_.run_for(2s);
  wire_.kill(b_);
  const Mono killed = wire_.now().mono;
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(a_, EventKind::bond_down).empty(); }, 6s));
  EXPECT_GE(wire_.now().mono - killed, 200ms);
  EXPECT_LE(wire_.now().mono - killed, 500ms);
  EXPECT_EQ(wire_.events(a_, EventKind::bond_down).front().reason, "silence");
}

TEST_F(TwoNodes, bond_again_at_once_when_the_process_is_restarted_with_the_same_key) {
  bond();
  wire_.run_for(2s);
  const SessionId old = wire_.group(a_)->bonds.begin()->session();
  wire_.kill(b_);
  wire_.run_for(20ms);
  wire_.boot(b_);
  wire_.join(b_);
  const Mono begin = wire_.now().mono;
  ASSERT_TRUE(
      wire_.run_until([&] { return wire_.events(a_, EventKind::bond_up).size() == 2 && wire_.full_mesh(); }, 3s));
  EXPECT_LE(wire_.now().mono - begin, 1s);
  EXPECT_NE(wire_.group(a_)->bonds.begin()->session(), old);
  EXPECT_EQ(wire_.events(a_, EventKind::bond_down).size(), 1U);
  wire_.run_for(10s);
  EXPECT_EQ(wire_.events(a_, EventKind::bond_up).size(), 2U) << "and the new bond stays";
}

TEST_F(TwoNodes, bond_again_with_a_restarted_process_that_knows_nobody) {
  a_ = wire_.add({.network = "test network", .bootstrap = {1}, .other_bootstrap = {}});
  b_ = wire_.add();
  wire_.join(a_);
  wire_.join(b_);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 3s));
  wire_.kill(b_);
  wire_.run_for(5s);
  wire_.boot(b_);
  wire_.join(b_);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 6s)) << wire_.reasons(a_) << wire_.reasons(b_);
}

TEST_F(TwoNodes, find_each_other_by_memory_when_both_are_restarted_and_no_bootstrap_peer_is_named) {
  bond();
  ASSERT_TRUE(wire_.at(a_).node->take_memory_changed());
  EXPECT_FALSE(wire_.at(a_).node->take_memory_changed());
  const node::Memory of_a = wire_.at(a_).node->memory();
  const node::Memory of_b = wire_.at(b_).node->memory();
  ASSERT_EQ(of_a.entries.size(), 1U);
  wire_.kill(a_);
  wire_.kill(b_);
  wire_.at(a_).settings.bootstrap.clear();
  wire_.at(b_).settings.bootstrap.clear();
  wire_.run_for(600s);  // beyond staleness
  wire_.boot(a_, of_a);
  wire_.boot(b_, of_b);
  EXPECT_GT(wire_.at(a_).node->memory().started, of_a.started);
  wire_.join(a_);
  wire_.join(b_);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 3s)) << wire_.reasons(a_) << wire_.reasons(b_);
}

TEST_F(TwoNodes, say_who_is_remembered_and_missing_after_a_restart) {
  bond();
  const node::Memory of_a = wire_.at(a_).node->memory();
  wire_.kill(a_);
  wire_.kill(b_);
  wire_.boot(a_, of_a);
  wire_.join(a_);
  wire_.run_for(50ms);
  ASSERT_NE(wire_.group(a_), nullptr);
  EXPECT_EQ(wire_.group(a_)->health, Health::degraded);
  EXPECT_NE(wire_.reasons(a_).find(node_id(b_).brief()), std::string::npos) << wire_.reasons(a_);
}

TEST_F(TwoNodes, forget_a_peer_that_departed_and_one_that_was_not_heard_of_for_a_day) {
  bond();
  const node::Memory with_b = wire_.at(a_).node->memory();
  wire_.with(b_, [&](node::Node& node, const Now& now) { node.leave(now, group_); });
  ASSERT_TRUE(wire_.run_until([&] { return wire_.at(a_).node->memory().entries.empty(); }, 3s));
  wire_.kill(a_);
  wire_.kill(b_);
  wire_.boot(a_, with_b);
  EXPECT_EQ(wire_.at(a_).node->memory().entries.size(), 1U);
  wire_.kill(a_);
  wire_.run_for(limits::dial_list_age + 1h);
  wire_.boot(a_, with_b);
  EXPECT_TRUE(wire_.at(a_).node->memory().entries.empty());
}

TEST_F(TwoNodes, believe_no_remembered_entry_whose_signature_does_not_hold) {
  bond();
  node::Memory changed = wire_.at(a_).node->memory();
  changed.entries.at(0).at(40) ^= 1U;
  changed.entries.push_back({1, 2, 3});
  wire_.kill(a_);
  wire_.boot(a_, changed);
  EXPECT_TRUE(wire_.at(a_).node->memory().entries.empty());
}

TEST_F(TwoNodes, are_newer_than_their_last_run_though_the_clock_went_back) {
  bond();
  node::Memory later = wire_.at(a_).node->memory();
  later.started += 3'600'000;
  wire_.kill(a_);
  wire_.boot(a_, later);
  EXPECT_EQ(wire_.at(a_).node->memory().started, later.started + 1);
}

TEST_F(TwoNodes, say_goodbye_when_one_leaves_and_do_not_dial_it_again) {
  bond();
  wire_.run_for(1s);
  wire_.with(b_, [&](node::Node& node, const Now& now) { node.leave(now, group_); });
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(b_, EventKind::left).empty(); }, 200ms));
  EXPECT_TRUE(std::holds_alternative<node::GroupLeft>(wire_.at(b_).outputs.back()));
  wire_.run_for(100ms);
  ASSERT_EQ(wire_.events(a_, EventKind::bond_down).size(), 1U);
  EXPECT_EQ(wire_.events(a_, EventKind::bond_down).front().by, "departure");
  ASSERT_EQ(wire_.events(a_, EventKind::peer_departed).size(), 1U);
  EXPECT_EQ(wire_.events(a_, EventKind::peer_departed).front().reason, "departed");
  const std::uint64_t handshakes = wire_.at(a_).node->snapshot(wire_.now())->handshakes;
  wire_.run_for(30s);
  // Who left the group is still in the network, and asks the bootstrap peer that it has no bond with any more once.
  EXPECT_LE(wire_.at(a_).node->snapshot(wire_.now())->handshakes, handshakes + 1);
  EXPECT_EQ(wire_.events(a_, EventKind::bond_up).size(), 1U) << "nobody dials for a bond";
  EXPECT_THAT(wire_.events(a_, EventKind::suspect), IsEmpty()) << "nobody listens to who has left";
  EXPECT_EQ(wire_.group(a_)->health, Health::healthy);
}

TEST_F(TwoNodes, bond_again_when_the_one_that_left_joins_again) {
  bond();
  wire_.with(b_, [&](node::Node& node, const Now& now) { node.leave(now, group_); });
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(b_, EventKind::left).empty(); }, 1s));
  wire_.run_for(1s);
  wire_.join(b_);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.own_bonds(a_) == 1 && wire_.own_bonds(b_) == 1; }, 3s))
      << wire_.reasons(a_) << wire_.reasons(b_);
}

TEST_F(TwoNodes, refuse_to_join_a_group_twice_or_with_an_impossible_heartbeat) {
  bond();
  wire_.with(a_, [&](node::Node& node, const Now& now) {
    EXPECT_EQ(node.join(now, GroupKey::from_secret("s3cret"), {}).error().code, Errc::in_use);
    ConsensusConfig timing;
    timing.heartbeat_interval = 0ms;
    EXPECT_EQ(node.join(now, GroupKey::from_secret("other"), timing).error().code, Errc::invalid_argument);
  });
}

TEST_F(TwoNodes, refuse_settings_by_which_no_group_can_run) {
  bond();
  using Bend = void (*)(ConsensusConfig&);
  const std::pair<const char*, Bend> bends[] = {
      {"heartbeat interval", [](ConsensusConfig& timing) { timing.heartbeat_interval = 9ms; }},
      {"heartbeat interval", [](ConsensusConfig& timing) { timing.heartbeat_interval = 61s; }},
      {"heartbeat jitter", [](ConsensusConfig& timing) { timing.heartbeat_jitter = -1ms; }},
      {"heartbeat jitter", [](ConsensusConfig& timing) { timing.heartbeat_jitter = timing.heartbeat_interval + 1ms; }},
      {"missed heartbeats", [](ConsensusConfig& timing) { timing.max_missed_heartbeats = 0; }},
      {"election timeout", [](ConsensusConfig& timing) { timing.election_timeout = 9ms; }},
      {"jitter", [](ConsensusConfig& timing) { timing.election_timeout_jitter = -1ms; }},
      {"bootstrap delay", [](ConsensusConfig& timing) { timing.bootstrap_delay = -1ms; }},
  };
  wire_.with(a_, [&](node::Node& node, const Now& now) {
    for (const auto& [says, bend] : bends) {
      ConsensusConfig timing;
      bend(timing);
      const auto joined = node.join(now, GroupKey::from_secret("other"), timing);
      ASSERT_FALSE(joined) << says;
      EXPECT_EQ(joined.error().code, Errc::invalid_argument);
      EXPECT_THAT(joined.error().message, HasSubstr(says));
    }
    node::MachineSpec machine;
    machine.batch_size = 0;
    const auto joined = node.join(now, GroupKey::from_secret("other"), {}, machine);
    ASSERT_FALSE(joined);
    EXPECT_THAT(joined.error().message, HasSubstr("batch"));
  });
}

TEST_F(TwoNodes, join_a_bounded_number_of_groups) {
  bond();
  wire_.with(a_, [&](node::Node& node, const Now& now) {
    for (std::size_t i = 1; i < limits::groups; ++i)
      ASSERT_TRUE(node.join(now, GroupKey::from_secret("group " + std::to_string(i)), {}));
    const auto joined = node.join(now, GroupKey::from_secret("one too many"), {});
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().code, Errc::limit);
  });
}

TEST_F(TwoNodes, drop_the_oldest_events_and_say_so_when_nobody_takes_them) {
  bond();
  constexpr std::size_t beyond = 10;
  wire_.with(a_, [&](node::Node& node, const Now& now) {
    static_cast<void>(node.take_actions());
    for (std::size_t i = 0; i < limits::pending_outputs + beyond; ++i) node.warn(now, "warning " + std::to_string(i));
    std::vector<std::string> told;
    for (const node::Action& output : node.take_actions())
      if (const auto* event = std::get_if<Event>(&output)) told.push_back(event->reason);
    ASSERT_EQ(told.size(), limits::pending_outputs);
    EXPECT_EQ(told.front(), "warning " + std::to_string(beyond));
    EXPECT_EQ(told.back(), "warning " + std::to_string(limits::pending_outputs + beyond - 1));
  });
}

TEST_F(TwoNodes, heal_a_cut_of_400_seconds_without_a_bootstrap_peer) {
  bond();
  wire_.at(b_).settings.bootstrap.clear();
  wire_.cut_both(a_, b_);
  wire_.run_for(400s);
  EXPECT_EQ(wire_.own_bonds(a_), 0U);
  EXPECT_THAT(wire_.at(a_).node->catalog(wire_.now()), IsEmpty()) << "the entry went stale";
  wire_.heal_all();
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 10s)) << wire_.reasons(a_) << wire_.reasons(b_);
}

TEST_F(TwoNodes, heal_a_one_way_cut) {
  bond();
  wire_.cut(a_, b_);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(a_) == 0 && wire_.own_bonds(b_) == 0; }, 12s));
  wire_.heal_all();
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 8s));
}

TEST(ReplicatedNodes, that_stood_still_depose_no_healthy_leader) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Wire wire(seed);
    for (std::size_t i = 0; i < 3; ++i)
      wire.add({.network = "test network",
                .bootstrap = i == 0 ? std::vector<std::size_t>{} : std::vector<std::size_t>{0},
                .other_bootstrap = {}});
    GroupId group;
    for (std::size_t i = 0; i < 3; ++i)
      wire.with(i, [&](node::Node& node, const Now& now) {
        group = *node.join(now, GroupKey::from_secret("s3cret"), {}, node::MachineSpec{});
      });
    const auto at = [&](std::size_t i) { return *wire.at(i).node->consensus(group); };
    const auto agreed = [&] {
      return wire.full_mesh() && at(0).leader && at(1).leader == at(0).leader && at(2).leader == at(0).leader;
    };
    ASSERT_TRUE(wire.run_until(agreed, 20s));
    wire.run_for(3s);
    const auto before = at(0);
    for (std::size_t i = 0; i < 3; ++i)
      if (node_id(i) != *before.leader) {
        wire.freeze(i, 4s);
        break;
      }
    wire.run_for(12s);
    EXPECT_TRUE(agreed());
    EXPECT_EQ(at(0).term, before.term);
  }
}

TEST_F(TwoNodes, take_no_waiting_for_a_stall) {
  static std::size_t stalls;
  stalls = 0;
  code_probe_reached = [](const char* name) { stalls += std::string_view(name) == "health.stall_forgiven" ? 1U : 0U; };
  bond();
  wire_.run_for(20s);
  code_probe_reached = nullptr;
  EXPECT_EQ(stalls, 0U) << "writing moves deadlines on, and nobody wakes for the earlier ones";
}

TEST_F(TwoNodes, do_not_blame_the_other_for_an_own_stall) {
  bond();
  wire_.run_for(2s);
  // A stands still, B's answers wait in A's socket; A must hear them before it judges.
  for (int i = 0; i < 5; ++i) {
    wire_.freeze(a_, 350ms);
    wire_.run_for(2s);
  }
  EXPECT_THAT(wire_.events(a_, EventKind::bond_down), IsEmpty());
  EXPECT_THAT(wire_.events(a_, EventKind::suspect), IsEmpty());
}

TEST_F(TwoNodes, share_one_verdict_over_two_groups) {
  bond();
  const GroupId second = wire_.join(a_, "another secret");
  wire_.join(b_, "another secret");
  ASSERT_TRUE(wire_.run_until([&] { return wire_.events(a_, EventKind::bond_up).size() == 2; }, 3s));
  wire_.run_for(1s);
  wire_.kill(b_);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.events(a_, EventKind::bond_down).size() == 2; }, 2s));
  const auto downs = wire_.events(a_, EventKind::bond_down);
  EXPECT_EQ(downs[0].mono_ns, downs[1].mono_ns);
  EXPECT_EQ((std::set<GroupId>{downs[0].group, downs[1].group}), (std::set<GroupId>{group_, second}));
  EXPECT_EQ(wire_.events(a_, EventKind::suspect).size(), 1U);
}

TEST_F(TwoNodes, suspect_no_bond_any_more_once_the_peer_has_made_another) {
  bond();
  wire_.join(a_, "another secret");
  wire_.run_for(2s);
  wire_.lose_known_connections();
  ASSERT_TRUE(wire_.run_until([&] { return !wire_.events(a_, EventKind::suspect).empty(); }, 2s));
  wire_.join(b_, "another secret");
  ASSERT_TRUE(wire_.run_until([&] { return wire_.events(a_, EventKind::bond_up).size() == 2; }, 500ms));
  EXPECT_EQ(wire_.events(a_, EventKind::refuted).size(), 1U);
  std::size_t bonds = 0;
  const auto status = wire_.at(a_).node->snapshot(wire_.now());
  for (const GroupStatus& group : status->groups) {
    for (const Bond& bond : group.bonds.own()) {
      ++bonds;
      EXPECT_FALSE(bond.own().suspect);
    }
  }
  EXPECT_EQ(bonds, 2U);
}

TEST_F(TwoNodes, answer_requests_for_a_sync_and_a_ping) {
  bond();
  wire_.with(a_, [&](node::Node& node, const Now& now) {
    node.sync_with(now, {7}, node_id(b_), {node_address(b_)});
    node.ping(now, {8}, node_id(b_), {node_address(b_)});
    node.ping(now, {9}, node_id(5), {SocketAddress::v4({10, 0, 0, 99}, 1)});
  });
  wire_.run_for(10s);
  std::map<std::uint64_t, bool> results;
  for (const node::Action& output : wire_.at(a_).outputs) {
    if (const auto* done = std::get_if<node::SyncDone>(&output))
      results[done->request.value] = done->result.has_value();
    if (const auto* done = std::get_if<node::PingDone>(&output)) results[done->request.value] = done->rtt.has_value();
  }
  EXPECT_EQ(results, (std::map<std::uint64_t, bool>{{7, true}, {8, true}, {9, false}}));
}

// -- why a node is alone

TEST(LonelyNode, without_a_bootstrap_peer_says_so) {
  Wire wire;
  const std::size_t a = wire.add();
  wire.join(a);
  wire.run_for(1s);
  EXPECT_THAT(wire.reasons(a), HasSubstr("no bootstrap peer was given and nobody has dialed this node"));
  EXPECT_FALSE(wire.group(a)->online);
}

TEST(LonelyNode, names_the_bootstrap_peer_that_does_not_answer) {
  Wire wire;
  const std::size_t a = wire.add({.network = "test network", .bootstrap = {}, .other_bootstrap = {bootstrap_of(9)}});
  wire.join(a);
  wire.run_for(20s);
  EXPECT_THAT(wire.reasons(a), HasSubstr(node_id(9).brief()));
  EXPECT_FALSE(wire.events(a, EventKind::notice).empty());
}

TEST(LonelyNode, with_another_secret_says_that_the_others_are_in_other_groups) {
  Wire wire;
  const std::size_t a = wire.add();
  const std::size_t b = wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
  wire.join(a, "one secret");
  wire.join(b, "another secret");
  wire.run_for(5s);
  for (const std::size_t node : {a, b}) {
    EXPECT_THAT(wire.reasons(node), HasSubstr("1 peer of this network known, none in this group"));
    EXPECT_EQ(wire.own_bonds(node), 0U);
  }
}

TEST(LonelyNode, with_other_heartbeats_says_that_the_others_are_in_other_groups) {
  Wire wire;
  const std::size_t a = wire.add();
  const std::size_t b = wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
  ConsensusConfig timing;
  timing.heartbeat_interval = 200ms;
  wire.join(a);
  wire.join(b, "s3cret", timing);
  wire.run_for(5s);
  EXPECT_THAT(wire.reasons(a), HasSubstr("other heartbeat settings"));
}

TEST(Node, refuses_a_floor_that_no_group_can_reach) {
  EXPECT_TRUE(node::check({}, limits::mesh_peers + 1));
  const Result<> beyond = node::check({}, limits::mesh_peers + 2);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, Errc::invalid_argument);
  EXPECT_THAT(beyond.error().message, HasSubstr("quorum floor 1026"));
}

TEST(LonelyNode, of_another_network_learns_why) {
  Wire wire;
  const std::size_t a = wire.add();
  const std::size_t b = wire.add({.network = "another network", .bootstrap = {0}, .other_bootstrap = {}});
  wire.join(a);
  wire.join(b);
  wire.run_for(10s);
  EXPECT_THAT(wire.reasons(a) + wire.reasons(b), HasSubstr("network"));
  EXPECT_EQ(wire.own_bonds(a) + wire.own_bonds(b), 0U);
}

TEST(LonelyNode, forgets_a_trouble_that_is_over) {
  Wire wire;
  const std::size_t a = wire.add();
  const std::size_t b = wire.add({.network = "another network", .bootstrap = {0}, .other_bootstrap = {}});
  wire.join(a);
  wire.join(b);
  const auto reasons = [&] {
    wire.with(a, [&](node::Node& node, const Now& now) { wire.at(a).status = node.snapshot(now); });
    return wire.reasons(a);
  };
  wire.run_for(node::Diagnostics::memory + 1min);
  EXPECT_THAT(reasons(), HasSubstr("another network")) << "it goes on dialing";
  wire.kill(b);
  wire.run_for(node::Diagnostics::memory - 1min);
  EXPECT_THAT(reasons(), HasSubstr("another network")) << "it may dial again";
  wire.run_for(1min);
  EXPECT_THAT(reasons(), Not(HasSubstr("another network")));
  EXPECT_THAT(reasons(), HasSubstr("nobody has dialed this node")) << "what still holds is told";
}

}  // namespace
}  // namespace mosaik::test
