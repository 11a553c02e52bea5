// A bond in its steady state (spec: groups 4).

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"
#include "bonds/rust_like.hpp"

namespace mosaik::test {
namespace {

Now at(Nanoseconds since) {
  return {Mono(1s) + since, Boot(1s) + since, Wall{}};
}

bonds::HeartbeatConfig timing(Nanoseconds base, Nanoseconds jitter, std::uint64_t max_missed = 10) {
  return {.base = base, .jitter = jitter, .max_missed = max_missed};
}

TEST(HeartbeatOfABond, ticks_at_once_and_then_between_base_less_jitter_and_base) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat heartbeat(timing(500ms, 150ms), at(0ms));
  ASSERT_TRUE(heartbeat.on_time(at(0ms), pulse));
  Now now = at(0ms);
  Nanoseconds least = 1h;
  Nanoseconds most{};
  for (int i = 0; i < 1000; ++i) {
    const Nanoseconds pause = heartbeat.tick() - now.mono;
    least = std::min(least, pause);
    most = std::max(most, pause);
    now = at(heartbeat.tick() - Mono(1s));
    heartbeat.reset(now, pulse);  // drawn anew for each frame
  }
  EXPECT_GE(least, 350ms);
  EXPECT_LE(least, 360ms);
  EXPECT_GE(most, 490ms);
  EXPECT_LE(most, 500ms);
}

TEST(HeartbeatOfABond, shares_a_tick_with_others_whose_window_holds_it) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat one(timing(500ms, 150ms), at(0ms));
  bonds::Heartbeat other(timing(500ms, 150ms), at(0ms));
  bonds::Heartbeat late(timing(500ms, 150ms), at(0ms));
  one.reset(at(0ms), pulse);
  const Nanoseconds first = one.tick() - at(0ms).mono;
  other.reset(at(first - 350ms), pulse);
  EXPECT_EQ(other.tick(), one.tick());
  late.reset(at(first - 349ms), pulse);
  EXPECT_GE(late.tick(), at(first + 1ms).mono) << "350 ms after its last frame";
}

TEST(HeartbeatOfABond, is_not_due_before_its_tick) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat heartbeat(timing(500ms, 150ms), at(0ms));
  EXPECT_TRUE(heartbeat.on_time(at(0ms), pulse));
  EXPECT_FALSE(heartbeat.on_time(at(349ms), pulse));
  EXPECT_TRUE(heartbeat.on_time(at(500ms), pulse));
}

TEST(HeartbeatOfABond, works_without_jitter_and_with_more_jitter_than_base) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat steady(timing(200ms, 0ms), at(0ms));
  EXPECT_TRUE(steady.on_time(at(0ms), pulse));
  EXPECT_EQ(steady.tick(), at(200ms).mono);
  bonds::Heartbeat wild(timing(200ms, 500ms), at(0ms));
  for (int i = 0; i < 100; ++i) {
    bonds::Pulse fresh(Rng(static_cast<std::uint64_t>(i)));
    wild.reset(at(0ms), fresh);
    EXPECT_GT(wild.tick(), at(0ms).mono);
    EXPECT_LE(wild.tick(), at(200ms).mono);
  }
}

TEST(HeartbeatOfABond, counts_only_ticks_beyond_base_and_jitter_and_alerts_at_max_missed) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat heartbeat(timing(500ms, 0ms, 3), at(0ms));
  EXPECT_TRUE(heartbeat.on_time(at(0ms), pulse));
  EXPECT_TRUE(heartbeat.on_time(at(500ms), pulse));
  EXPECT_EQ(heartbeat.missed(), 0U) << "silent for just as long as it may be";
  EXPECT_TRUE(heartbeat.on_time(at(1000ms), pulse));
  EXPECT_TRUE(heartbeat.on_time(at(1500ms), pulse));
  EXPECT_EQ(heartbeat.missed(), 2U);
  EXPECT_FALSE(heartbeat.alert());
  EXPECT_TRUE(heartbeat.on_time(at(2000ms), pulse));
  EXPECT_TRUE(heartbeat.alert());
}

TEST(HeartbeatOfABond, misses_nothing_before_base_and_jitter_are_over) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat heartbeat(timing(500ms, 150ms), at(0ms));
  EXPECT_TRUE(heartbeat.on_time(at(650ms), pulse));
  EXPECT_EQ(heartbeat.missed(), 0U);
  EXPECT_TRUE(heartbeat.on_time(at(1151ms), pulse));
  EXPECT_EQ(heartbeat.missed(), 1U);
}

