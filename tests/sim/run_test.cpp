// Whole runs: the same number gives the same world, in both tiers, and no world breaks an invariant.

#include "sim/farm/run.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "sim/farm/farm.hpp"
#include "sim/farm/trace.hpp"
#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {
namespace {

void passes(const Scenario& scenario, std::uint64_t seed, const RunOptions& options = {}) {
  const Outcome out = run_seed(scenario, seed, options);
  EXPECT_FALSE(out.failure.has_value()) << "mosaik-sim --scenario " << scenario.name << " --seed " << seed << ": "
                                        << out.failure->invariant << ": " << out.failure->text;
}

TEST(EveryScenario, holds_for_a_known_and_a_fresh_seed) {
  const std::uint64_t fresh = std::random_device{}();
  for (const Scenario* scenario : all_scenarios()) {
    if (scenario->chaos > 100s) continue;  // the farm has time for those
    passes(*scenario, 1);
    passes(*scenario, fresh);
  }
}

TEST(EveryScenario, has_a_name_of_its_own_and_a_workload_that_there_is) {
  std::set<std::string_view> names;
  for (const Scenario* scenario : all_scenarios()) {
    EXPECT_TRUE(names.insert(scenario->name).second) << scenario->name;
    EXPECT_EQ(find_scenario(scenario->name), scenario);
    EXPECT_TRUE(scenario->workload.empty() || make_workload(scenario->workload) != nullptr) << scenario->workload;
  }
}

TEST(AQuietHour, has_one_election_under_load) {
  Scenario hour = *find_scenario("raft-quiet");
  hour.chaos = 3600s;
  hour.nodes_least = hour.nodes_most = 3;
  hour.sky = Sky::calm;  // nothing is refused at random
  // The workload fails the run when a member changes its role though nothing happened.
  passes(hour, 1);
}

TEST(RealQuic, carries_the_same_worlds) {
  RunOptions options;
  options.tier = Tier::quic;
  passes(*find_scenario("join-storm"), 2, options);
  passes(*find_scenario("everything"), 2, options);
  passes(*find_scenario("raft-everything"), 2, options);
}

TEST(ASeed, gives_the_same_digest_again) {
  for (const Tier tier : {Tier::links, Tier::quic}) {
    RunOptions options;
    options.tier = tier;
    const Outcome first = run_seed(*find_scenario("leave-and-join-storm"), 7, options);
    const Outcome second = run_seed(*find_scenario("leave-and-join-storm"), 7, options);
    EXPECT_EQ(first.digest, second.digest);
    EXPECT_EQ(first.lines, second.lines);
    EXPECT_NE(first.digest, run_seed(*find_scenario("leave-and-join-storm"), 8, options).digest);
  }
}

TEST(Decisions, are_told_with_their_reasons_and_enter_no_digest) {
  RunOptions options;
  const Outcome without = run_seed(*find_scenario("raft-everything"), 7, options);
  EXPECT_TRUE(without.decisions.empty());
  std::set<std::string> told;
  options.decisions = true;
  options.echo_decisions = [&](const std::string& line) {
    for (const char* const what : {"dial_begun", "vote_granted", "lead (votes_suffice)", "suspected", "sync_begun"})
      if (line.find(what) != std::string::npos) told.insert(what);
  };
  const Outcome with = run_seed(*find_scenario("raft-everything"), 7, options);
  EXPECT_EQ(with.digest, without.digest);
  EXPECT_EQ(with.canonical, without.canonical);
  EXPECT_EQ(with.decisions.size(), Trace::kept);
  EXPECT_EQ(told.size(), 5U);
}

TEST(APlan, can_be_cut_down_and_run_again) {
  const Job job{find_scenario("everything"), 3, false};
  const Plan all = plan_of(*job.scenario, job.seed, {});
  ASSERT_GE(all.size(), 4U);
  const Plan kept = keep_faults(job, {}, {0, 2});
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(to_text(kept[1]), to_text(all[2]));
  RunOptions options;
  options.plan = Plan{};
  const Outcome without = run_seed(*job.scenario, job.seed, options);
  EXPECT_FALSE(without.failure.has_value());
  EXPECT_EQ(without.tally.counts.count("presumed ends"), 0U) << "without faults nobody is presumed dead";
}

TEST(Shrinking, finds_the_faults_that_are_enough) {
  // A deadline that is over before the heal: whoever is cut off then has missed it.
  Scenario impossible = *find_scenario("partitions");
  impossible.chaos = 8s;
  impossible.whole_within = -70s;
  impossible.acquaintance = KnownAddress::all;
  Job job{&impossible, 1, false};
  Verdict verdict;
  for (; verdict.invariant.empty() && job.seed < 40; ++job.seed) verdict = run_apart(job, {});
  --job.seed;
  ASSERT_EQ(verdict.invariant, "liveness.whole_mesh") << verdict.text;
  EXPECT_LT(shrink(job, {}, verdict.invariant).size(), plan_of(impossible, job.seed, {}).size());
}

}  // namespace
}  // namespace mosaik::sim
