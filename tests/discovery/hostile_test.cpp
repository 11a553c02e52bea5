#include <random>

#include "base/limits.hpp"
#include "discovery/catalog/entry_validation.hpp"
#include "support.hpp"

namespace mosaik::discovery::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

TEST(Hostile, a_bad_signature_in_the_middle_hides_no_other_entry) {
  Rig rig;
  const auto first = entry_of(1);
  const auto second = entry_of(2);
  auto bytes = snapshot_of({first, second, entry_of(3)});
  bytes[first->bytes.size() + second->bytes.size()] ^= 1U;  // the last byte of the second signature
  rig.frame(rig.incoming(1, Alpn::sync), bytes);
  EXPECT_TRUE(rig.knows(1));
  EXPECT_FALSE(rig.knows(2));
  EXPECT_TRUE(rig.knows(3));
  EXPECT_EQ(rig.core.counters().entries_refused, 1U);
  EXPECT_THAT(rig.links.closed, IsEmpty());
}

TEST(Hostile, a_snapshot_of_more_entries_than_the_limit_is_refused_whole) {
  Rig rig;
  const auto one = entry_of(1);
  std::vector<std::uint8_t> bytes;
  postcard::Writer writer(bytes);
  writer.varint(limits::snapshot_entries + 1);
  for (std::size_t i = 0; i <= limits::snapshot_entries; ++i) writer.raw(one->bytes);
  rig.frame(rig.incoming(1, Alpn::sync), bytes);
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::protocol_violation);
  EXPECT_FALSE(rig.knows(1));
}

TEST(Hostile, entries_of_another_network_are_skipped_and_its_peer_is_noticed) {
  Rig rig;
  const auto other = id_of<NetworkId>("other");
  rig.sync_from(1, {entry_of(1), entry_of(2, {.of = other}), entry_of(3)});
  EXPECT_FALSE(rig.knows(2));
  EXPECT_TRUE(rig.knows(3));
  EXPECT_THAT(notices(rig.events, Notice::Kind::other_network), IsEmpty()) << "only said of who spoke with us";
  for (int i = 0; i < 3; ++i) rig.sync_from(4, {entry_of(4, {.of = other}), entry_of(5)});
  EXPECT_THAT(notices(rig.events, Notice::Kind::other_network), SizeIs(1));
  EXPECT_FALSE(rig.knows(4));
}

TEST(Hostile, a_flood_of_entries_costs_a_bounded_number_of_verifications_and_the_rest_is_had_later) {
  Rig rig;
  rig.start();
  std::vector<identity::EntryRef> flood{entry_of(1, {.protocol = "0.4.2+cpp.1"})};
  for (std::uint32_t n = 1000; n < 1000 + EntryValidation::verify_burst + 300; ++n)
    flood.push_back(entry_of(n, {.dialable = false}));
  rig.sync_from(1, flood);
  EXPECT_LE(rig.verifier.verifications(), EntryValidation::verify_burst + 1);
  EXPECT_EQ(rig.core.entries(rig.now()).size(), EntryValidation::verify_burst + 1);
  rig.pass(2001ms);
  ASSERT_THAT(rig.links.dials, SizeIs(1)) << "asked again when the allowance has grown";
  EXPECT_EQ(rig.links.dials[0].request.peer, id_of_peer(1));
  rig.frame(rig.opened(), snapshot_of(flood));
  EXPECT_EQ(rig.core.entries(rig.now()).size(), flood.size());
}

TEST(Hostile, the_senders_own_entry_is_verified_whatever_the_flood) {
  Rig rig;
  std::vector<identity::EntryRef> flood{entry_of(1)};
  for (std::uint32_t n = 1000; n < 1000 + EntryValidation::verify_burst; ++n) flood.push_back(entry_of(n));
  rig.sync_from(1, flood);
  rig.sync_from(2, {entry_of(2), entry_of(3)});
  EXPECT_TRUE(rig.knows(2));
  EXPECT_FALSE(rig.knows(3));
}