TEST(HeartbeatOfABond, starts_over_with_any_frame) {
  bonds::Pulse pulse(Rng(1));
  bonds::Heartbeat heartbeat(timing(500ms, 0ms, 2), at(0ms));
  EXPECT_TRUE(heartbeat.on_time(at(0ms), pulse));
  EXPECT_TRUE(heartbeat.on_time(at(501ms), pulse));
  EXPECT_EQ(heartbeat.missed(), 1U);
  heartbeat.reset(at(600ms), pulse);
  EXPECT_EQ(heartbeat.missed(), 0U);
  EXPECT_EQ(heartbeat.tick(), at(1100ms).mono);
}

TEST(BackoffOfAMember, stays_between_least_and_most_and_doubles) {
  Rng rng(1);
  for (int round = 0; round < 100; ++round) {
    Backoff backoff;
    const Nanoseconds first = backoff.next(250ms, 1s, rng);
    EXPECT_GE(first, 250ms);
    EXPECT_LE(first, 500ms);
    for (int i = 0; i < 5; ++i) {
      const Nanoseconds later = backoff.next(250ms, 1s, rng);
      EXPECT_GE(later, 500ms);
      EXPECT_LE(later, 1s);
    }
  }
}

class Steady : public testing::Test {
 protected:
  LinkId bond(const std::vector<std::uint8_t>& tail = {}) {
    host_.catalog().take(peer_.own_entry());
    const LinkId link = peer_.open(host_);
    Start start;
    start.tail = tail;
    peer_.send(link, start.encode(peer_, link));
    EXPECT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
    return link;
  }
  template <class F>
  void say(LinkId link, F&& encode) {
    std::vector<std::uint8_t> out;
    encode(out);
    peer_.send(link, out);
  }
  void update(LinkId link, const identity::EntryRef& entry) {
    say(link, [&](auto& out) { wire::encode_peer_entry_update(entry->bytes, out); });
  }
  void formed(LinkId link, const identity::EntryRef& entry) {
    say(link, [&](auto& out) { wire::encode_bond_formed(entry->bytes, out); });
  }
  /// Somebody else of the network, with nothing behind its address.
  identity::EntryRef stranger(std::uint32_t number, const NetworkId& network = id_of<NetworkId>("test network")) {
    crypto::SecretKey key =
        crypto::SecretKey::from_seed(crypto::hash({bytes_of("stranger " + std::to_string(number))}));
    identity::Self self(std::move(key), network, world_.now().wall);
    self.set_addresses({SocketAddress::v4({10, 9, 9, 9}, 1)}, world_.now().wall);
    return self.entry();
  }

  World world_{9};
  CppHost& host_ = world_.add<CppHost>();
  RawHost& peer_ = world_.add<RawHost>();
};

TEST_F(Steady, answers_each_ping_with_a_pong) {
  const LinkId link = bond();
  for (int i = 0; i < 3; ++i) say(link, [](auto& out) { wire::encode_ping({}, out); });
  world_.run_for(50ms);
  EXPECT_EQ(peer_.count<wire::Pong>(link, 1), 3U);
}

TEST_F(Steady, pings_a_quiet_peer_between_350_and_500_ms) {
  const LinkId link = bond();
  world_.run_for(20ms);
  std::vector<Mono> pings;
  peer_.on_frame = [&](LinkId, BytesView) { pings.push_back(world_.now().mono); };
  world_.run_for(4s);
  ASSERT_GE(pings.size(), 7U);
  for (std::size_t i = 1; i < pings.size(); ++i) {
    EXPECT_GE(pings[i] - pings[i - 1], 345ms);
    EXPECT_LE(pings[i] - pings[i - 1], 505ms);
  }
  EXPECT_TRUE(world_.is_open(peer_, link));
}

TEST_F(Steady, ends_a_silent_bond_with_30408_between_3900_and_5600_ms) {
  const LinkId link = bond();
  const Mono last = world_.now().mono;
  EXPECT_EQ(peer_.close_code(link), static_cast<std::uint64_t>(CloseCode::timeout));
  EXPECT_GE(world_.now().mono - last, 3900ms);
  EXPECT_LE(world_.now().mono - last, 5700ms);
  EXPECT_EQ(host_.events<bonds::BondDown>().front().by, bonds::EndedBy::presumed);
}

