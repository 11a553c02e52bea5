// Members of C++ among themselves: elections, replication, calls, catch-up, reads.

#include "consensus/cluster.hpp"

namespace mosaik::test {
namespace {

using consensus::Committed;
using consensus::NotApplied;
using consensus::Passed;
using consensus::QueryFailed;
using consensus::Read;
using consensus::Refusal;
using consensus::Unknown;
using Options = Cluster::Options;

/// A cluster whose members are bonded and follow one leader.
struct Settled {
  explicit Settled(const Options& options = {}, std::uint64_t seed = 1) : cluster(seed, options) {
    cluster.boot_all();
    cluster.bond_all();
    EXPECT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 20s)) << cluster.describe();
    lead = cluster.leader().value_or(0);
  }
  [[nodiscard]] std::size_t follower(std::size_t n = 0) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < const_cast<Cluster&>(cluster).size(); ++i)
      if (i != lead) out.push_back(i);
    return out.at(n);
  }
  Cluster cluster;
  std::size_t lead = 0;
};

TEST(Elections, three_members_elect_one_leader_after_the_bootstrap_delay) {
  Cluster cluster(1, {});
  cluster.boot_all();
  cluster.bond_all();
  cluster.run_for(4900ms);
  EXPECT_FALSE(cluster.leader()) << "not before bootstrap delay and election timeout";
  EXPECT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 3s)) << cluster.describe();
}

TEST(Elections, a_lone_member_elects_itself_and_leads_those_who_join_later) {
  Cluster cluster(2, {});
  cluster.boot(0);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.status(0).role == MemberRole::leader; }, 6s));
  const auto call = cluster.execute(0, "alone");
  cluster.run_for(10ms);
  ASSERT_NE(cluster.answered<Committed>(0, call), nullptr);
  cluster.boot(1);
  cluster.boot(2);
  cluster.bond_all();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 3s)) << cluster.describe();
  EXPECT_EQ(cluster.leader(), 0U);
  EXPECT_EQ(cluster.values(2).size(), 1U);
}

TEST(Elections, who_leaves_remembers_how_large_the_group_was) {
  Settled settled;
  Cluster& cluster = settled.cluster;
  const std::size_t leaving = settled.follower();
  cluster.engine(leaving).stop(cluster.now(), "");
  for (const std::size_t other : {settled.lead, settled.follower(1)}) cluster.unbond(leaving, other, Loss::departed);
  cluster.run_for(1s);
  EXPECT_EQ(cluster.status(leaving).group_size, 3U);
  EXPECT_EQ(cluster.status(settled.lead).group_size, 2U);
}

TEST(Elections, of_lone_members_the_one_with_more_entries_prevails_and_all_show_its_values) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster(seed, {});
    cluster.boot_all();
    cluster.run_for(6s);
    for (std::size_t i = 0; i < 3; ++i) ASSERT_EQ(cluster.status(i).role, MemberRole::leader);
    for (const char* command : {"a", "b", "c"}) cluster.execute(0, command);
    cluster.execute(1, "x");
    cluster.run_for(100ms);
    cluster.bond_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed() && cluster.status(1).committed == Index{3}; }, 10s))
        << cluster.describe();
    EXPECT_EQ(cluster.leader(), 0U);
    cluster.expect_equal_values();
    EXPECT_EQ(cluster.status(1).diverged, 1U) << "it says that it gave up what it had committed";
  }
}

// Two speak in the same moment, and who has caught up with the longer history hears the other before its leader does.
TEST(Elections, of_lone_members_that_speak_at_once_the_one_with_most_entries_leads) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Cluster cluster(seed, {.delay_most = 200us});
    cluster.boot_all();
    cluster.run_for(6s);
    const std::size_t longest = seed % 3;
    const std::size_t shorter = (longest + 1 + seed / 3 % 2) % 3;
    const std::size_t empty = 3 - longest - shorter;
    for (const char* command : {"a", "b", "c"}) cluster.execute(longest, command);
    cluster.execute(shorter, "x");
    cluster.run_for(100ms);
    cluster.lag[{longest, shorter}] = cluster.lag[{shorter, longest}] = 4ms;
    cluster.lag[{shorter, empty}] = 3ms;
    cluster.bond_all();
    ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed() && cluster.values(shorter).size() == 3; }, 10s))
        << cluster.describe();
    EXPECT_EQ(cluster.leader(), longest) << cluster.describe();
    cluster.expect_equal_values();
  }
}

TEST(Elections, of_equal_lone_members_one_prevails) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Cluster cluster(seed, {});
    cluster.boot_all();
    cluster.run_for(6s);
    cluster.bond_all();
    EXPECT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s)) << seed << '\n' << cluster.describe();
  }
}

TEST(Elections, after_a_proven_death_one_that_lacks_the_newest_entry_costs_milliseconds_only) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Settled s({.cpp = 5}, seed);
    // The first to campaign has not got the newest entry, and its term makes all others begin anew.
    const std::size_t hasty = s.follower(0);
    s.cluster.lets_pass = [&](std::size_t from, std::size_t to, const consensus::Message&) {
      return from != s.lead || to != hasty;
    };
    s.cluster.execute(s.lead, "newest");
    s.cluster.run_for(5ms);
    s.cluster.crash(s.lead, Loss::proven, 1ms);
    const auto leads = [&] {
      const auto now = s.cluster.leader();
      return now && now != s.lead;
    };
    EXPECT_TRUE(s.cluster.run_until(leads, 25ms)) << seed << '\n' << s.cluster.describe();
    EXPECT_NE(s.cluster.leader(), hasty);
  }
}

