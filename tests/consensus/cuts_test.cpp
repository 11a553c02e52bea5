// What one history, one leader and one answer mean when parts of a group do not hear each other, or have forgotten.

#include "consensus/cluster.hpp"

namespace mosaik::test {
namespace {

using consensus::Committed;
using Options = Cluster::Options;

struct CutGroup : testing::Test {
  void settle(const Options& options, std::uint64_t seed = 1) {
    group.emplace(seed, options);
    group->boot_all();
    group->bond_all();
    ASSERT_TRUE(group->run_until([&] { return group->agreed(); }, 20s)) << group->describe();
    lead = *group->leader();
    others.clear();
    for (std::size_t i = 0; i < group->size(); ++i)
      if (i != lead) others.push_back(i);
  }
  bool commits(std::size_t member, std::string_view command) {
    const auto call = group->execute(member, command, 5s);
    group->run_for(5s);
    return group->answered<Committed>(member, call) != nullptr;
  }
  std::optional<Cluster> group;
  std::size_t lead = 0;
  std::vector<std::size_t> others;
};

class OneCutBond : public CutGroup, public testing::WithParamInterface<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Floors, OneCutBond, testing::Values(0, 2));

TEST_P(OneCutBond, deposes_no_leader_that_the_others_hear) {
  settle({.cpp = 3, .floor = GetParam()});
  group->cut(lead, others[0]);
  group->run_for(20s);
  EXPECT_EQ(group->status(lead).role, MemberRole::leader);
  EXPECT_TRUE(commits(lead, "on"));
  EXPECT_FALSE(commits(others[0], "off")) << "it does not hear the leader, and leads nobody";
  group->heal();
  ASSERT_TRUE(group->run_until([&] { return group->agreed(); }, 20s)) << group->describe();
  EXPECT_EQ(group->values(others[0]).size(), 1U);
  group->expect_equal_values();
}

TEST_F(CutGroup, a_member_that_has_forgotten_never_leads_in_a_term_of_its_earlier_life) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    settle({.cpp = 3}, seed);
    for (const char* command : {"a", "b", "c"}) group->execute(lead, command);
    group->run_for(1s);
    group->isolate(others[0]);
    group->crash(lead);
    group->crash(others[1]);
    group->run_for(100ms);
    group->boot(lead);
    group->boot(others[1]);
    group->bond(std::min(lead, others[1]), std::max(lead, others[1]));
    group->run_for(9s);
    for (const char* command : {"x", "y", "z"}) group->execute(lead, command);
    group->run_for(1s);
    group->heal();
    ASSERT_TRUE(group->run_until([&] { return group->agreed(); }, 30s)) << group->describe();
    group->run_for(5s);
    group->expect_equal_values();
  }
}

TEST_F(CutGroup, of_two_histories_the_longer_one_prevails) {
  settle({.cpp = 5});
  const auto side = [&](std::size_t i) { return i == others[2] || i == others[3]; };
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = i + 1; j < 5; ++j)
      if (side(i) != side(j)) group->cut(i, j);
  for (int i = 0; i < 50; ++i) group->execute(lead, "many " + std::to_string(i));
  group->run_for(40s);  // longer than alone_after
  const std::size_t lesser = group->status(others[2]).role == MemberRole::leader ? others[2] : others[3];
  ASSERT_TRUE(commits(lesser, "one"));
  group->heal();
  ASSERT_TRUE(group->run_until([&] { return group->agreed(); }, 30s)) << group->describe();
  group->run_for(5s);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(group->values(i).size(), 50U) << i;
}

TEST_F(CutGroup, a_proven_death_costs_no_timer_though_some_hear_of_it_later_than_others) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    settle({.cpp = 3 + seed % 3, .floor = seed % 2 == 0 ? 0U : static_cast<std::uint32_t>(3 + seed % 3) / 2 + 1}, seed);
    group->run_for(1s);
    group->crash(lead, consensus::Loss::proven, 20ms);
    EXPECT_TRUE(group->run_until([&] { return group->agreed(); }, 200ms)) << group->describe();
  }
}