TEST_F(Steady, takes_any_frame_for_a_sign_of_life) {
  const LinkId link = bond();
  for (int i = 0; i < 10; ++i) {
    world_.run_for(2s);
    if (i % 2 == 0)
      say(link, [](auto& out) { wire::encode_pong(out); });
    else
      say(link, [](auto& out) { wire::encode_raft(std::vector<std::uint8_t>{0, 1}, out); });
  }
  world_.run_for(50ms);
  EXPECT_TRUE(world_.is_open(peer_, link));
  EXPECT_EQ(host_.group().heard_raft.size(), 5U);
  EXPECT_EQ(host_.group().heard_raft.front().peer, peer_.id());
}

TEST(SteadyBonds, end_at_both_ends_when_frames_are_lost_in_both_directions) {
  World world(4);
  CppHost& a = world.add<CppHost>();
  CppHost& b = world.add<CppHost>();
  introduce(a, b);
  ASSERT_TRUE(world.run_until([&] { return a.mesh().bond_count() + b.mesh().bond_count() == 2; }, 2s));
  world.run_for(1s);
  world.cut_both(a, b);
  const Mono cut = world.now().mono;
  ASSERT_TRUE(world.run_until([&] { return a.mesh().bond_count() + b.mesh().bond_count() == 0; }, 10s));
  EXPECT_LE(world.now().mono - cut, 5700ms);
  for (CppHost* host : {&a, &b}) {
    EXPECT_EQ(host->events<bonds::BondDown>().front().by, bonds::EndedBy::presumed);
    EXPECT_EQ(host->events<bonds::BondDown>().front().code, static_cast<std::uint64_t>(CloseCode::timeout));
  }
}

TEST(SteadyBonds, live_on_without_jitter) {
  Settings settings;
  settings.heartbeat = timing(100ms, 0ms, 3);
  World world(4);
  CppHost& a = world.add<CppHost>(settings);
  CppHost& b = world.add<CppHost>(settings);
  introduce(a, b);
  world.run_for(30s);
  EXPECT_EQ(a.count<bonds::BondUp>(), 1U);
  EXPECT_EQ(a.count<bonds::BondDown>(), 0U);
  EXPECT_EQ(b.mesh().bond_count(), 1U);
}

TEST_F(Steady, closes_with_400_at_a_message_that_does_not_decode) {
  const LinkId link = bond();
  peer_.send(link, std::vector<std::uint8_t>{9});
  EXPECT_EQ(peer_.close_code(link), static_cast<std::uint64_t>(CloseCode::protocol_violation));
}

TEST_F(Steady, accepts_long_frames_once_the_proof_was_verified) {
  const LinkId link = bond();
  say(link, [](auto& out) { wire::encode_raft(std::vector<std::uint8_t>(2 * limits::handshake_frame), out); });
  world_.run_for(100ms);
  EXPECT_TRUE(world_.is_open(peer_, link));
  EXPECT_EQ(host_.group().heard_raft.size(), 1U);
}

TEST_F(Steady, closes_with_400_at_a_frame_beyond_the_limit) {
  const LinkId link = bond();
  peer_.send(link, std::vector<std::uint8_t>(limits::group_frame + 1));
  EXPECT_EQ(peer_.close_code(link), static_cast<std::uint64_t>(CloseCode::protocol_violation));
}

TEST_F(Steady, ends_the_bond_when_the_peer_ends_its_stream) {
  const LinkId link = bond();
  peer_.finish(link, true);
  EXPECT_EQ(peer_.close_code(link), static_cast<std::uint64_t>(CloseCode::unexpected_close));
  EXPECT_EQ(host_.mesh().bond_count(), 0U);
}

TEST_F(Steady, takes_over_the_newer_entry_of_the_peer) {
  const LinkId link = bond();
  peer_.self().set_tags({id_of<Tag>("new")}, Wall{world_.now().wall.milliseconds + 5});
  update(link, peer_.own_entry());
  world_.run_for(50ms);
  ASSERT_GE(host_.count<bonds::EntryHeard>(), 1U);
  EXPECT_EQ(host_.events<bonds::EntryHeard>().back().entry->digest, peer_.own_entry()->digest);
  EXPECT_EQ(host_.view().bonds.own().begin()->peer().entry().tags.size(), 1U);
}

TEST_F(Steady, ignores_an_entry_update_about_somebody_else) {
  const LinkId link = bond();
  update(link, stranger(1));
  world_.run_for(50ms);
  EXPECT_EQ(host_.count<bonds::EntryHeard>(), 0U);
  EXPECT_TRUE(world_.is_open(peer_, link));
}