TEST(Elections, survivors_of_a_proven_death_elect_within_milliseconds) {
  Settled s;
  s.cluster.crash(s.lead, Loss::proven, 1ms);
  const Mono before = s.cluster.now().mono;
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.leader().has_value(); }, 5s));
  EXPECT_LT(s.cluster.now().mono - before, 20ms);
  EXPECT_TRUE(s.cluster.run_until([&] { return s.cluster.agreed(); }, 50ms)) << s.cluster.describe();
}

TEST(Elections, nobody_hurries_after_a_presumed_death) {
  Settled s;
  s.cluster.isolate(s.lead);
  s.cluster.run_for(500ms);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(s.cluster.status(i).elections, i == s.lead ? 1U : 0U) << i;
  EXPECT_TRUE(s.cluster.run_until(
      [&] {
        return s.cluster.status(s.follower(0)).role == MemberRole::leader ||
               s.cluster.status(s.follower(1)).role == MemberRole::leader;
      },
      8s));
}

TEST(Elections, nobody_hurries_when_the_survivors_are_no_clique) {
  Settled s;
  s.cluster.survivors = consensus::Survivors::other;
  s.cluster.crash(s.lead, Loss::proven, 1ms);
  s.cluster.run_for(1s);
  EXPECT_FALSE(s.cluster.leader());
}

TEST(Elections, a_lone_survivor_of_a_larger_group_waits) {
  Settled s;
  s.cluster.isolate(s.follower(0));
  s.cluster.run_for(29s);
  EXPECT_EQ(s.cluster.status(s.follower(0)).elections, 0U);
  EXPECT_FALSE(s.cluster.status(s.follower(0)).leader);
  s.cluster.run_for(5s);
  EXPECT_EQ(s.cluster.status(s.follower(0)).role, MemberRole::leader);
}

TEST(Elections, a_lone_survivor_does_not_wait_for_those_who_said_goodbye) {
  Settled s;
  const std::size_t left = s.follower(0);
  for (std::size_t i = 0; i < 3; ++i)
    if (i != left) s.cluster.crash(i, Loss::departed, 1ms);
  EXPECT_TRUE(s.cluster.run_until([&] { return s.cluster.status(left).role == MemberRole::leader; }, 3s));
}

TEST(Elections, with_a_floor_a_failed_machine_costs_no_more_than_a_dead_member) {
  Settled s({.floor = 2});
  s.cluster.execute(s.lead, "one");
  s.cluster.run_for(700ms);
  s.cluster.engine(s.follower()).stop(s.cluster.now(), "the machine threw");
  s.cluster.step(s.follower());
  // It comes back with nothing, and can only abstain.
  s.cluster.crash(s.lead);
  s.cluster.boot(s.lead);
  s.cluster.bond_all();
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.leader() == s.follower(1); }, 20s)) << s.cluster.describe();
  const auto call = s.cluster.execute(s.follower(1), "two");
  s.cluster.run_for(1s);
  EXPECT_NE(s.cluster.answered<Committed>(s.follower(1), call), nullptr);
}

TEST(Elections, with_a_floor_who_alone_has_the_newest_entry_is_not_kept_from_leading_by_a_failed_machine) {
  Settled s({.cpp = 5, .floor = 3});
  const std::size_t newest = s.follower(0);
  const std::size_t failed = s.follower(3);
  s.cluster.engine(failed).stop(s.cluster.now(), "the machine threw");
  s.cluster.step(failed);
  s.cluster.lets_pass = [&](std::size_t from, std::size_t to, const consensus::Message&) {
    return from != s.lead || to == newest;
  };
  s.cluster.execute(s.lead, "newest");
  s.cluster.run_for(10ms);
  s.cluster.crash(s.lead);
  s.cluster.lets_pass = nullptr;
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.leader() == newest; }, 60s)) << s.cluster.describe();
}

TEST(Elections, a_restarted_member_remembers_how_large_its_group_was) {
  Settled s;
  const std::size_t left = s.follower(0);
  for (std::size_t i = 0; i < 3; ++i) s.cluster.crash(i, Loss::proven, 1ms);
  s.cluster.run_for(1s);
  s.cluster.boot(left);
  s.cluster.run_for(20s);
  EXPECT_NE(s.cluster.status(left).role, MemberRole::leader);
  s.cluster.run_for(20s);
  EXPECT_EQ(s.cluster.status(left).role, MemberRole::leader);
}

TEST(Elections, never_happen_below_the_floor) {
  Settled s({.floor = 2});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = i + 1; j < 3; ++j) s.cluster.cut(i, j);
  s.cluster.run_for(120s);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NE(s.cluster.status(i).role, MemberRole::leader) << "a leader without its floor steps down";
    EXPECT_FALSE(s.cluster.status(i).online);
  }
  s.cluster.heal();
  EXPECT_TRUE(s.cluster.run_until([&] { return s.cluster.agreed(); }, 10s)) << s.cluster.describe();
}

