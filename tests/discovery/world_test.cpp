#include "world.hpp"

namespace mosaik::discovery::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(DiscoveryWorld, twenty_nodes_that_join_one_bootstrap_peer_see_one_another_in_seconds) {
  World world;
  world.add(1);
  for (std::uint32_t n = 2; n <= 20; ++n) world.add(n, config_of({1}));
  EXPECT_TRUE(world.pass_until(10s, [&] { return world.all_see_all(); }));
  for (std::uint32_t n = 2; n <= 20; ++n) {
    EXPECT_THAT(only<Discovered>(world[n].events), SizeIs(19)) << "each once";
    EXPECT_THAT(notices(world[n].events, Notice::Kind::bootstrap_answered), SizeIs(1));
  }
}

TEST(DiscoveryWorld, nobody_ever_sees_another_older_than_150_seconds) {
  World world;
  world.add(1);
  for (std::uint32_t n = 2; n <= 6; ++n) world.add(n, config_of({1}));
  ASSERT_TRUE(world.pass_until(10s, [&] { return world.all_see_all(); }));
  Nanoseconds oldest{};
  for (int i = 0; i < 2 * 3600; ++i) {
    world.pass(1s);
    ASSERT_TRUE(world.all_see_all()) << world.elapsed().count();
    for (std::uint32_t n = 1; n <= 6; ++n)
      for (const auto& entry : world[n].core.entries(world.now(n)))
        oldest = std::max<Nanoseconds>(
            oldest, std::chrono::milliseconds(world.now(n).wall.milliseconds - entry->entry.version.updated));
  }
  EXPECT_LE(oldest, 150s);
  EXPECT_GE(oldest, 90s) << "refreshed more often than asked for";
  for (std::uint32_t n = 1; n <= 6; ++n) EXPECT_THAT(only<Departed>(world[n].events), IsEmpty());
}

TEST(DiscoveryWorld, spends_one_small_sync_a_peer_and_refresh) {
  World world;
  world.add(1);
  for (std::uint32_t n = 2; n <= 6; ++n) world.add(n, config_of({1}));
  ASSERT_TRUE(world.pass_until(10s, [&] { return world.all_see_all(); }));
  world.pass(10s);
  const std::uint64_t before = world.dials();
  world.pass(3600s);
  // 6 nodes, 5 peers each, one refresh every 90 s to 140 s; five have a bootstrap peer, which was asked a minute ago.
  EXPECT_GE(world.dials() - before, 6U * 5 * 3600 / 145);
  EXPECT_LE(world.dials() - before, 6U * 5 * 3600 / 90 + 5 * 3600 / 60);
}

TEST(DiscoveryWorld, a_node_that_dies_leaves_every_catalog_when_its_entry_is_stale) {
  World world;
  world.add(1);
  for (std::uint32_t n = 2; n <= 4; ++n) world.add(n, config_of({1}));
  ASSERT_TRUE(world.pass_until(10s, [&] { return world.all_see_all(); }));
  world.kill(3);
  world.pass(140s);
  EXPECT_TRUE(world.sees(2, 3));
  world.pass(170s);
  for (const std::uint32_t n : {1U, 2U, 4U}) {
    EXPECT_FALSE(world.sees(n, 3));
    const auto departed = only<Departed>(world[n].events);
    ASSERT_THAT(departed, SizeIs(1));
    EXPECT_FALSE(departed[0].signed_off);
  }
}

TEST(DiscoveryWorld, a_restarted_node_is_told_everything_again_and_tells_everybody) {
  World world;
  world.add(1);
  for (std::uint32_t n = 2; n <= 5; ++n) world.add(n, config_of({1}));
  ASSERT_TRUE(world.pass_until(10s, [&] { return world.all_see_all(); }));
  world.kill(1);
  world.pass(20s);
  // The bootstrap peer itself comes back, with no list and no memory: the others must find it.
  world.restart(1);
  EXPECT_TRUE(world.pass_until(150s, [&] { return world.all_see_all(); }));
  EXPECT_THAT(notices(world[1].events, Notice::Kind::same_identity), IsEmpty()) << "its own entry of before is no twin";
}

