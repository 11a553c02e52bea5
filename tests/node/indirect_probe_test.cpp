// Second opinions: a bad link is told apart from a dead process, and what one has proven reaches all.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

#include "node/wire.hpp"

namespace mosaik::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class NodesWithOpinions : public testing::Test {
 protected:
  void mesh(std::size_t count) { wire_.mesh(count, 3s); }
  [[nodiscard]] std::string ended_by(std::size_t index) const {
    const auto downs = wire_.events(index, EventKind::bond_down);
    return downs.empty() ? "" : downs.front().by;
  }
  [[nodiscard]] MemberState state_at(std::size_t index, std::size_t of) const {
    for (const MemberStatus& member : wire_.group(index)->members)
      if (member.id == node_id(of)) return member.state;
    return MemberState::self;
  }
  Wire wire_;
};

TEST_F(NodesWithOpinions, call_a_cut_between_two_of_them_a_broken_link) {
  mesh(3);
  wire_.cut_both(0, 1);
  const Mono cut = wire_.now().mono;
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) == 1 && wire_.own_bonds(1) == 1; }, 2s));
  EXPECT_LE(wire_.now().mono - cut, 500ms);
  EXPECT_EQ(ended_by(0), "link");
  EXPECT_EQ(ended_by(1), "link");
  wire_.run_for(300ms);
  EXPECT_EQ(state_at(0, 1), MemberState::unreachable);
  EXPECT_THAT(wire_.reasons(0), HasSubstr("others hear it"));
  EXPECT_THAT(wire_.reasons(2), HasSubstr("not with one another"));
  EXPECT_EQ(wire_.group(2)->bonds.missing().size(), 1U) << "within a heartbeat the third one knows";
  EXPECT_THAT(wire_.events(2, EventKind::bond_down), IsEmpty());
  wire_.heal_all();
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 8s));
}

TEST_F(NodesWithOpinions, presume_a_silent_process_dead_all_of_them_within_half_a_second) {
  mesh(6);
  wire_.freeze(3, 20s);
  const Mono frozen = wire_.now().mono;
  ASSERT_TRUE(wire_.run_until(
      [&] {
        for (const std::size_t i : {0U, 1U, 2U, 4U, 5U})
          if (wire_.own_bonds(i) != 4) return false;
        return true;
      },
      2s));
  EXPECT_LE(wire_.now().mono - frozen, 520ms);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U}) {
    EXPECT_EQ(ended_by(i), "presumed");
    EXPECT_EQ(state_at(i, 3), MemberState::dead);
  }
}

TEST_F(NodesWithOpinions, spread_a_proof_to_those_whose_probes_stay_unanswered) {
  mesh(4);
  // Only the first one is told by the dead one's system that its port is closed.
  wire_.unreachables_to = 0;
  wire_.kill(2);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) + wire_.own_bonds(1) + wire_.own_bonds(3) == 6; }, 60ms));
  EXPECT_EQ(ended_by(0), "proven");
  EXPECT_EQ(ended_by(1), "presumed");
  EXPECT_THAT(wire_.events(1, EventKind::bond_down).front().reason, HasSubstr("another member"));
}

TEST_F(NodesWithOpinions, ask_for_the_proof_that_nobody_told_them) {
  mesh(9);
  wire_.unreachables_to = 0;
  wire_.kill(2);
  const auto knows = [&](std::size_t i) { return i == 2 || wire_.own_bonds(i) == 7; };
  ASSERT_TRUE(wire_.run_until([&] { return std::ranges::all_of(std::views::iota(0U, 9U), knows); }, 60ms))
      << "the first one tells three; the others ask";
  EXPECT_EQ(ended_by(0), "proven");
  for (const std::size_t i : {1U, 3U, 4U, 5U, 6U, 7U, 8U}) EXPECT_EQ(ended_by(i), "presumed");
}

TEST_F(NodesWithOpinions, that_are_far_apart_do_not_catch_suspicions_from_one_another) {
  wire_.delay = 50ms;
  wire_.jitter = 10ms;
  mesh(6);
  wire_.cut_both(0, 1);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) == 4 && wire_.own_bonds(1) == 4; }, 3s));
  wire_.run_for(2s);
  EXPECT_THAT(wire_.events(0, EventKind::suspect), Not(IsEmpty()));
  for (const std::size_t i : {2U, 3U, 4U, 5U})
    EXPECT_THAT(wire_.events(i, EventKind::suspect), IsEmpty()) << "node " << i << " hears both, 100 ms later";
}

TEST_F(NodesWithOpinions, that_are_far_apart_call_a_cut_between_two_of_them_a_broken_link) {
  wire_.delay = 90ms;
  wire_.jitter = 10ms;
  mesh(6);
  wire_.cut_both(0, 1);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(0) == 4 && wire_.own_bonds(1) == 4; }, 3s));
  EXPECT_EQ(ended_by(0), "link");
  EXPECT_EQ(ended_by(1), "link");
}

TEST_F(NodesWithOpinions, raise_no_alarm_under_30_percent_loss) {
  mesh(4);
  wire_.lost_of_100 = 30;
  wire_.run_for(120s);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_THAT(wire_.events(i, EventKind::bond_down), IsEmpty());
}

}  // namespace
}  // namespace mosaik::test
