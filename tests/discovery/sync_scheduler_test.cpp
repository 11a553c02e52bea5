#include "discovery/sync/sync_scheduler.hpp"

#include "base/limits.hpp"
#include "support.hpp"

namespace mosaik::discovery::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Dials that were made since the last call, each answered by a peer that knows only itself.
std::vector<PeerId> answer_all(Rig& rig, const std::map<PeerId, std::uint32_t>& peers) {
  std::vector<PeerId> out;
  const auto dials = std::exchange(rig.links.dials, {});
  for (const auto& dial : dials) {
    out.push_back(dial.request.peer);
    rig.opened(dial);
    rig.frame(dial.link,
              snapshot_of({entry_of(peers.at(dial.request.peer), {.updated = rig.now().wall.milliseconds})}));
    rig.on(LinkClosed{dial.link, {}});
  }
  return out;
}

std::map<PeerId, std::uint32_t> peers_up_to(std::uint32_t last) {
  std::map<PeerId, std::uint32_t> out;
  for (std::uint32_t n = 1; n <= last; ++n) out[id_of_peer(n)] = n;
  return out;
}

void feed(Rig& rig, std::uint32_t n, const EntryOptions& options = {}) {
  rig.core.feed(rig.now(), entry_of(n, options), rig.events);
}

TEST(SyncScheduler, syncs_once_with_each_new_rust_peer_and_sends_it_everything) {
  Rig rig;
  rig.start();
  feed(rig, 1);
  feed(rig, 2);
  rig.pass(200ms);
  ASSERT_THAT(rig.links.dials, SizeIs(2));
  const auto link = rig.opened(rig.links.dials[0]);
  EXPECT_THAT(ids_in(rig.links.sent.back().payload()), SizeIs(3));
  EXPECT_EQ(rig.links.sent.back().link, link);
  answer_all(rig, peers_up_to(2));
  rig.pass(60s);
  EXPECT_THAT(rig.links.dials, IsEmpty());
}

TEST(SyncScheduler, leaves_a_cpp_peer_with_a_common_group_to_the_bond_and_greets_one_without) {
  Rig rig;
  const auto group = id_of<GroupId>("group");
  rig.self.join(group, rig.now().wall);
  rig.start();
  feed(rig, 1, {.protocol = "0.4.2+cpp.1", .groups = {group}});
  feed(rig, 2, {.protocol = "0.4.2+cpp.1"});
  rig.pass(3s);
  ASSERT_THAT(rig.links.dials, SizeIs(1));
  EXPECT_EQ(rig.links.dials[0].request.peer, id_of_peer(2));
}

TEST(SyncScheduler, does_not_dial_back_who_has_just_synced_with_us) {
  Rig rig;
  rig.start();
  rig.sync_from(1, {entry_of(1)});
  rig.pass(60s);
  EXPECT_THAT(rig.links.dials, IsEmpty());
}

TEST(SyncScheduler, dials_back_who_broke_off_before_it_had_our_entry) {
  Rig rig;
  rig.start();
  const auto link = rig.incoming(1, Alpn::sync);
  rig.frame(link, snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{link, {ClosedBy::idle, false, 0, ""}});
  rig.pass(6s);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
}

TEST(SyncScheduler, greets_the_next_run_of_a_peer_again) {
  Rig rig;
  rig.start();
  rig.sync_from(1, {entry_of(1)});
  feed(rig, 1, {.updated = wall_start + 1});
  rig.pass(1s);
  EXPECT_THAT(rig.links.dials, IsEmpty());
  feed(rig, 1, {.started = wall_start + 500, .updated = wall_start + 500});
  rig.pass(1s);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
}