TEST(DiscoveryWorld, a_partition_longer_than_the_staleness_heals_with_nothing_but_the_bootstrap_list) {
  World world;
  world.add(1, config_of({4}));
  for (std::uint32_t n = 2; n <= 3; ++n) world.add(n, config_of({1}));
  for (std::uint32_t n = 4; n <= 6; ++n) world.add(n, config_of({1}));
  ASSERT_TRUE(world.pass_until(60s, [&] { return world.all_see_all(); }));
  for (std::uint32_t n = 4; n <= 6; ++n) world.side(n, 1);
  world.pass(1200s);
  for (std::uint32_t a = 1; a <= 3; ++a)
    for (std::uint32_t b = 4; b <= 6; ++b) EXPECT_FALSE(world.sees(a, b) || world.sees(b, a));
  world.heal();
  EXPECT_TRUE(world.pass_until(75s, [&] { return world.all_see_all(); })) << "60 s is the slowest back-off";
}

TEST(DiscoveryWorld, two_that_forgot_each_other_in_a_cut_hear_of_each_other_through_a_third_that_both_are_bonded_with) {
  World world;
  for (std::uint32_t n = 1; n <= 3; ++n) world.add(n, config_of({1}));
  world.cut(2, 3);
  for (std::uint32_t n = 2; n <= 3; ++n) world.bond(1, n);
  world.pass(1200s);
  world.heal();
  // The longest pause of a refresh, twice: 1 compares with both in turn, and each of them with 1 alone.
  EXPECT_TRUE(world.pass_until(285s, [&] { return world.all_see_all(); }));
  // None of the three says anything else of the two others: without the comparing each is forgotten for good.
  world.cut(2, 3);
  world.pass(1200s);
  EXPECT_TRUE(world.all_see_all()) << "who cannot be reached is still known, and so dialed again";
}

TEST(DiscoveryWorld, two_halves_that_started_apart_merge) {
  World world;
  for (std::uint32_t n = 1; n <= 6; ++n) world.side(n, n <= 3 ? 0 : 1);
  for (std::uint32_t n = 1; n <= 3; ++n) world.add(n, config_of({1, 4}));
  for (std::uint32_t n = 4; n <= 6; ++n) world.add(n, config_of({1, 4}));
  world.pass(3600s);
  EXPECT_FALSE(world.sees(1, 4));
  EXPECT_TRUE(world.sees(4, 6));
  world.heal();
  EXPECT_TRUE(world.pass_until(75s, [&] { return world.all_see_all(); }));
}

TEST(DiscoveryWorld, a_bootstrap_name_that_moves_is_found_at_its_new_address) {
  World world;
  world.name("seed.example", {address_of(77)});
  Config config;
  config.bootstrap = {{id_of_peer(1), "seed.example", 4433}};
  world.add(1);
  world.add(2, config);
  world.pass(60s);
  EXPECT_FALSE(world.sees(2, 1));
  world.name("seed.example", {address_of(1)});
  EXPECT_TRUE(world.pass_until(16s, [&] { return world.all_see_all(); }));
}

TEST(DiscoveryWorld, a_clock_beyond_the_drift_is_noticed_on_both_sides) {
  World world;
  world.set_clock(2, 100s);
  world.set_clock(3, -400s);
  world.add(1);
  world.add(2, config_of({1}));
  world.add(3, config_of({1}));
  world.pass(5s);
  EXPECT_FALSE(world.sees(1, 2));
  EXPECT_FALSE(world.sees(1, 3));
  EXPECT_THAT(notices(world[1].events, Notice::Kind::from_the_future), SizeIs(1));
  EXPECT_THAT(notices(world[1].events, Notice::Kind::stale_on_arrival), SizeIs(1));
  EXPECT_THAT(notices(world[3].events, Notice::Kind::from_the_future), SizeIs(1));
}

TEST(DiscoveryWorld, of_one_seed_is_the_same_twice) {
  const auto run = [] {
    World world;
    world.add(1);
    for (std::uint32_t n = 2; n <= 8; ++n) world.add(n, config_of({1}));
    world.pass(600s);
    std::vector<std::int64_t> out{static_cast<std::int64_t>(world.dials())};
    for (std::uint32_t n = 1; n <= 8; ++n) out.push_back(world[n].self.entry()->entry.version.updated);
    return out;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace mosaik::discovery::test
