// Whom a node dials though its catalog has forgotten them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/support.hpp"
#include "node/peer_cache.hpp"

namespace mosaik::node::test {
namespace {

using discovery::test::at;
using discovery::test::entry_of;
using discovery::test::id_of_peer;
using discovery::test::wall_start;

bool holds(const PeerCache& list, std::uint32_t n) {
  bool out = false;
  list.for_each([&](const identity::EntryRef& entry) { out |= entry->id() == id_of_peer(n); });
  return out;
}

TEST(PeerCache, gives_up_whose_entry_is_the_oldest_beyond_its_limit) {
  PeerCache list;
  for (std::uint32_t n = 0; n <= limits::peer_cache; ++n)
    list.add(entry_of(n, {.updated = n == 5 ? wall_start - 1 : wall_start + n}), at(0s));
  EXPECT_EQ(list.signed_entries().size(), limits::peer_cache);
  EXPECT_FALSE(holds(list, 5));
  EXPECT_TRUE(holds(list, limits::peer_cache));
}

TEST(PeerCache, keeps_those_bonded_for_long_when_identities_come_for_a_moment) {
  PeerCache list;
  list.add(entry_of(1, {.updated = wall_start}), at(0s));  // lost after an hour
  list.note_end(id_of_peer(1), at(3600s));
  list.recall(entry_of(2, {.updated = wall_start}), id_of_peer(0), at(0s));
  list.add(entry_of(3, {.updated = wall_start}), at(0s));  // bonded all the time
  for (std::uint32_t n = 10; n < 10 + 2 * limits::peer_cache; ++n) {
    list.add(entry_of(n, {.updated = wall_start + 3'600'000}), at(3600s + n * 1ms));
    if (n % 2 == 0) list.note_end(id_of_peer(n), at(3601s + n * 1ms));
  }
  EXPECT_EQ(list.signed_entries().size(), limits::peer_cache);
  for (const std::uint32_t n : {1U, 2U, 3U}) EXPECT_TRUE(holds(list, n)) << n;
}

TEST(PeerCache, tells_news_of_a_run_but_not_of_a_mere_refresh_and_keeps_the_newer_entry) {
  PeerCache list;
  EXPECT_TRUE(list.add(entry_of(1, {.updated = wall_start}), at(0s)));
  EXPECT_FALSE(list.add(entry_of(1, {.updated = wall_start + 1}), at(0s)));
  const auto newest = entry_of(1, {.started = wall_start + 2, .updated = wall_start + 3});
  EXPECT_TRUE(list.add(newest, at(0s)));
  list.add(entry_of(1, {.updated = wall_start + 1}), at(0s));
  list.for_each([&](const identity::EntryRef& kept) { EXPECT_EQ(kept->entry.version, newest->entry.version); });
}

TEST(PeerCache, recalls_nobody_but_others_that_were_heard_of_within_a_day) {
  PeerCache list;
  const std::int64_t day = limits::dial_list_age / 1ms;
  list.recall(fail(Errc::malformed, "its signature does not hold"), id_of_peer(0), at(0s));
  list.recall(entry_of(0), id_of_peer(0), at(0s));
  list.recall(entry_of(1, {.updated = wall_start - day - 1}), id_of_peer(0), at(0s));
  EXPECT_EQ(list.signed_entries().size(), 0U);
  list.recall(entry_of(2, {.updated = wall_start - day}), id_of_peer(0), at(0s));
  EXPECT_TRUE(holds(list, 2));
}

}  // namespace
}  // namespace mosaik::node::test
