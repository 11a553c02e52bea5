#include "discovery/catalog/catalog.hpp"

#include <limits>

#include "support.hpp"

namespace mosaik::discovery::test {
namespace {

CatalogRules rules(std::size_t entries = 100, std::size_t bytes = 1U << 20U, std::size_t tombstones = 100) {
  return {network, id_of_peer(0), 300s, 50s, entries, bytes, tombstones};
}

class CatalogTest : public testing::Test {
 protected:
  void TearDown() override { catalog.check_invariants(); }
  Verdict put(std::uint32_t n, std::int64_t updated_after_ms, Nanoseconds elapsed,
              Standing standing = Standing::heard_of, std::int64_t started = wall_start - 1000) {
    return catalog
        .merge(entry_of(n, {.started = started, .updated = wall_start + updated_after_ms}), standing, at(elapsed))
        .verdict;
  }
  Catalog catalog{rules()};
};

TEST_F(CatalogTest, takes_a_new_peer_and_then_only_strictly_newer_versions_of_it) {
  EXPECT_EQ(put(1, 0, 0s), Verdict::added);
  EXPECT_EQ(put(1, 0, 0s), Verdict::not_news);
  EXPECT_EQ(put(1, -1, 0s), Verdict::not_news);
  EXPECT_EQ(put(1, 1, 0s), Verdict::updated);
  EXPECT_EQ(catalog.size(), 1U);
  EXPECT_EQ(catalog.find(id_of_peer(1), at(0s))->entry.version.updated, wall_start + 1);
}

TEST_F(CatalogTest, compares_the_run_before_the_date) {
  EXPECT_EQ(put(1, 10, 0s, Standing::heard_of, wall_start - 500), Verdict::added);
  EXPECT_EQ(put(1, 20, 0s, Standing::heard_of, wall_start - 501), Verdict::not_news);
  const auto merged =
      catalog.merge(entry_of(1, {.started = wall_start - 499, .updated = wall_start}), Standing::heard_of, at(0s));
  EXPECT_EQ(merged.verdict, Verdict::updated);
  EXPECT_TRUE(merged.new_run);
}

TEST_F(CatalogTest, refuses_entries_of_another_network_and_our_own_id) {
  EXPECT_EQ(catalog.judge(entry_of(1, {.of = id_of<NetworkId>("other")})->entry, at(0s)), Verdict::wrong_network);
  EXPECT_EQ(catalog.judge(entry_of(0)->entry, at(0s)), Verdict::own_id);
}

TEST_F(CatalogTest, refuses_what_is_older_than_the_staleness_and_takes_what_is_just_that_old) {
  EXPECT_EQ(put(1, -300'001, 0s), Verdict::stale);
  EXPECT_EQ(put(1, -300'000, 0s), Verdict::added);
}

TEST_F(CatalogTest, refuses_what_is_dated_beyond_the_drift_and_takes_what_is_just_that_far) {
  EXPECT_EQ(put(1, 50'001, 0s), Verdict::from_the_future);
  EXPECT_EQ(put(1, 50'000, 0s), Verdict::added);
}

TEST_F(CatalogTest, survives_the_ends_of_the_range_of_dates) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(catalog.judge(entry_of(1, {.updated = most})->entry, at(0s)), Verdict::from_the_future);
  EXPECT_EQ(catalog.judge(entry_of(1, {.updated = least})->entry, at(0s)), Verdict::stale);
  EXPECT_EQ(catalog.judge(entry_of(1, {.updated = 8'210'266'876'799'999})->entry, at(0s)), Verdict::from_the_future);
}

TEST_F(CatalogTest, hides_and_purges_an_entry_when_it_goes_stale_by_its_date) {
  put(1, -100'000, 0s);
  EXPECT_EQ(catalog.next_stale(at(0s)), 200'001ms);
  EXPECT_TRUE(catalog.find(id_of_peer(1), at(200s)));
  EXPECT_FALSE(catalog.find(id_of_peer(1), at(200'001ms)));
  EXPECT_TRUE(catalog.entries(at(200'001ms)).empty());
  EXPECT_TRUE(catalog.purge(at(200s)).empty());
  ASSERT_EQ(catalog.purge(at(200'001ms)).size(), 1U);
  EXPECT_TRUE(catalog.empty());
  EXPECT_EQ(catalog.bytes(), 0U);
}

TEST_F(CatalogTest, ends_an_entry_by_the_boot_clock_when_the_wall_clock_jumps_back) {
  put(1, 0, 0s);
  const Now jumped = at(300s + 1ns, -200s);
  EXPECT_FALSE(catalog.find(id_of_peer(1), jumped));
  ASSERT_EQ(catalog.purge(jumped).size(), 1U);
  // Another node that still has it must not be able to hand it back for ever.
  EXPECT_EQ(catalog.judge(entry_of(1)->entry, jumped), Verdict::departed);
  EXPECT_EQ(catalog.judge(entry_of(1, {.updated = wall_start + 1})->entry, jumped), Verdict::added);
}

TEST_F(CatalogTest, lets_nothing_of_a_departed_run_return_but_the_next_run) {
  put(1, 0, 0s);
  const auto gone = catalog.depart(id_of_peer(1), wall_start - 1000, at(1s));
  ASSERT_TRUE(gone);
  EXPECT_EQ(put(1, 0, 1s), Verdict::departed);
  EXPECT_EQ(put(1, 40'000, 1s), Verdict::departed);
  EXPECT_EQ(put(1, 2000, 2s, Standing::heard_of, wall_start + 2000), Verdict::added);
}

TEST_F(CatalogTest, welcomes_a_departed_run_that_names_a_group_again) {
  const auto named = [](std::int64_t updated, bool group) {
    PeerEntry entry = entry_of(1, {.updated = wall_start + updated})->entry;
    entry.protocol = identity::protocol;
    if (group) entry.groups = {id_of<GroupId>("a group")};
    return entry;
  };
  catalog.merge(identity::sign(named(10, false), key_of(1)), Standing::heard_of, at(0s));
  ASSERT_TRUE(catalog.depart(id_of_peer(1), named(0, false).version.started, at(1s)));
  EXPECT_EQ(catalog.judge(named(9, true), at(1s)), Verdict::departed) << "signed before it left";
  EXPECT_EQ(catalog.judge(named(20, false), at(1s)), Verdict::departed) << "it still names no group";
  EXPECT_EQ(catalog.judge(named(20, true), at(1s)), Verdict::added);
}

TEST_F(CatalogTest, keeps_a_tombstone_until_every_entry_below_it_is_stale) {
  put(1, 49'000, 0s);
  catalog.depart(id_of_peer(1), wall_start - 1000, at(0s));
  EXPECT_EQ(put(1, 49'000, 349s), Verdict::departed);
  EXPECT_EQ(put(1, 49'000, 349'001ms), Verdict::stale);
  catalog.purge(at(351s));
  EXPECT_EQ(catalog.tombstones(), 0U);
}

TEST_F(CatalogTest, keeps_one_tombstone_a_peer_which_follows_its_latest_departure) {
  catalog.depart(id_of_peer(1), wall_start - 1000, at(0s));
  catalog.depart(id_of_peer(1), wall_start - 500, at(200s));
  catalog.depart(id_of_peer(1), wall_start - 1000, at(201s));  // told late, of the run before
  EXPECT_EQ(catalog.tombstones(), 1U);
  EXPECT_EQ(put(1, 200'000, 201s, Standing::heard_of, wall_start - 500), Verdict::departed);
  catalog.purge(at(400s));
  EXPECT_EQ(catalog.tombstones(), 1U) << "counted from the last departure";
  catalog.purge(at(552s));
  EXPECT_EQ(catalog.tombstones(), 0U);
}

TEST_F(CatalogTest, keeps_the_entry_of_a_later_run_when_an_earlier_one_departs) {
  put(1, 0, 0s, Standing::heard_of, wall_start - 10);
  EXPECT_FALSE(catalog.depart(id_of_peer(1), wall_start - 1000, at(0s)));
  EXPECT_TRUE(catalog.find(id_of_peer(1), at(0s)));
}

TEST_F(CatalogTest, forgets_the_oldest_tombstone_at_the_limit) {
  Catalog small(rules(100, 1U << 20U, 2));
  for (std::uint32_t n = 1; n <= 3; ++n) small.depart(id_of_peer(n), wall_start, at(std::chrono::seconds(n)));
  EXPECT_EQ(small.tombstones(), 2U);
  EXPECT_EQ(small.judge(entry_of(1)->entry, at(4s)), Verdict::added);
  EXPECT_EQ(small.judge(entry_of(2)->entry, at(4s)), Verdict::departed);
  small.check_invariants();
}

TEST_F(CatalogTest, makes_room_by_the_longest_unheard_among_those_never_contacted) {
  Catalog small(rules(3));
  small.merge(entry_of(1), Standing::contacted, at(0s));
  small.merge(entry_of(2), Standing::heard_of, at(1s));
  small.merge(entry_of(3), Standing::heard_of, at(2s));
  const auto merged = small.merge(entry_of(4), Standing::heard_of, at(3s));
  EXPECT_EQ(merged.verdict, Verdict::added);
  ASSERT_EQ(merged.evicted.size(), 1U);
  EXPECT_EQ(merged.evicted[0]->id(), id_of_peer(2));
  EXPECT_EQ(small.size(), 3U);
  small.check_invariants();
}

TEST_F(CatalogTest, never_lets_a_stranger_push_out_a_contacted_peer_nor_anyone_a_bonded_one) {
  Catalog small(rules(2));
  small.merge(entry_of(1), Standing::bonded, at(0s));
  small.merge(entry_of(2), Standing::contacted, at(0s));
  EXPECT_EQ(small.merge(entry_of(3), Standing::heard_of, at(1s)).verdict, Verdict::full);
  const auto merged = small.merge(entry_of(3), Standing::contacted, at(1s));
  ASSERT_EQ(merged.evicted.size(), 1U);
  EXPECT_EQ(merged.evicted[0]->id(), id_of_peer(2));
  small.set_standing(id_of_peer(3), Standing::bonded);
  EXPECT_EQ(small.merge(entry_of(4), Standing::bonded, at(2s)).verdict, Verdict::full);
  small.check_invariants();
}

TEST_F(CatalogTest, bounds_the_sum_of_bytes_also_when_an_entry_grows) {
  const std::size_t one = entry_of(1)->bytes.size();
  Catalog small(rules(100, 2 * one));
  small.merge(entry_of(1), Standing::heard_of, at(0s));
  small.merge(entry_of(2), Standing::heard_of, at(1s));
  EXPECT_EQ(small.bytes(), 2 * one);
  const auto merged =
      small.merge(entry_of(2, {.updated = wall_start + 1, .tags = {id_of<Tag>("longer")}}), Standing::heard_of, at(2s));
  ASSERT_EQ(merged.evicted.size(), 1U);
  EXPECT_EQ(merged.evicted[0]->id(), id_of_peer(1));
  EXPECT_EQ(small.bytes(), one + 32);
  small.check_invariants();
}

TEST_F(CatalogTest, selects_ascending_with_our_own_and_leaves_out_strangers_first_when_not_all_fit) {
  for (std::uint32_t n = 1; n <= 6; ++n)
    put(n, 0, std::chrono::seconds(n), n == 2 ? Standing::contacted : Standing::heard_of);
  const auto own = entry_of(0);
  const auto all = catalog.selection(own, 100, 1U << 20U, at(6s));
  EXPECT_EQ(all.size(), 7U);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, [](const auto& entry) { return entry->id(); }));
  std::vector<PeerId> three;
  for (const auto& entry : catalog.selection(own, 3, 1U << 20U, at(6s))) three.push_back(entry->id());
  EXPECT_THAT(three, testing::UnorderedElementsAre(id_of_peer(0), id_of_peer(2), id_of_peer(6)));
  EXPECT_EQ(catalog.selection(own, 100, own->bytes.size() * 2, at(6s)).size(), 2U);
}

}  // namespace
}  // namespace mosaik::discovery::test