TEST(Elections, observers_never_lead) {
  Cluster cluster(3, {.preference = Preference::observer});
  cluster.boot_all();
  cluster.bond_all();
  cluster.run_for(30s);
  EXPECT_FALSE(cluster.leader());
}

TEST(Replication, commits_on_all_and_answers_with_the_place) {
  Settled s;
  const auto first = s.cluster.execute(s.lead, "one");
  const auto second = s.cluster.execute(s.follower(0), "two");
  s.cluster.run_for(100ms);
  const auto* one = s.cluster.answered<Committed>(s.lead, first);
  const auto* two = s.cluster.answered<Committed>(s.follower(0), second);
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(one->range, (IndexRange{Index{1}, Index{1}}));
  EXPECT_EQ(two->range, (IndexRange{Index{2}, Index{2}}));
  s.cluster.expect_equal_values();
  EXPECT_EQ(s.cluster.values(s.follower(1)).size(), 2U);
}

TEST(Replication, takes_one_round_trip_for_a_commit) {
  Settled s({.delay_least = 1ms, .delay_most = 1ms, .machine_most = 0ns});
  s.cluster.run_for(600ms);
  const auto call = s.cluster.execute(s.lead, "fast");
  const Mono before = s.cluster.now().mono;
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.outcome(s.lead, call) != nullptr; }, 1s));
  EXPECT_EQ(s.cluster.now().mono - before, 2ms);
  const auto forwarded = s.cluster.execute(s.follower(), "from afar");
  const Mono then = s.cluster.now().mono;
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.outcome(s.follower(), forwarded) != nullptr; }, 1s));
  EXPECT_EQ(s.cluster.now().mono - then, 4ms) << "there, one round trip, and the commit is told at once";
}

TEST(Replication, keeps_a_batch_together_over_many_messages) {
  Settled s;
  std::vector<Blob> commands;
  for (int i = 0; i < 100; ++i) commands.push_back(text(std::string(20'000, static_cast<char>('a' + i % 26))));
  std::size_t largest = 0;
  s.cluster.on_sent = [&](std::size_t, std::size_t, const consensus::Message& message) {
    if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) {
      std::size_t size = 0;
      for (const auto& entry : append->entries) size += entry_bytes(entry);
      largest = std::max(largest, size);
    }
  };
  const auto call = s.cluster.execute(s.follower(), commands);
  s.cluster.run_for(200ms);
  const auto* done = s.cluster.answered<Committed>(s.follower(), call);
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->range.size(), 100U);
  EXPECT_LE(largest, limits::append_bytes);
  EXPECT_GT(largest, limits::append_bytes / 2);
}

TEST(Replication, two_members_need_both) {
  Cluster cluster(4, {.cpp = 2});
  cluster.boot_all();
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s));
  const std::size_t lead = *cluster.leader();
  cluster.lets_pass = [&](std::size_t from, std::size_t, const consensus::Message&) { return from == lead; };
  const auto call = cluster.execute(lead, "x", 1s);
  cluster.run_for(900ms);
  EXPECT_EQ(cluster.outcome(lead, call), nullptr) << "without the other's acknowledgement nothing is committed";
  cluster.run_for(200ms);
  ASSERT_NE(cluster.answered<Unknown>(lead, call), nullptr);
}

TEST(Replication, a_leader_that_lost_all_by_silence_does_not_commit_alone) {
  Settled s;
  s.cluster.isolate(s.lead);
  const auto call = s.cluster.execute(s.lead, "x", 20s);
  s.cluster.run_for(21s);
  EXPECT_NE(s.cluster.answered<Unknown>(s.lead, call), nullptr);
}

TEST(Replication, a_leader_whose_followers_said_goodbye_commits_alone) {
  Settled s;
  for (std::size_t i = 0; i < 3; ++i)
    if (i != s.lead) s.cluster.crash(i, Loss::departed, 1ms);
  s.cluster.run_for(10ms);
  const auto call = s.cluster.execute(s.lead, "x");
  s.cluster.run_for(10ms);
  EXPECT_NE(s.cluster.answered<Committed>(s.lead, call), nullptr);
}

TEST(Replication, a_broken_bond_is_repaired_without_catch_up) {
  Settled s;
  const std::size_t follower = s.follower();
  s.cluster.execute(s.lead, "before");
  s.cluster.run_for(50ms);
  s.cluster.unbond(std::min(s.lead, follower), std::max(s.lead, follower), Loss::presumed);
  s.cluster.run_for(1ms);
  const auto call = s.cluster.execute(s.lead, "meanwhile");
  s.cluster.run_for(50ms);
  ASSERT_NE(s.cluster.answered<Committed>(s.lead, call), nullptr) << "the other follower is enough";
  bool fetched = false;
  s.cluster.on_sent = [&](std::size_t, std::size_t, const consensus::Message& message) {
    fetched = fetched || std::holds_alternative<consensus::FetchEntriesRequest>(message);
  };
  s.cluster.bond_all();
  s.cluster.run_for(50ms);
  EXPECT_EQ(s.cluster.values(follower).size(), 2U) << s.cluster.describe();
  EXPECT_FALSE(fetched);
}