TEST_F(CutGroup, a_lone_member_with_a_history_of_its_own_joins_the_group_that_it_meets) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    group.emplace(seed, Options{.cpp = 3});
    group->boot(0);
    ASSERT_TRUE(group->run_until([&] { return group->status(0).role == MemberRole::leader; }, 20s));
    for (int i = 0; i < 5; ++i) group->execute(0, "alone");
    group->run_for(1s);
    group->boot(1);
    group->boot(2);
    group->bond(1, 2);
    ASSERT_TRUE(group->run_until([&] { return group->status(1).online && group->status(2).online; }, 20s));
    for (std::size_t i = 1; i < 3; ++i) group->execute(i, "together");
    group->run_for(1s);
    group->bond_all();
    EXPECT_TRUE(group->run_until([&] { return group->agreed(); }, 20s)) << group->describe();
  }
}

TEST_F(CutGroup, two_members_need_both_however_long_one_is_mute) {
  settle({.cpp = 2});
  group->lets_pass = [&](std::size_t from, std::size_t to, const consensus::Message&) {
    return from != others[0] || to != lead;
  };
  EXPECT_FALSE(commits(lead, "alone"));
}

TEST_F(CutGroup, those_who_have_yet_to_fetch_elect_nobody_who_lacks_what_was_committed) {
  settle({.cpp = 3, .floor = 3});
  group.emplace(7, Options{.cpp = 5, .floor = 3});
  for (std::size_t i = 0; i < 3; ++i) group->boot(i);
  group->bond_all();
  ASSERT_TRUE(group->run_until([&] { return group->leader().has_value(); }, 20s));
  lead = *group->leader();
  group->run_for(1s);
  for (int i = 0; i < 10; ++i) group->execute(lead, "kept " + std::to_string(i));
  group->run_for(1s);
  std::vector<std::size_t> forgetful{lead == 0 ? 1UL : 0UL, 3, 4};
  // Nothing can be fetched from now on; what is committed is told all the same.
  group->lets_pass = [](std::size_t, std::size_t, const consensus::Message& message) {
    return !std::holds_alternative<consensus::FetchEntriesResponse>(message);
  };
  group->crash(forgetful[0]);
  for (const std::size_t i : forgetful) group->boot(i);
  group->bond_all();
  group->run_for(1500ms);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = i + 1; j < 5; ++j)
      if ((std::ranges::find(forgetful, i) != forgetful.end()) != (std::ranges::find(forgetful, j) != forgetful.end()))
        group->cut(i, j);
  group->run_for(12s);
  for (const std::size_t i : forgetful) {
    EXPECT_NE(group->status(i).role, MemberRole::leader) << group->describe();
    EXPECT_EQ(group->status(i).elections, 0U) << "it knows that it lacks what it would have to have";
  }
}

TEST_F(CutGroup, a_member_that_catches_up_deposes_no_leader_that_it_hears) {
  settle({.cpp = 4});
  const std::size_t joiner = others[2];
  group->crash(joiner);
  for (int i = 0; i < 10; ++i) group->execute(lead, "before");
  group->run_for(1s);
  // It hears the leader and never gets what it asks for.
  group->lets_pass = [](std::size_t, std::size_t, const consensus::Message& message) {
    return !std::holds_alternative<consensus::FetchEntriesResponse>(message);
  };
  group->boot(joiner);
  group->bond_all();
  group->run_for(1s);
  const Term term = group->status(lead).term;
  group->cut(lead, others[0]);
  group->run_for(20s);
  EXPECT_EQ(group->status(lead).role, MemberRole::leader) << group->describe();
  EXPECT_EQ(group->status(lead).term, term);
}

TEST_F(CutGroup, of_two_histories_that_forgetting_made_one_prevails_without_waiting_for_the_other) {
  settle({.cpp = 3, .floor = 2, .floor_promise = false});
  const std::size_t longer = others[0];
  const std::size_t later = others[1];
  group->isolate(later);
  for (int i = 0; i < 20; ++i) group->execute(lead, "long " + std::to_string(i));
  group->run_for(1s);
  ASSERT_EQ(group->values(longer).size(), 20U);
  // The others of the majority forget it, one after the other, and `later` leads a history without it in between.
  group->isolate(longer);
  group->crash(lead);
  group->heal();
  group->isolate(longer);
  group->boot(lead);
  group->bond(std::min(lead, later), std::max(lead, later));
  ASSERT_TRUE(group->run_until([&] { return group->status(later).role == MemberRole::leader; }, 20s));
  ASSERT_TRUE(commits(later, "late"));
  group->crash(lead);
  ASSERT_TRUE(group->run_until([&] { return group->status(later).role != MemberRole::leader; }, 20s));
  group->boot(lead);
  group->heal();
  EXPECT_TRUE(group->run_until([&] { return group->agreed(); }, 15s)) << group->describe();
}

}  // namespace
}  // namespace mosaik::test