TEST(Hostile, floods_push_out_strangers_never_those_we_spoke_with_and_the_catalog_stays_bounded) {
  Config config;
  config.catalog_entries = 20;
  Rig rig(config);
  for (std::uint32_t n = 1; n <= 5; ++n) rig.sync_from(n, {entry_of(n)});
  for (std::uint32_t n = 100; n < 120; ++n) rig.sync_from(5, {entry_of(5), entry_of(n), entry_of(n + 100)});
  EXPECT_EQ(rig.core.entries(rig.now()).size(), 20U);
  for (std::uint32_t n = 1; n <= 5; ++n) EXPECT_TRUE(rig.knows(n));
  EXPECT_TRUE(rig.knows(219));
  EXPECT_THAT(notices(rig.events, Notice::Kind::catalog_full), SizeIs(1));
  EXPECT_EQ(only<Discovered>(rig.events).size() - only<Departed>(rig.events).size(), 20U);
}

TEST(Hostile, entries_dated_at_the_ends_of_time_neither_enter_nor_crash) {
  Rig rig;
  rig.sync_from(1, {entry_of(1), entry_of(2, {.updated = std::numeric_limits<std::int64_t>::max()}),
                    entry_of(3, {.updated = std::numeric_limits<std::int64_t>::min()}),
                    entry_of(4, {.updated = 8'210'266'876'799'999})});
  EXPECT_THAT(rig.core.entries(rig.now()), SizeIs(1));
  EXPECT_EQ(rig.core.counters().entries_refused, 3U);
  EXPECT_THAT(notices(rig.events, Notice::Kind::from_the_future), SizeIs(1));
  rig.pass(400s);
}

TEST(Hostile, notices_of_one_kind_are_bounded_whoever_gives_the_reasons) {
  Rig rig;
  for (std::uint32_t n = 1; n <= 200; ++n) rig.sync_from(n, {entry_of(n, {.updated = wall_start + 100'000})});
  EXPECT_THAT(notices(rig.events, Notice::Kind::from_the_future), SizeIs(Diagnostics::remembered));
  rig.take();
  rig.pass(60s);
  rig.sync_from(201, {entry_of(201, {.updated = wall_start + 200'000})});
  EXPECT_THAT(notices(rig.events, Notice::Kind::from_the_future), SizeIs(1));
}

TEST(Hostile, the_snapshot_we_send_fits_the_limits_of_who_reads_it) {
  Rig rig;
  std::vector<identity::EntryRef> all{entry_of(0)};
  for (std::uint32_t n = 1; n <= limits::snapshot_entries; ++n) {
    all.push_back(entry_of(n));
    rig.core.feed(rig.now(), all.back(), rig.events);
  }
  EXPECT_EQ(rig.core.entries(rig.now()).size(), limits::catalog_entries);
  rig.frame(rig.incoming(1, Alpn::sync), snapshot_of({entry_of(1)}));
  const auto reply = ids_in(rig.links.sent.back().payload());
  EXPECT_EQ(reply.size(), limits::snapshot_entries);
  EXPECT_NE(std::ranges::find(reply, id_of_peer(0)), reply.end());
}

TEST(Hostile, cut_and_bent_snapshots_never_crash_and_never_bring_an_unsigned_entry) {
  std::mt19937_64 random(7);
  const std::vector<identity::EntryRef> good{entry_of(1), entry_of(2), entry_of(3)};
  const auto whole = snapshot_of(good);
  Rig rig;
  for (int i = 0; i < 3000; ++i) {
    auto bytes = whole;
    for (std::uint64_t bends = 1 + random() % 3; bends > 0; --bends)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const auto link = rig.incoming(1, Alpn::sync);
    rig.frame(link, bytes);
    rig.closed_by_peer(link, CloseCode::success);
  }
  for (const auto& entry : rig.core.entries(rig.now())) {
    EXPECT_TRUE(std::ranges::any_of(good, [&](const auto& item) { return item->digest == entry->digest; }));
  }
}

}  // namespace
}  // namespace mosaik::discovery::test