TEST(CatchUp, a_joiner_gets_everything_and_comes_online) {
  Cluster cluster(8, {.cpp = 3, .batch = 7});
  cluster.boot(0);
  cluster.boot(1);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s));
  for (int i = 0; i < 200; ++i) cluster.execute(*cluster.leader(), std::to_string(i));
  cluster.run_for(100ms);
  cluster.boot(2);
  cluster.bond_all();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 500ms)) << cluster.describe();
  EXPECT_EQ(cluster.values(2).size(), 200U);
  cluster.expect_equal_values();
}

TEST(CatchUp, a_hundred_thousand_entries_take_less_than_five_seconds) {
  Cluster cluster(5, {.cpp = 3, .delay_least = 1ms, .delay_most = 1ms});
  cluster.boot(0);
  cluster.boot(1);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s));
  for (int batch = 0; batch < 100; ++batch) {
    std::vector<Blob> commands(1000, text("0123456789abcdef"));
    cluster.execute(*cluster.leader(), std::move(commands), 60s);
  }
  ASSERT_TRUE(
      cluster.run_until([&] { return cluster.agreed() && cluster.status(0).committed == Index{100'000}; }, 60s));
  cluster.boot(2);
  cluster.bond_all();
  const Mono before = cluster.now().mono;
  ASSERT_TRUE(cluster.run_until([&] { return cluster.status(2).online; }, 30s)) << cluster.describe();
  EXPECT_LT(cluster.now().mono - before, 5s);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 5s)) << cluster.describe();
  cluster.expect_equal_values();
}

TEST(CatchUp, gives_up_nothing_that_it_shares_with_its_leader) {
  Cluster cluster(9, {.cpp = 3, .floor = 2, .durable = true, .batch = 1});
  const auto log = [](std::size_t shared, std::size_t own, std::string_view what, Term term) {
    consensus::Restored out{.term = term, .ballot = {}, .entries = {}};
    for (std::size_t i = 0; i < shared + own; ++i)
      out.entries.push_back({i < shared ? Term{1} : term, text(i < shared ? "shared" : what)});
    return out;
  };
  // After a restart of all nobody knows what is committed; the first two have acknowledged the shared entries.
  cluster.member(0).disk = log(20, 5, "leader's", Term{3});
  cluster.member(1).disk = log(20, 2, "own", Term{2});
  Index shortest{22};
  cluster.boot_all();
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until(
      [&] {
        shortest = std::min(shortest, cluster.engine(1).log().last_index());
        return cluster.agreed();
      },
      20s))
      << cluster.describe();
  EXPECT_EQ(cluster.leader(), 0U);
  EXPECT_EQ(shortest, Index{20}) << "what it has acknowledged may be promised: it stays until the leader denies it";
}

TEST(CatchUp, goes_on_under_load_and_when_the_leader_dies) {
  Cluster cluster(6, {.cpp = 4, .batch = 7});
  for (std::size_t i = 0; i < 3; ++i) cluster.boot(i);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s));
  const auto load = [&] {
    for (int i = 0; i < 20; ++i)
      if (const auto lead = cluster.leader()) cluster.execute(*lead, "load");
    cluster.run_for(5ms);
  };
  for (int i = 0; i < 50; ++i) load();
  cluster.boot(3);
  cluster.bond_all();
  for (int i = 0; i < 10; ++i) load();
  cluster.crash(*cluster.leader());
  for (int i = 0; i < 100; ++i) load();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 10s)) << cluster.describe();
  EXPECT_GT(cluster.values(3).size(), 1000U);
  cluster.expect_equal_values();
}

TEST(Reads, weak_ones_see_what_was_executed_here_before) {
  Settled s;
  const auto call = s.cluster.execute(s.follower(), "one");
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.answered<Committed>(s.follower(), call) != nullptr; }, 1s));
  const auto read = s.cluster.query(s.follower(), Consistency::weak);
  s.cluster.run_for(50ms);
  const auto* answer = s.cluster.answered<Read>(s.follower(), read);
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(text(answer->result), "1");
  EXPECT_EQ(answer->position, Index{1});
}

TEST(Reads, strong_ones_are_answered_by_the_leader) {
  Settled s;
  s.cluster.execute(s.lead, "one");
  s.cluster.run_for(10ms);
  const auto here = s.cluster.query(s.lead, Consistency::strong);
  const auto there = s.cluster.query(s.follower(), Consistency::strong);
  s.cluster.run_for(50ms);
  for (const auto& [member, call] : {std::pair(s.lead, here), std::pair(s.follower(), there)}) {
    const auto* answer = s.cluster.answered<Read>(member, call);
    ASSERT_NE(answer, nullptr) << member;
    EXPECT_EQ(text(answer->result), "1");
  }
}

TEST(Reads, strong_ones_are_not_answered_by_a_leader_that_nobody_confirms) {
  Settled s;
  s.cluster.execute(s.lead, "one");
  s.cluster.run_for(10ms);
  s.cluster.lets_pass = [&](std::size_t from, std::size_t to, const consensus::Message&) {
    return from != s.lead && to != s.lead;
  };
  const auto read = s.cluster.query(s.lead, Consistency::strong, 1s);
  s.cluster.run_for(1100ms);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, read), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.lead, read)->why, Refusal::expired);
}