TEST(SyncScheduler, refreshes_between_90_and_140_seconds_with_our_entry_alone_to_one_bonded_peer_and_all_that_are_not) {
  Rig rig;
  rig.start();
  for (std::uint32_t n = 1; n <= 4; ++n) rig.sync_from(n, {entry_of(n)});
  rig.core.on_bond(rig.now(), id_of_peer(2), BondState::up);
  rig.core.on_bond(rig.now(), id_of_peer(4), BondState::up);
  const auto version = rig.self.entry()->entry.version;
  rig.pass(89s);
  EXPECT_THAT(only<SelfRefreshed>(rig.events), IsEmpty());
  while (only<SelfRefreshed>(rig.events).empty() && rig.elapsed <= 140s) rig.pass(10ms);
  EXPECT_THAT(only<SelfRefreshed>(rig.events), SizeIs(1));
  rig.pass(200ms);
  EXPECT_GT(rig.self.entry()->entry.version.updated, version.updated + 89'000);
  EXPECT_EQ(rig.self.entry()->entry.version.started, version.started);
  std::vector<PeerId> dialed;
  for (const auto& dial : rig.links.dials) dialed.push_back(dial.request.peer);
  const PeerId compared = std::ranges::find(dialed, id_of_peer(2)) != dialed.end() ? id_of_peer(2) : id_of_peer(4);
  EXPECT_THAT(dialed, testing::UnorderedElementsAre(id_of_peer(1), id_of_peer(3), compared));
  rig.opened(rig.links.dials[0]);
  EXPECT_EQ(ids_in(rig.links.sent.back().payload()), std::vector{id_of_peer(0)});
}

TEST(SyncScheduler, compares_with_each_bonded_peer_in_its_turn) {
  Rig rig;
  rig.start();
  for (std::uint32_t n = 1; n <= 3; ++n) {
    rig.sync_from(n, {entry_of(n)});
    rig.core.on_bond(rig.now(), id_of_peer(n), BondState::up);
  }
  std::vector<PeerId> compared;
  while (compared.size() < 9 && rig.elapsed < 1300s) {
    rig.pass(10s);
    for (std::uint32_t n = 1; n <= 3; ++n) feed(rig, n, {.updated = rig.now().wall.milliseconds});
    for (const PeerId& peer : answer_all(rig, peers_up_to(3))) compared.push_back(peer);
  }
  ASSERT_THAT(compared, SizeIs(9));
  EXPECT_EQ(std::set(compared.begin(), compared.begin() + 3).size(), 3U);
  for (std::size_t i = 3; i < compared.size(); ++i) EXPECT_EQ(compared[i], compared[i - 3]);
}

TEST(SyncScheduler, spreads_a_change_of_our_entry_at_once) {
  Rig rig;
  rig.start();
  for (std::uint32_t n = 1; n <= 3; ++n) rig.sync_from(n, {entry_of(n)});
  rig.pass(10s);
  rig.self.join(id_of<GroupId>("group"), rig.now().wall);
  rig.core.on_self_changed(rig.now(), rig.links, rig.events);
  EXPECT_THAT(only<SelfRefreshed>(rig.events), SizeIs(1));
  rig.pass(200ms);
  EXPECT_THAT(rig.links.dials, SizeIs(3));
}

TEST(SyncScheduler, gives_a_bond_a_second_to_tell_a_change_before_a_sync_does) {
  Rig rig;
  rig.start();
  feed(rig, 1, {.protocol = "0.4.2+cpp.1"});
  rig.pass(3s);
  answer_all(rig, peers_up_to(1));
  const auto group = id_of<GroupId>("group");
  rig.self.join(group, rig.now().wall);
  rig.core.on_self_changed(rig.now(), rig.links, rig.events);
  feed(rig, 1, {.updated = rig.now().wall.milliseconds + 1, .protocol = "0.4.2+cpp.1", .groups = {group}});
  rig.pass(900ms);
  EXPECT_THAT(rig.links.dials, IsEmpty()) << "its entry names our group now";
  rig.pass(2s);
  EXPECT_THAT(rig.links.dials, SizeIs(1)) << "no bond came";
}

TEST(SyncScheduler, sends_again_when_our_entry_changed_during_the_sync) {
  Rig rig;
  rig.start();
  feed(rig, 1);
  rig.pass(200ms);
  const auto link = rig.opened();
  rig.self.join(id_of<GroupId>("group"), rig.now().wall);
  rig.core.on_self_changed(rig.now(), rig.links, rig.events);
  rig.frame(link, snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{link, {}});
  rig.pass(200ms);
  EXPECT_THAT(rig.links.dials, SizeIs(2));
}

TEST(SyncScheduler, refreshes_at_once_after_the_machine_slept_or_the_wall_clock_jumped) {
  {
    Rig rig;
    rig.start();
    Now woken = rig.now();
    woken.boot += 200s;
    rig.core.on_timer(woken, rig.links, rig.events);
    EXPECT_THAT(only<SelfRefreshed>(rig.events), SizeIs(1));
  }
  Rig rig;
  rig.start();
  rig.wall_off = 200s;
  rig.core.on_timer(rig.now(), rig.links, rig.events);
  EXPECT_THAT(only<SelfRefreshed>(rig.events), SizeIs(1));
  EXPECT_GE(rig.self.entry()->entry.version.updated, rig.now().wall.milliseconds);
}

TEST(SyncScheduler, comes_back_to_a_peer_that_fails_with_a_growing_pause) {
  Rig rig;
  rig.start();
  feed(rig, 1);
  std::vector<Nanoseconds> tries;
  for (int i = 0; i < 100'000 && tries.size() < 6; ++i) {
    rig.pass(1ms);
    if (rig.links.dials.empty()) continue;
    tries.push_back(rig.elapsed);
    rig.never_opened(std::exchange(rig.links.dials, {}).at(0).link);
  }
  ASSERT_THAT(tries, SizeIs(6));
  EXPECT_GE(tries[1] - tries[0], SyncScheduler::retry_least);
  EXPECT_GE(tries[5] - tries[4], 8s);
  EXPECT_LE(tries[5] - tries[4], SyncScheduler::retry_most);
}

TEST(SyncScheduler, lets_the_invented_take_half_of_the_places_and_never_those_asked_for) {
  Rig rig;
  rig.start();
  rig.sync_from(1, {entry_of(1)});
  for (std::uint32_t n = 100; n < 200; ++n) feed(rig, n);
  rig.pass(1s);
  EXPECT_THAT(rig.links.dials, SizeIs(3)) << "none of them answers";
  rig.core.on_self_changed(rig.now(), rig.links, rig.events);
  rig.core.sync_with(rig.now(), id_of_peer(5), {address_of(5)}, rig.links, rig.events);
  EXPECT_EQ(rig.links.dials.back().request.peer, id_of_peer(5));
  rig.links.dials.clear();
  rig.pass(3s);
  ASSERT_THAT(rig.links.dials, SizeIs(1)) << "the proven peer does not wait for the invented";
  EXPECT_EQ(rig.links.dials[0].request.peer, id_of_peer(1));
}

TEST(SyncScheduler, forgets_a_peer_that_left) {
  Rig rig;
  rig.start();
  feed(rig, 1);
  rig.core.on_departure(rig.now(), id_of_peer(1), rig.events);
  rig.pass(10s);
  EXPECT_THAT(rig.links.dials, IsEmpty());
}

TEST(Members, reports_what_a_bond_brought_and_says_whether_it_was_news) {
  Rig rig;
  EXPECT_TRUE(rig.core.feed(rig.now(), entry_of(1), rig.events));
  EXPECT_FALSE(rig.core.feed(rig.now(), entry_of(1), rig.events));
  EXPECT_TRUE(rig.core.feed(rig.now(), entry_of(1, {.updated = wall_start + 1}), rig.events));
  EXPECT_FALSE(rig.core.feed(rig.now(), entry_of(2, {.of = id_of<NetworkId>("other")}), rig.events));
  EXPECT_THAT(only<Discovered>(rig.events), SizeIs(1));
  EXPECT_THAT(only<Updated>(rig.events), SizeIs(1));
  EXPECT_EQ(rig.core.counters().entries_refused, 1U);
  EXPECT_THAT(rig.core.entries(rig.now()), SizeIs(1));
}

TEST(Members, a_departure_ends_the_run_and_nothing_of_it_returns) {
  Rig rig;
  feed(rig, 1);
  rig.core.on_departure(rig.now(), id_of_peer(1), rig.events);
  const auto departed = only<Departed>(rig.events);
  ASSERT_THAT(departed, SizeIs(1));
  EXPECT_TRUE(departed[0].signed_off);
  rig.sync_from(2, {entry_of(2), entry_of(1, {.updated = wall_start + 10})});
  EXPECT_FALSE(rig.knows(1));
  rig.sync_from(1, {entry_of(1, {.started = wall_start + 20, .updated = wall_start + 20})});
  EXPECT_TRUE(rig.knows(1));
}

TEST(Members, a_late_departure_of_an_earlier_run_does_not_touch_the_later_one) {
  Rig rig;
  feed(rig, 1);
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::up);
  feed(rig, 1, {.started = wall_start + 20, .updated = wall_start + 20});
  rig.core.on_departure(rig.now(), id_of_peer(1), rig.events);
  EXPECT_TRUE(rig.knows(1));
  EXPECT_THAT(only<Departed>(rig.events), IsEmpty());
}

