// Sentinels: how two nodes come to one, what its end means, and what it does not mean.

#include <gtest/gtest.h>

#include "node/wire.hpp"

namespace mosaik::test {
namespace {

class NodesWithSentinels : public testing::Test {
 protected:
  void mesh(std::size_t count) { wire_.mesh(count, 100ms); }
  [[nodiscard]] std::size_t ended_by(std::size_t index, std::string_view by) const {
    const auto downs = wire_.events(index, EventKind::bond_down);
    return static_cast<std::size_t>(std::ranges::count(downs, by, &Event::by));
  }
  Wire wire_;
};

TEST_F(NodesWithSentinels, have_exactly_one_a_pair) {
  mesh(5);
  EXPECT_EQ(wire_.sentinel_wire.open(), 10U);
  wire_.run_for(10s);
  EXPECT_EQ(wire_.sentinel_wire.open(), 10U);
}

TEST_F(NodesWithSentinels, have_one_a_pair_also_when_they_share_two_groups) {
  mesh(3);
  for (std::size_t i = 0; i < 3; ++i) wire_.join(i, "another secret");
  wire_.run_for(3s);
  EXPECT_EQ(wire_.sentinel_wire.open(), 3U);
}

// Two groups are two links, and the token is made of one of them: the offer must take that one.
TEST_F(NodesWithSentinels, have_another_after_its_end_in_whichever_order_their_groups_were_joined) {
  for (const bool turned : {false, true}) {
    Wire wire;
    wire.add();
    wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    for (std::size_t i = 0; i < 2; ++i) wire.join(i, turned ? "two" : "one");
    wire.run_for(3s);
    for (std::size_t i = 0; i < 2; ++i) wire.join(i, turned ? "one" : "two");
    wire.run_for(3s);
    EXPECT_EQ(wire.sentinel_wire.open(), 1U);
    wire.close_sentinels(1);
    wire.run_for(5s);
    EXPECT_EQ(wire.sentinel_wire.open(), 1U);
  }
}

TEST_F(NodesWithSentinels, prove_a_death_to_all_within_milliseconds) {
  mesh(5);
  wire_.kill(2);
  ASSERT_TRUE(wire_.run_until(
      [&] { return wire_.own_bonds(0) + wire_.own_bonds(1) + wire_.own_bonds(3) + wire_.own_bonds(4) == 12; }, 50ms))
      << "one way for the FIN, one for the probe, one for the answer: 3 ms";
  for (const std::size_t i : {0U, 1U, 3U, 4U}) EXPECT_EQ(ended_by(i, "proven"), 1U);
  EXPECT_NE(wire_.reasons(0).find("is dead, which is proven"), std::string::npos) << wire_.reasons(0);
}

TEST_F(NodesWithSentinels, do_not_believe_a_sentinel_that_merely_closed) {
  mesh(3);
  wire_.close_sentinels(1);
  wire_.run_for(1s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(wire_.own_bonds(i), 2U);
    EXPECT_EQ(wire_.events(i, EventKind::bond_down).size(), 0U);
  }
  EXPECT_EQ(wire_.events(0, EventKind::suspect).size(), 1U);
  EXPECT_EQ(wire_.events(0, EventKind::refuted).size(), 1U);
  EXPECT_EQ(wire_.sentinel_wire.open(), 1U);
  wire_.run_for(5s);
  EXPECT_EQ(wire_.sentinel_wire.open(), 3U) << "who lives gets another";
}

TEST_F(NodesWithSentinels, suspect_nobody_when_a_stranger_listens_at_the_peers_address) {
  wire_.strangers_listen = true;
  mesh(3);
  wire_.run_for(120s);  // all attempts
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(wire_.own_bonds(i), 2U);
    EXPECT_EQ(wire_.events(i, EventKind::suspect).size(), 0U);
  }
}

TEST_F(NodesWithSentinels, do_without_where_none_can_be_had) {
  wire_.sentinels = false;
  mesh(3);
  EXPECT_EQ(wire_.sentinel_wire.open(), 0U);
  wire_.kill(2);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) + wire_.own_bonds(1) == 2; }, 2s));
}

TEST_F(NodesWithSentinels, close_it_with_the_last_bond_and_have_a_new_one_with_the_next) {
  mesh(2);
  wire_.with(1, [&](node::Node& node, const Now& now) { node.leave(now, wire_.group(1)->id); });
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) == 0; }, 2s));
  wire_.run_for(100ms);
  EXPECT_EQ(wire_.sentinel_wire.open(), 0U);
  wire_.join(1);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 5s));
  wire_.run_for(100ms);
  EXPECT_EQ(wire_.sentinel_wire.open(), 1U);
}

TEST_F(NodesWithSentinels, do_not_prove_a_death_where_the_answer_to_a_probe_is_missing) {
  mesh(3);
  wire_.port_unreachable = false;
  wire_.kill(2);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) + wire_.own_bonds(1) == 2; }, 4s));
  EXPECT_EQ(ended_by(0, "proven"), 0U);
  EXPECT_EQ(ended_by(0, "presumed"), 1U);
}

}  // namespace
}  // namespace mosaik::test