TEST(Reads, strong_ones_whose_answer_could_not_travel_end_with_limit_where_they_were_asked_and_in_silence_elsewhere) {
  Settled s;
  s.cluster.machine_answer = Blob::copy(std::vector<std::uint8_t>(limits::answer_bytes + 1));
  const auto here = s.cluster.query(s.lead, Consistency::strong);
  const auto there = s.cluster.query(s.follower(), Consistency::strong);
  const auto weak = s.cluster.query(s.follower(), Consistency::weak);
  std::size_t largest = 0;
  s.cluster.on_sent = [&](std::size_t, std::size_t, const consensus::Message& message) {
    if (const auto* response = std::get_if<consensus::QueryResponse>(&message))
      largest = std::max(largest, response->result.size());
  };
  s.cluster.run_for(6s);
  ASSERT_NE(s.cluster.answered<consensus::QueryFailed>(s.lead, here), nullptr);
  EXPECT_EQ(s.cluster.answered<consensus::QueryFailed>(s.lead, here)->error.code, Errc::limit);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.follower(), there), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.follower(), there)->why, Refusal::expired);
  EXPECT_NE(s.cluster.answered<Read>(s.follower(), weak), nullptr) << "it travels nowhere";
  EXPECT_EQ(largest, 0U);
  s.cluster.machine_answer = Blob::copy(std::vector<std::uint8_t>(limits::answer_bytes));
  const auto fits = s.cluster.query(s.follower(), Consistency::strong);
  s.cluster.run_for(1s);
  EXPECT_NE(s.cluster.answered<Read>(s.follower(), fits), nullptr);
}

TEST(Reads, on_their_way_to_the_leader_are_bounded_in_bytes) {
  Settled s;
  s.cluster.lets_pass = [](std::size_t, std::size_t, const consensus::Message& message) {
    return !std::holds_alternative<consensus::ForwardQuery>(message);
  };
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 2 * limits::forwarded_bytes / limits::query_bytes; ++i) {
    const auto call = s.cluster.query(s.follower(), Consistency::strong, 1s,
                                      Blob::copy(std::vector<std::uint8_t>(limits::query_bytes)));
    if (const auto* no = s.cluster.answered<NotApplied>(s.follower(), call))
      refused += no->why == Refusal::full ? 1U : 0U;
  }
  EXPECT_EQ(refused, limits::forwarded_bytes / limits::query_bytes);
  s.cluster.run_for(2s);
  s.cluster.lets_pass = nullptr;
  const auto call = s.cluster.query(s.follower(), Consistency::strong);
  s.cluster.run_for(1s);
  EXPECT_NE(s.cluster.answered<Read>(s.follower(), call), nullptr) << "their places are free again";
}

TEST(Reads, whose_time_is_over_are_not_piled_up_before_a_slow_machine) {
  Cluster cluster(3, {.cpp = 1});
  cluster.boot(0);
  ASSERT_TRUE(cluster.run_until([&] { return cluster.status(0).role == MemberRole::leader; }, 6s));
  auto& machine = *cluster.member(0).c;
  const Blob large = Blob::copy(std::vector<std::uint8_t>(1U << 20U));
  const auto ask_much = [&] {
    std::size_t full = 0;
    for (std::size_t i = 0; i < 2 * limits::waiting_query_bytes / large.size(); ++i) {
      const auto call = cluster.query(0, Consistency::weak, 1s, large);
      if (const auto* no = cluster.answered<NotApplied>(0, call)) full += no->why == Refusal::full ? 1U : 0U;
    }
    return full;
  };
  machine.machine_busy = true;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(ask_much(), limits::waiting_query_bytes / large.size()) << "half of them have room";
    cluster.run_for(2s);
    EXPECT_EQ(machine.work.size(), limits::asking_bytes / large.size());
  }
  machine.machine_busy = false;
  const auto call = cluster.query(0, Consistency::weak, 5s);
  cluster.run_for(1s);
  EXPECT_NE(cluster.answered<Read>(0, call), nullptr) << cluster.describe();
  EXPECT_TRUE(machine.work.empty());
}

TEST(Barriers, committed_commands__are_applied_when_they_pass) {
  Settled s;
  const auto call = s.cluster.execute(s.lead, "one");
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.answered<Committed>(s.lead, call) != nullptr; }, 1s));
  for (const std::size_t member : {s.lead, s.follower()}) {
    const auto barrier = s.cluster.barrier(member);
    ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.outcome(member, barrier) != nullptr; }, 1s)) << member;
    ASSERT_NE(s.cluster.answered<Passed>(member, barrier), nullptr) << member;
    EXPECT_EQ(s.cluster.answered<Passed>(member, barrier)->position, Index{1});
    EXPECT_EQ(s.cluster.values(member).size(), 1U);
  }
}