TEST(Members, a_twin_is_noticed_and_a_predecessor_is_not) {
  Rig rig;
  const std::int64_t ours = rig.self.started();
  rig.sync_from(1, {entry_of(1), entry_of(0, {.started = ours - 5000, .updated = ours + 3000})});
  rig.sync_from(1, {entry_of(1), entry_of(0, {.started = ours, .updated = ours + 3000})});
  EXPECT_THAT(notices(rig.events, Notice::Kind::same_identity), IsEmpty());
  auto forged = snapshot_of({entry_of(0, {.started = ours + 1, .updated = ours + 3000})});
  forged.back() ^= 1U;
  rig.frame(rig.incoming(2, Alpn::sync), forged);
  EXPECT_THAT(notices(rig.events, Notice::Kind::same_identity), IsEmpty());
  rig.sync_from(1, {entry_of(1), entry_of(0, {.started = ours + 1, .updated = ours + 3000})});
  rig.sync_from(3, {entry_of(3), entry_of(0, {.started = ours + 1, .updated = ours + 4000})});
  EXPECT_THAT(notices(rig.events, Notice::Kind::same_identity), SizeIs(1)) << "once a minute";
  EXPECT_FALSE(rig.core.find(id_of_peer(0), rig.now()));
  const auto link = rig.incoming(0, Alpn::sync);
  EXPECT_EQ(rig.links.closed.back().link, link);
}

}  // namespace
}  // namespace mosaik::discovery::test