TEST_F(Steady, ignores_the_peers_entry_of_another_network) {
  const LinkId link = bond();
  identity::Self abroad(crypto::SecretKey::from_seed(ranked_seeds().at(1)), id_of<NetworkId>("elsewhere"),
                        Wall{world_.now().wall.milliseconds + 1000});
  update(link, abroad.entry());
  world_.run_for(50ms);
  EXPECT_EQ(host_.view().bonds.own().begin()->peer().entry().network, host_.settings.network);
}

TEST_F(Steady, closes_with_400_at_an_entry_that_does_not_verify) {
  const LinkId link = bond();
  std::vector<std::uint8_t> frame;
  wire::encode_peer_entry_update(peer_.own_entry()->bytes, frame);
  frame.back() ^= 1U;
  peer_.send(link, frame);
  EXPECT_EQ(peer_.close_code(link), static_cast<std::uint64_t>(CloseCode::protocol_violation));
}

TEST_F(Steady, dials_whom_BondFormed_names) {
  const LinkId link = bond();
  RawHost& other = world_.add<RawHost>();
  formed(link, other.own_entry());
  EXPECT_TRUE(world_.run_until([&] { return !other.opened.empty(); }, 1s));
}

TEST_F(Steady, ignores_a_flood_of_entries_beyond_the_allowance) {
  const LinkId link = bond();
  const std::uint64_t before = host_.verifier().verifications();
  for (std::uint32_t i = 0; i < 500; ++i) formed(link, stranger(i));
  world_.run_for(100ms);
  EXPECT_LE(host_.verifier().verifications() - before, limits::entry_updates_burst + 2);
  EXPECT_GE(host_.verifier().verifications() - before, limits::entry_updates_burst);
  EXPECT_TRUE(world_.is_open(peer_, link));
}

TEST_F(Steady, ignores_a_flood_of_entry_updates_beyond_the_allowance) {
  const LinkId link = bond();
  const std::uint64_t before = host_.verifier().verifications();
  for (std::uint32_t i = 0; i < 500; ++i) update(link, stranger(i));
  world_.run_for(100ms);
  EXPECT_LE(host_.verifier().verifications() - before, limits::entry_updates_burst + 2);
  EXPECT_GE(host_.verifier().verifications() - before, limits::entry_updates_burst);
  EXPECT_TRUE(world_.is_open(peer_, link));
}

TEST_F(Steady, answers_no_flood_of_pings_beyond_the_allowance) {
  const LinkId link = bond();
  const std::size_t before = peer_.count<wire::Pong>(link, 1);
  for (std::size_t i = 0; i < 4 * limits::pings_burst; ++i) say(link, [&](auto& out) { wire::encode_ping({}, out); });
  world_.run_for(100ms);
  EXPECT_LE(peer_.count<wire::Pong>(link, 1) - before, limits::pings_burst + limits::pings_rate / 10 + 2);
  EXPECT_GE(peer_.count<wire::Pong>(link, 1) - before, limits::pings_burst);
  EXPECT_TRUE(world_.is_open(peer_, link));
}

TEST_F(Steady, verifies_nothing_that_comes_behind_a_ping) {
  const LinkId link = bond(bonds::handshake_tail(peer_.own_entry()));
  const std::uint64_t before = host_.verifier().verifications();
  for (std::uint32_t i = 0; i < 100; ++i)
    say(link, [&](auto& out) { wire::encode_ping(bonds::handshake_tail(stranger(i)), out); });
  world_.run_for(100ms);
  EXPECT_EQ(host_.verifier().verifications(), before);
  EXPECT_EQ(peer_.count<wire::Pong>(link, 1), 100U);
}

TEST(TailOfAHandshake, has_one_entry_verified_and_no_more) {
  const identity::Self self(crypto::SecretKey::from_seed(ranked_seeds().at(0)), id_of<NetworkId>("test network"),
                            Wall{1});
  std::vector<std::uint8_t> bad = self.entry()->bytes;
  bad.at(bad.size() - 1) ^= 1U;
  const std::vector<wire::Extension> many(wire::extensions_per_block, {wire::ExtensionTag::own_entry, bad});
  std::vector<std::uint8_t> tail;
  wire::encode_extensions(many, tail);
  identity::Verifier verifier(16);
  EXPECT_FALSE(bonds::read_tail(tail, verifier).own_entry);
  EXPECT_EQ(verifier.verifications(), 1U);
}