TEST(Barriers, slow_machine__is_waited_for) {
  Settled s;
  const std::size_t member = s.follower();
  auto& machine = *s.cluster.member(member).c;
  machine.machine_busy = true;
  s.cluster.execute(s.lead, "one");
  s.cluster.run_for(1s);
  const auto barrier = s.cluster.barrier(member, 10s);
  s.cluster.run_for(2s);
  EXPECT_EQ(s.cluster.outcome(member, barrier), nullptr);
  machine.machine_busy = false;
  s.cluster.step(member);
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.outcome(member, barrier) != nullptr; }, 1s));
  EXPECT_NE(s.cluster.answered<Passed>(member, barrier), nullptr);
}

TEST(Barriers, leader_that_nobody_confirms__does_not_pass) {
  Settled s;
  s.cluster.lets_pass = [&](std::size_t from, std::size_t to, const consensus::Message&) {
    return from != s.lead && to != s.lead;
  };
  const auto barrier = s.cluster.barrier(s.lead, 1s);
  s.cluster.run_for(1100ms);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, barrier), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.lead, barrier)->why, Refusal::expired);
}

TEST(Barriers, leader_of_the_crate__is_refused) {
  Cluster cluster(1, {.cpp = 1, .rust = 2});
  for (const std::size_t member : {1U, 2U}) cluster.boot(member);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 20s)) << cluster.describe();
  cluster.boot(0);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed(); }, 20s)) << cluster.describe();
  const auto barrier = cluster.barrier(0);
  ASSERT_NE(cluster.answered<QueryFailed>(0, barrier), nullptr);
  EXPECT_EQ(cluster.answered<QueryFailed>(0, barrier)->error.code, Errc::refused);
}

TEST(Reads, that_wait_for_a_history_end_with_it) {
  Cluster cluster(3, {.cpp = 2, .machine_most = 100s});
  cluster.boot_all();
  cluster.run_for(6s);
  // More than the machine is given at a time.
  for (std::size_t i = 0; i < limits::applying_bytes / limits::command_bytes + 2; ++i)
    cluster.execute(1, {Blob::copy(std::vector<std::uint8_t>(limits::command_bytes))}, 60s);
  const auto read = cluster.query(1, Consistency::weak, 60s);
  for (int i = 0; i < 10; ++i) cluster.execute(0, "longer", 60s);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.status(1).diverged > 0; }, 10s)) << cluster.describe();
  ASSERT_NE(cluster.answered<NotApplied>(1, read), nullptr);
  EXPECT_EQ(cluster.answered<NotApplied>(1, read)->why, Refusal::offline);
}

TEST(Calls, wait_for_a_leader_as_long_as_they_may) {
  Cluster cluster(7, {});
  cluster.boot_all();
  const auto call = cluster.execute(0, "x", 1s);
  const auto read = cluster.query(0, Consistency::strong, 1s);
  cluster.run_for(990ms);
  EXPECT_EQ(cluster.outcome(0, call), nullptr);
  cluster.run_for(20ms);
  ASSERT_NE(cluster.answered<NotApplied>(0, call), nullptr);
  EXPECT_EQ(cluster.answered<NotApplied>(0, call)->why, Refusal::offline);
  ASSERT_NE(cluster.answered<NotApplied>(0, read), nullptr);
  EXPECT_EQ(cluster.answered<NotApplied>(0, read)->why, Refusal::offline);
}

TEST(Calls, of_every_member_are_committed_in_their_order_when_there_is_a_leader) {
  Cluster cluster(7, {});
  cluster.boot_all();
  std::vector<std::pair<std::size_t, std::uint64_t>> calls;
  for (int n = 0; n < 3; ++n)
    for (std::size_t i = 0; i < cluster.size(); ++i)
      calls.emplace_back(i, cluster.execute(i, std::to_string(i) + "/" + std::to_string(n), 20s));
  const auto read = cluster.query(0, Consistency::strong, 20s);
  cluster.bond_all();
  ASSERT_TRUE(cluster.run_until([&] { return cluster.agreed() && cluster.outcome(0, read) != nullptr; }, 15s));
  cluster.run_for(1s);
  std::map<std::size_t, Index> last;
  for (const auto& [i, call] : calls) {
    const auto* committed = cluster.answered<Committed>(i, call);
    ASSERT_NE(committed, nullptr) << i;
    EXPECT_GT(committed->range.first, last[i]);
    last[i] = committed->range.first;
  }
  EXPECT_NE(cluster.answered<Read>(0, read), nullptr);
}

TEST(Elections, a_long_message_of_the_leader_that_still_comes_is_a_leader_that_is_heard) {
  Settled settled;
  Cluster& cluster = settled.cluster;
  consensus::Engine& engine = cluster.engine(settled.follower());
  const PeerId leader = cluster.member(settled.lead).id;
  Now now = cluster.now();
  const auto grow = [&](std::array<std::uint8_t, 3> head) {
    for (int n = 0; n < 20; ++n) {
      now.mono += 500ms;
      engine.on_growing(now, leader, head);
      engine.on_timer(now);
    }
    return engine.status().elections;
  };
  const std::uint64_t before = engine.status().elections;
  EXPECT_EQ(grow({5, 0, 0}), before) << "AppendEntries";
  EXPECT_EQ(grow({5, 5, 3}), before) << "entries for catch-up";
  EXPECT_EQ(engine.status().leader, leader);
  EXPECT_GT(grow({5, 4, 0}), before) << "a forwarded command is not of a leader";
}

