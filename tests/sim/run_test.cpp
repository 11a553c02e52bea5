// Whole runs: the same number gives the same world, in both tiers.

#include "sim/run.hpp"

#include <gtest/gtest.h>

namespace mosaik::sim {
namespace {

TEST(JoinStorm, ends_in_a_whole_mesh) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Outcome out = run_seed(*find_scenario("join-storm"), seed, {});
    EXPECT_FALSE(out.failure.has_value())
        << "seed " << seed << ": " << out.failure->invariant << ": " << out.failure->text;
  }
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

}  // namespace
}  // namespace mosaik::sim