TEST_F(Steady, takes_no_entry_from_the_future_for_a_member) {
  const LinkId link = bond();
  crypto::SecretKey key = crypto::SecretKey::from_seed(crypto::hash({bytes_of("future")}));
  const identity::Self self(std::move(key), host_.settings.network, Wall{world_.now().wall.milliseconds + 600'000});
  formed(link, self.entry());
  world_.run_for(50ms);
  EXPECT_EQ(host_.view().members.size(), 2U);
}

TEST_F(Steady, shows_apart_whom_an_entry_alone_names) {
  bond();
  world_.run_for(limits::first_company);
  RawHost& other = world_.add<RawHost>();
  host_.meet(other.own_entry());
  world_.run_for(500ms);
  const GroupStatus seen = host_.view();
  EXPECT_EQ(seen.members.size(), 2U);
  ASSERT_EQ(seen.unattested.size(), 1U);
  EXPECT_EQ(seen.unattested[0].id, other.id());
  EXPECT_TRUE(seen.online);
  EXPECT_EQ(seen.health, Health::healthy);
}

TEST_F(Steady, misses_whom_a_bonded_member_names) {
  const LinkId link = bond();
  RawHost& other = world_.add<RawHost>();
  host_.meet(other.own_entry());
  formed(link, other.own_entry());
  world_.run_for(3s);
  const GroupStatus seen = host_.view();
  EXPECT_EQ(seen.members.size(), 3U);
  EXPECT_EQ(seen.unattested_count, 0U);
  EXPECT_FALSE(seen.online);
  EXPECT_EQ(seen.health, Health::degraded);
}

TEST_F(Steady, is_not_online_at_first_before_each_that_an_entry_names_was_dialed) {
  RawHost& other = world_.add<RawHost>();
  world_.kill(other);
  host_.meet(other.own_entry());
  bond();
  EXPECT_FALSE(host_.view().online);
  ASSERT_TRUE(world_.run_until([&] { return host_.view().online; }, limits::first_company + 1ms));
}

TEST_F(Steady, makes_room_for_a_proven_member_among_hearsay) {
  for (std::uint32_t i = 0; i < limits::mesh_peers + 10; ++i)
    host_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
      PeerEntry entry = stranger(i)->entry;
      entry.groups = {host_.settings.group};
      const auto seed = crypto::hash({bytes_of("stranger " + std::to_string(i))});
      mesh.on_entry(step, identity::sign(entry, crypto::SecretKey::from_seed(seed)));
    });
  ASSERT_EQ(host_.view().unattested_count, limits::mesh_peers);
  world_.run_for(3s);
  const LinkId link = bond();
  EXPECT_EQ(host_.view().unattested_count, limits::mesh_peers - 1);
  EXPECT_EQ(host_.view().members.size(), 2U);
  // And for one that a proven member has a bond with.
  RawHost& other = world_.add<RawHost>();
  formed(link, other.own_entry());
  EXPECT_TRUE(world_.run_until([&] { return !other.opened.empty(); }, 60s)) << "behind those who are not there";
}

TEST_F(Steady, does_not_let_BondFormed_hurry_a_peer_that_refuses_us) {
  const LinkId link = bond();
  RawHost& other = world_.add<RawHost>();
  std::size_t refused = 0;
  other.on_opened = [&](const LinkOpened& opened) {
    ++refused;
    other.close(opened.link, CloseCode::invalid_proof);
  };
  for (int i = 0; i < 100; ++i) {
    formed(link, other.own_entry());
    say(link, [](auto& out) { wire::encode_ping({}, out); });
    world_.run_for(100ms);
  }
  EXPECT_GE(refused, 2U);
  EXPECT_LE(refused, 6U);
}

TEST_F(Steady, tells_its_bonds_of_a_new_bond) {
  const LinkId link = bond();
  RawHost& other = world_.add<RawHost>();
  host_.catalog().take(other.own_entry());
  const LinkId second = other.open(host_);
  other.send(second, Start{}.encode(other, second));
  world_.run_for(100ms);
  EXPECT_EQ(peer_.count<wire::BondFormed>(link, 1), 1U);
  EXPECT_EQ(other.count<wire::BondFormed>(second, 1), 0U);
  const auto first = other.frames_of(second).front();
  const auto end = wire::decode_handshake_end(first);
  ASSERT_TRUE(end.has_value());
  ASSERT_EQ(end->bonds.size(), 1U) << "its list names the bond that it has";
}

TEST_F(Steady, tells_its_bonds_of_its_own_new_entry) {
  const LinkId link = bond();
  host_.refresh();
  world_.run_for(50ms);
  EXPECT_EQ(peer_.count<wire::PeerEntryUpdate>(link, 1), 1U);
}

}  // namespace
}  // namespace mosaik::test