TEST(Elections, the_last_one_leads_soon_after_the_others_deaths_are_proven) {
  for (const Loss loss : {Loss::proven, Loss::presumed}) {
    for (const bool was_leader : {true, false}) {
      Settled settled;
      Cluster& cluster = settled.cluster;
      const std::size_t last = was_leader ? settled.lead : settled.follower();
      for (std::size_t i = 0; i < cluster.size(); ++i)
        if (i != last) cluster.crash(i, loss, 1ms);
      cluster.run_for(5ms);
      const auto call = cluster.execute(last, "alone", 60s);
      const auto done = [&] { return cluster.answered<Committed>(last, call) != nullptr; };
      const bool soon = cluster.run_until(done, 4s);
      EXPECT_EQ(soon, loss == Loss::proven) << was_leader;
      EXPECT_TRUE(cluster.run_until(done, 40s)) << cluster.describe();
    }
  }
}

TEST(Elections, a_fresh_member_beside_stopped_ones_begins_no_history) {
  Settled settled;
  Cluster& cluster = settled.cluster;
  cluster.execute(settled.lead, "kept");
  cluster.run_for(2s);
  const std::size_t fresh = settled.follower();
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    if (i == fresh) continue;
    cluster.engine(i).stop(cluster.now(), "the machine threw");
    cluster.step(i);
  }
  cluster.crash(fresh, Loss::proven, 1ms);
  cluster.run_for(1s);
  cluster.boot(fresh);
  cluster.heal();
  cluster.run_for(100s);
  EXPECT_NE(cluster.status(fresh).role, MemberRole::leader);
  EXPECT_EQ(cluster.status(fresh).waiting, Waiting::history);
  for (std::size_t i = 0; i < cluster.size(); ++i)
    if (i != fresh) cluster.crash(i, Loss::proven, 1ms);
  EXPECT_TRUE(cluster.run_until([&] { return cluster.status(fresh).role == MemberRole::leader; }, 50s));
}

TEST(Elections, with_a_floor_the_last_one_never_leads) {
  Settled settled({.floor = 2});
  Cluster& cluster = settled.cluster;
  const std::size_t last = settled.follower();
  for (std::size_t i = 0; i < cluster.size(); ++i)
    if (i != last) cluster.crash(i, Loss::proven, 1ms);
  cluster.run_for(100s);
  EXPECT_NE(cluster.status(last).role, MemberRole::leader);
}

TEST(Calls, that_were_forwarded_to_a_cpp_leader_wait_for_it_as_long_as_they_may) {
  Settled settled;
  Cluster& cluster = settled.cluster;
  consensus::Engine& engine = cluster.engine(settled.follower());
  Now now = cluster.now();
  engine.call(now, {77}, consensus::Execute{{Blob::copy(std::vector<std::uint8_t>{1})}}, now.mono + 8s);
  const auto ended = [&] {
    engine.on_timer(now);
    return std::ranges::any_of(engine.take_actions(),
                               [](const auto& action) { return std::holds_alternative<consensus::Answer>(action); });
  };
  for (int n = 0; n < 7; ++n) {
    EXPECT_FALSE(ended()) << n;
    now.mono += 1s;
    engine.on_growing(now, cluster.member(settled.lead).id, std::array<std::uint8_t, 3>{5, 0, 0});
  }
  now.mono += 1s;
  EXPECT_TRUE(ended());
}

TEST(Calls, are_refused_by_size_with_nothing_sent) {
  Settled s;
  const auto large = s.cluster.execute(s.lead, {Blob::copy(std::vector<std::uint8_t>(limits::command_bytes + 1))});
  const auto none = s.cluster.execute(s.lead, std::vector<Blob>{});
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, large), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.lead, large)->why, Refusal::too_large);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, none), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.lead, none)->why, Refusal::empty);
  const auto most = s.cluster.execute(s.follower(), {Blob::copy(std::vector<std::uint8_t>(limits::command_bytes))});
  s.cluster.run_for(100ms);
  EXPECT_NE(s.cluster.answered<Committed>(s.follower(), most), nullptr) << "8 MiB is fine";
}

TEST(Calls, push_back_when_too_much_waits) {
  Settled s;
  s.cluster.lets_pass = [](std::size_t, std::size_t, const consensus::Message&) { return false; };
  std::size_t refused = 0;
  for (int i = 0; i < 12; ++i) {
    const auto call = s.cluster.execute(s.lead, {Blob::copy(std::vector<std::uint8_t>(limits::command_bytes))});
    if (const auto* no = s.cluster.answered<NotApplied>(s.lead, call)) refused += no->why == Refusal::full ? 1U : 0U;
  }
  EXPECT_EQ(refused, 8U) << "32 MiB of 96 fit";
}

TEST(Calls, of_a_new_term_have_room_behind_what_an_old_leader_left) {
  Settled s({.floor = 2});
  const std::size_t next = s.follower(0);
  // The leader's entries arrive, and it hears of that no more.
  s.cluster.lets_pass = [&](std::size_t, std::size_t to, const consensus::Message&) { return to != s.lead; };
  for (std::size_t i = 0; i < limits::uncommitted_bytes / limits::command_bytes; ++i)
    s.cluster.execute(s.lead, {Blob::copy(std::vector<std::uint8_t>(limits::command_bytes))});
  s.cluster.run_for(200ms);
  s.cluster.crash(s.lead);
  s.cluster.lets_pass = nullptr;
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.leader().has_value(); }, 10s)) << s.cluster.describe();
  const std::size_t lead = *s.cluster.leader();
  ASSERT_EQ(s.cluster.engine(lead).log().bytes(), limits::uncommitted_bytes) << next;
  const auto call = s.cluster.execute(lead, "settles it");
  s.cluster.run_for(2s);
  EXPECT_NE(s.cluster.answered<Committed>(lead, call), nullptr);
}

TEST(Calls, of_the_other_go_on_when_one_of_two_has_a_machine_that_failed) {
  for (const bool leader_fails : {false, true}) {
    SCOPED_TRACE(leader_fails);
    Settled s({.cpp = 2});
    const std::size_t failed = leader_fails ? s.lead : s.follower();
    const std::size_t other = leader_fails ? s.follower() : s.lead;
    s.cluster.engine(failed).stop(s.cluster.now(), "the machine threw");
    s.cluster.step(failed);
    ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.status(other).role == MemberRole::leader; }, 10s));
    const auto call = s.cluster.execute(other, "on", 2s);
    s.cluster.run_for(2s);
    EXPECT_NE(s.cluster.answered<Committed>(other, call), nullptr) << s.cluster.describe();
  }
}

TEST(Calls, do_not_go_on_below_the_floor_when_a_machine_failed) {
  Settled s({.cpp = 2, .floor = 2});
  s.cluster.engine(s.follower()).stop(s.cluster.now(), "the machine threw");
  s.cluster.step(s.follower());
  const auto call = s.cluster.execute(s.lead, "alone", 2s);
  s.cluster.run_for(3s);
  EXPECT_NE(s.cluster.answered<Unknown>(s.lead, call), nullptr);
}

TEST(Calls, end_as_overwritten_when_another_leader_took_the_place) {
  Settled s;
  s.cluster.execute(s.lead, "base");
  s.cluster.run_for(700ms);
  const std::size_t old = s.lead;
  s.cluster.isolate(old);
  s.cluster.run_for(1ms);
  const auto lost = s.cluster.execute(old, "lost", 60s);
  ASSERT_TRUE(s.cluster.run_until(
      [&] {
        return s.cluster.status(s.follower(0)).role == MemberRole::leader ||
               s.cluster.status(s.follower(1)).role == MemberRole::leader;
      },
      8s));
  const std::size_t lead = s.cluster.status(s.follower(0)).role == MemberRole::leader ? s.follower(0) : s.follower(1);
  s.cluster.execute(lead, "won");
  s.cluster.run_for(100ms);
  s.cluster.heal();
  ASSERT_TRUE(s.cluster.run_until([&] { return s.cluster.outcome(old, lost) != nullptr; }, 10s));
  ASSERT_NE(s.cluster.answered<NotApplied>(old, lost), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(old, lost)->why, Refusal::overwritten);
  EXPECT_EQ(s.cluster.status(old).overwritten, 1U);
}

TEST(Calls, end_when_the_group_stops) {
  Settled s;
  s.cluster.lets_pass = [](std::size_t, std::size_t, const consensus::Message&) { return false; };
  const auto placed = s.cluster.execute(s.lead, "x");
  const auto read = s.cluster.query(s.lead, Consistency::strong);
  s.cluster.engine(s.lead).stop(s.cluster.now(), "the machine failed");
  const auto late = s.cluster.execute(s.lead, "y");
  ASSERT_NE(s.cluster.answered<Unknown>(s.lead, placed), nullptr);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, read), nullptr);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, late), nullptr);
  EXPECT_EQ(s.cluster.answered<NotApplied>(s.lead, late)->why, Refusal::stopped);
}

TEST(Calls, end_when_the_disk_fails_and_the_others_go_on_under_another_leader) {
  Settled s({.floor = 2, .durable = true});
  const auto waiting = s.cluster.execute(s.lead, "x");
  s.cluster.engine(s.lead).on_persist_failed(s.cluster.now(), "the disk is full");
  const auto late = s.cluster.execute(s.lead, "y");
  ASSERT_NE(s.cluster.answered<Unknown>(s.lead, waiting), nullptr);
  EXPECT_EQ(s.cluster.answered<Unknown>(s.lead, waiting)->why, consensus::Doubt::stopped);
  ASSERT_NE(s.cluster.answered<NotApplied>(s.lead, late), nullptr);
  const auto& events = s.cluster.member(s.lead).c->events;
  EXPECT_TRUE(std::ranges::any_of(events, [](const consensus::Event& event) {
    const auto* stopped = std::get_if<consensus::Stopped>(&event);
    return stopped != nullptr && stopped->reason == "the disk is full";
  }));
  EXPECT_TRUE(s.cluster.run_until([&] { return s.cluster.leader().value_or(s.lead) != s.lead; }, 15s))
      << s.cluster.describe();
}

}  // namespace
}  // namespace mosaik::test
