// How a lost bond comes back, and when it shall not.

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"
#include "bonds/rust_like.hpp"

namespace mosaik::test {
namespace {

template <class A, class B>
bool agree(A& a, B& b) {
  const auto one = a.session_with(b.id());
  const auto two = b.session_with(a.id());
  return one && two && *one == *two;
}

class Recovery : public testing::Test {
 protected:
  void bond() {
    introduce(a_, b_);
    ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 2s));
    world_.run_for(1s);
  }

  World world_{3};
  CppHost& a_ = world_.add<CppHost>();
  CppHost& b_ = world_.add<CppHost>();
};

TEST_F(Recovery, redials_a_killed_host_between_250_ms_and_1_s) {
  bond();
  world_.kill(b_);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 0; }, 10s));
  const Mono lost = world_.now().mono;
  const std::uint64_t before = world_.dials;
  ASSERT_TRUE(world_.run_until([&] { return world_.dials > before; }, 2s));
  EXPECT_GE(world_.now().mono - lost, limits::retry_least);
  EXPECT_LE(world_.now().mono - lost, 2 * limits::retry_least);
  // A dial is given up after a second (every fourth after four), and the next follows within another.
  const std::uint64_t started = world_.dials;
  world_.run_for(60s);
  EXPECT_GE(world_.dials - started, 18U);
  EXPECT_LE(world_.dials - started, 60U);
  EXPECT_EQ(a_.state_of(b_.id()), MemberState::missing);
}

TEST_F(Recovery, looks_for_the_proven_dead_less_and_less_and_misses_them_for_five_minutes) {
  bond();
  world_.kill(b_);
  const auto is_dead = [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_dead(step, b_.id(), bonds::EndedBy::proven, "its process has ended");
  };
  a_.with_mesh(is_dead);
  const auto dials_in = [&](Nanoseconds span) {
    const std::uint64_t before = world_.dials;
    world_.run_for(span);
    return world_.dials - before;
  };
  EXPECT_GE(dials_in(30s), 18U) << "it may come back at once";
  EXPECT_LE(dials_in(60s), 20U);
  EXPECT_EQ(a_.view().health, Health::degraded);
  world_.run_for(220s);
  EXPECT_EQ(a_.view().health, Health::healthy) << "nobody is missed for ever";
  EXPECT_EQ(a_.state_of(b_.id()), MemberState::dead);
  world_.run_for(400s);
  EXPECT_LE(dials_in(600s), 24U);
  EXPECT_GE(dials_in(600s), 8U);
  b_.boot();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, limits::lost_pause_most + 4s));
}

class Forgetting : public Recovery {
 protected:
  Forgetting() : c_(world_.add<CppHost>()) {}
  void mesh() {
    introduce(a_, b_);
    introduce(a_, c_);
    introduce(b_, c_);
    ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_) && agree(a_, c_) && agree(b_, c_); }, 5s));
    world_.run_for(1s);
  }
  static Result<> forget(CppHost& at, const CppHost& whom) {
    Result<> out;
    at.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { out = mesh.forget(step, whom.id()); });
    return out;
  }
  void kill_for_long(CppHost& host) {
    world_.kill(host);
    ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 1 && b_.mesh().bond_count() == 1; }, 10s));
    world_.run_for(5s);
  }
  static bool knows(CppHost& at, const CppHost& whom) {
    const auto members = at.view().members;
    return std::ranges::find(members, whom.id(), &MemberStatus::id) != members.end();
  }

  CppHost& c_;
};

TEST_F(Forgetting, drops_a_member_that_is_gone_at_all_that_are_bonded) {
  mesh();
  kill_for_long(c_);
  EXPECT_EQ(a_.view().health, Health::degraded);
  ASSERT_TRUE(forget(a_, c_)) << forget(a_, c_).error().message;
  world_.run_for(1s);
  EXPECT_FALSE(knows(a_, c_));
  EXPECT_FALSE(knows(b_, c_));
  EXPECT_EQ(a_.view().health, Health::healthy);
  EXPECT_EQ(b_.view().health, Health::healthy);
  const std::uint64_t before = world_.dials;
  world_.run_for(60s);
  EXPECT_EQ(world_.dials, before) << "and nobody dials it";
  EXPECT_EQ(forget(a_, c_).error().code, Errc::not_found);
}

TEST_F(Forgetting, of_the_living_is_refused_with_the_reason) {
  mesh();
  EXPECT_EQ(forget(a_, c_).error().code, Errc::refused);
  world_.cut_both(a_, c_);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 1; }, 20s));
  world_.run_for(3s);
  const auto done = forget(a_, c_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::refused);
  EXPECT_NE(done.error().message.find("another member is bonded with it"), std::string::npos) << done.error().message;
}

TEST_F(Forgetting, ends_when_the_member_comes_back_as_it_was) {
  mesh();
  world_.cut_both(c_, a_);
  world_.cut_both(c_, b_);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 1 && b_.mesh().bond_count() == 1; }, 20s));
  world_.run_for(5s);
  ASSERT_TRUE(forget(a_, c_));
  world_.run_for(5s);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, c_) && agree(b_, c_); }, 10s)) << "it dials, and proves the key";
}

TEST_F(Forgetting, that_is_refused_does_not_disturb_our_dial) {
  mesh();
  world_.cut_both(a_, c_);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 1; }, 20s));
  world_.run_for(3s);
  world_.heal_all();
  // A member says it again and again.
  for (int i = 0; i < 200 && !agree(a_, c_); ++i) {
    EXPECT_FALSE(forget(a_, c_));
    world_.run_for(31ms);
  }
  EXPECT_TRUE(agree(a_, c_));
}

TEST_F(Forgetting, covers_what_was_said_before_and_nothing_that_was_signed_later) {
  bonds::Forgotten forgotten;
  const Now now = world_.now();
  forgotten.add(now, c_.id(), 100);
  const std::int64_t said = now.wall.milliseconds;
  EXPECT_TRUE(forgotten.covers(now, c_.id(), {.started = 100, .updated = said}));
  EXPECT_FALSE(forgotten.covers(now, c_.id(), {.started = 101, .updated = said}));
  EXPECT_FALSE(forgotten.covers(now, c_.id(), {.started = 100, .updated = said + 1})) << "it lives";
  Now later = now;
  later.mono += limits::forgotten_age;
  EXPECT_FALSE(forgotten.covers(later, c_.id(), {.started = 100, .updated = said}));
}

TEST_F(Forgetting, ends_with_a_newer_run) {
  mesh();
  kill_for_long(c_);
  ASSERT_TRUE(forget(a_, c_));
  world_.run_for(1s);
  c_.boot();
  introduce(a_, c_);
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, c_); }, 5s));
}

TEST_F(Recovery, gets_a_restarted_host_back_without_any_news_of_it) {
  bond();
  const SessionId old = *a_.session_with(b_.id());
  world_.kill(b_);
  world_.run_for(20s);
  b_.boot();  // it knows nobody
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 6s));
  EXPECT_NE(*a_.session_with(b_.id()), old);
}

TEST_F(Recovery, replaces_the_bond_at_once_by_one_of_a_newer_incarnation) {
  bond();
  world_.kill(b_);
  world_.run_for(5ms);
  b_.boot();
  b_.meet(a_.own_entry());
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 1s));
  const auto downs = a_.events<bonds::BondDown>();
  ASSERT_EQ(downs.size(), 1U);
  EXPECT_EQ(downs.front().by, bonds::EndedBy::replaced);
  EXPECT_EQ(a_.mesh().bond_count(), 1U);
  world_.run_for(10s);
  EXPECT_EQ(a_.count<bonds::BondUp>(), 2U) << "and it stays";
}

TEST_F(Recovery, is_not_replaced_by_one_who_cannot_prove_the_key) {
  bond();
  const LinkId before = a_.events<bonds::BondUp>().front().link;
  // Somebody with the peer's identity, a newer run, and another secret.
  world_.kill(b_);
  RawHost& c = world_.add<RawHost>();
  const LinkId link = c.open(a_);
  c.send(
      link,
      Start{.key = GroupKey::from_secret("another secret"), .bonds = {}, .tail = bonds::handshake_tail(c.own_entry())}
          .encode(c, link));
  EXPECT_EQ(c.close_code(link), static_cast<std::uint64_t>(CloseCode::invalid_proof));
  EXPECT_TRUE(world_.is_open(a_, before));
}

TEST_F(Recovery, takes_a_peer_at_its_word_that_it_lost_the_bond) {
  bond();
  // B lost the bond without A hearing of it: B's close is lost, then B dials again and says so.
  world_.cut(b_, a_);
  b_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_dead(step, a_.id(), bonds::EndedBy::presumed, "test");
  });
  world_.heal_all();
  a_.self().refresh(world_.now().wall);
  b_.meet(a_.own_entry());  // news of A: it is dialed at once
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 100ms));
  EXPECT_EQ(a_.count<bonds::BondUp>(), 2U);
  ASSERT_EQ(a_.count<bonds::BondDown>(), 1U);
  EXPECT_EQ(a_.events<bonds::BondDown>().back().by, bonds::EndedBy::link);
  EXPECT_TRUE(a_.refusals(true).empty());
}

TEST_F(Recovery, does_not_end_a_bond_for_the_loss_of_an_earlier_one) {
  bond();
  const SessionId lost = b_.events<bonds::BondUp>().back().session;
  a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_dead(step, b_.id(), bonds::EndedBy::presumed, "test");
  });
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_) && b_.count<bonds::BondUp>() == 2; }, 2s));
  ASSERT_NE(b_.events<bonds::BondUp>().back().session, lost);
  // Of the bond that is up nobody has said anything.
  world_.run_for(2s);
  EXPECT_TRUE(agree(a_, b_));
  EXPECT_EQ(b_.count<bonds::BondUp>(), 2U);
}

TEST_F(Recovery, heals_a_cut_of_an_hour) {
  bond();
  world_.cut_both(a_, b_);
  world_.run_for(3600s);
  EXPECT_EQ(a_.mesh().bond_count(), 0U);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 8s));
}

TEST_F(Recovery, heals_a_cut_of_an_hour_after_the_entries_went_stale) {
  bond();
  world_.cut_both(a_, b_);
  world_.run_for(600s);
  a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry_gone(step, b_.id(), false); });
  b_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry_gone(step, a_.id(), false); });
  a_.catalog().entries.clear();
  b_.catalog().entries.clear();
  world_.run_for(3000s);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 8s));
}

TEST_F(Recovery, of_many_that_are_lost_for_long_each_is_dialed_less_often_and_the_first_one_back_brings_the_others) {
  std::vector<CppHost*> others = {&b_};
  for (int i = 0; i < 11; ++i) others.push_back(&world_.add<CppHost>());
  for (CppHost* host : others) introduce(a_, *host);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == others.size(); }, 5s));
  for (CppHost* host : others) world_.cut_both(a_, *host);
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 0; }, 20s));
  const auto dials_in = [&](Nanoseconds span) {
    const std::uint64_t before = a_.dials();
    world_.run_for(span);
    return a_.dials() - before;
  };
  world_.run_for(60s);
  const std::uint64_t early = dials_in(60s);
  world_.run_for(1200s);
  EXPECT_LE(dials_in(60s), early / 2);
  world_.heal_all();
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() > 0; }, 8s));
  EXPECT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == others.size(); }, 3s));
}

TEST_F(Recovery, heals_a_one_way_cut) {
  bond();
  world_.cut(a_, b_);
  world_.run_for(30s);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 8s));
  world_.run_for(10s);
  EXPECT_TRUE(agree(a_, b_));
}

TEST_F(Recovery, dials_a_lost_member_at_once_on_news_of_it) {
  bond();
  world_.kill(b_);
  world_.run_for(60s);
  b_.boot();
  world_.run_until([&] { return false; }, 1ms);
  const std::uint64_t before = world_.dials;
  a_.meet(b_.own_entry());
  world_.run_until([&] { return world_.dials > before; }, 4s);
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 4s));
}

TEST_F(Recovery, stops_at_a_departure_until_a_newer_run) {
  bond();
  b_.leave();
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 0; }, 1s));
  EXPECT_EQ(a_.count<bonds::DepartureHeard>(), 1U);
  EXPECT_EQ(a_.events<bonds::BondDown>().front().by, bonds::EndedBy::departure);
  EXPECT_EQ(a_.state_of(b_.id()), MemberState::departed);
  const std::uint64_t before = world_.dials;
  world_.run_for(60s);
  EXPECT_EQ(world_.dials, before);
  world_.kill(b_);
  b_.boot();
  a_.meet(b_.own_entry());
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 2s));
}

TEST_F(Recovery, says_in_its_last_entry_that_it_has_left_before_it_departs) {
  bond();
  b_.leave();
  ASSERT_TRUE(world_.run_until([&] { return a_.mesh().bond_count() == 0; }, 1s));
  EXPECT_FALSE(a_.catalog().entries.at(b_.id())->names(a_.settings.group));
}

TEST_F(Recovery, forgets_a_departed_member_in_the_end) {
  bond();
  b_.leave();
  world_.run_for(1s);
  ASSERT_EQ(a_.view().members.size(), 2U);
  world_.run_for(limits::stale_after + 1s);
  EXPECT_EQ(a_.view().members.size(), 1U);
}

TEST_F(Recovery, takes_a_departed_member_back_when_it_dials) {
  bond();
  b_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_dead(step, a_.id(), bonds::EndedBy::presumed, "test");
  });
  world_.run_for(50ms);
  a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry_gone(step, b_.id(), true); });
  ASSERT_EQ(a_.state_of(b_.id()), MemberState::departed);
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 4s));
  // And it is wanted again: a later loss is mended, even after a departed one would have been forgotten.
  world_.run_for(limits::stale_after + 10s);
  world_.cut_both(a_, b_);
  world_.run_for(20s);
  EXPECT_EQ(a_.state_of(b_.id()), MemberState::missing);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 8s));
}

TEST_F(Recovery, heals_a_bond_whose_dial_began_before_the_departure) {
  a_.meet(b_.own_entry());
  ASSERT_TRUE(world_.run_until([&] { return world_.dials == 1; }, 1s));
  a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry_gone(step, b_.id(), true); });
  ASSERT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 1s));
  world_.run_for(limits::stale_after + 10s);  // must neither spin nor forget the bonded member
  world_.cut_both(a_, b_);
  world_.run_for(20s);
  EXPECT_EQ(a_.state_of(b_.id()), MemberState::missing);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 8s));
}

TEST_F(Recovery, of_a_bond_closed_for_a_full_queue_needs_no_new_run) {
  bond();
  a_.links().full.insert(SendClass::consensus);
  const std::vector<std::uint8_t> message{1, 2, 3};
  a_.with_mesh(
      [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { EXPECT_FALSE(mesh.send_raft(step, b_.id(), message)); });
  EXPECT_EQ(a_.mesh().bond_count(), 0U);
  a_.links().full.clear();
  world_.run_for(50ms);
  EXPECT_EQ(b_.state_of(a_.id()), MemberState::missing) << "not departed";
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 2s));
}

TEST_F(Recovery, leaves_within_the_time_of_the_flush_even_when_nobody_listens) {
  bond();
  world_.kill(b_);
  a_.leave();
  EXPECT_TRUE(world_.run_until([&] { return a_.count<bonds::MeshLeft>() == 1; }, limits::departure_flush + 100ms));
  world_.run_for(5s);
  EXPECT_EQ(a_.count<bonds::MeshLeft>(), 1U);
}

TEST_F(Recovery, leaves_as_soon_as_its_departures_are_flushed) {
  bond();
  a_.leave();
  EXPECT_TRUE(world_.run_until([&] { return a_.count<bonds::MeshLeft>() == 1; }, 100ms));
  EXPECT_TRUE(world_.run_until([&] { return b_.count<bonds::DepartureHeard>() == 1; }, 100ms));
}

TEST_F(Recovery, leaves_at_once_when_it_is_alone) {
  a_.leave();
  world_.run_for(1ms);
  EXPECT_EQ(a_.count<bonds::MeshLeft>(), 1U);
}

TEST_F(Recovery, drops_an_unheard_of_member_whose_entry_is_stale_and_that_never_answered) {
  RawHost& ghost = world_.add<RawHost>();
  world_.run_for(limits::stale_after + 1s);
  world_.kill(ghost);
  a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry(step, ghost.own_entry()); });
  ASSERT_EQ(a_.view().unattested_count, 1U);
  world_.run_for(10s);
  EXPECT_EQ(a_.view().unattested_count, 0U);
}

TEST_F(Recovery, gives_a_living_member_its_turn_among_many_dead_ones) {
  // The dead come first in the order of ids; there are more of them than dials at a time.
  std::vector<identity::EntryRef> dead;
  for (std::uint16_t i = 0; dead.size() < 4 * limits::concurrent_dials; ++i) {
    const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U)};
    crypto::SecretKey key = crypto::SecretKey::from_seed(crypto::hash({bytes_of("dead"), bytes}));
    if (key.id() > b_.id()) continue;
    identity::Self self(std::move(key), a_.settings.network, world_.now().wall);
    self.set_addresses({SocketAddress::v4({10, 9, 9, 9}, 1)}, world_.now().wall);
    self.join(a_.settings.group, world_.now().wall);
    dead.push_back(self.entry());
  }
  for (const identity::EntryRef& entry : dead) a_.meet(entry);
  world_.run_for(100ms);
  a_.meet(b_.own_entry());
  EXPECT_TRUE(world_.run_until([&] { return agree(a_, b_); }, 10s));
}

// -- with a Rust peer

class RecoveryWithRust : public testing::Test {
 protected:
  void bond() {
    introduce(ours_, theirs_);
    ASSERT_TRUE(world_.run_until([&] { return agree(ours_, theirs_); }, 2s));
  }
  World world_{5};
  CppHost& ours_ = world_.add<CppHost>();
  RustLike& theirs_ = world_.add<RustLike>();
};

TEST_F(RecoveryWithRust, takes_its_102_for_a_departure) {
  bond();
  theirs_.leave();
  ASSERT_TRUE(world_.run_until([&] { return ours_.mesh().bond_count() == 0; }, 1s));
  EXPECT_EQ(ours_.state_of(theirs_.id()), MemberState::departed);
  const std::uint64_t before = world_.dials;
  world_.run_for(60s);
  EXPECT_EQ(world_.dials, before);
}

TEST_F(RecoveryWithRust, remembers_its_departure_while_its_entry_is_refreshed) {
  bond();
  theirs_.leave();
  world_.run_for(1s);
  const std::uint64_t before = world_.dials;
  // A Rust node never withdraws the group from its entry (spec: groups 3.7).
  for (int i = 1; i <= 10; ++i) {
    world_.run_for(100s);
    PeerEntry entry = theirs_.own_entry()->entry;
    entry.version.updated = world_.now().wall.milliseconds;
    ours_.meet(identity::sign(entry, crypto::SecretKey::from_seed(ranked_seeds().at(1))));
  }
  EXPECT_EQ(world_.dials, before);
  EXPECT_EQ(ours_.state_of(theirs_.id()), MemberState::departed);
}

TEST_F(RecoveryWithRust, sends_a_departure_that_it_understands) {
  bond();
  ours_.leave();
  ASSERT_TRUE(world_.run_until([&] { return theirs_.bonds.empty(); }, 1s));
}

TEST_F(RecoveryWithRust, makes_up_for_its_missing_retry) {
  bond();
  world_.cut_both(ours_, theirs_);
  world_.run_for(60s);
  ASSERT_TRUE(theirs_.bonds.empty());
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return agree(ours_, theirs_); }, 8s));
}

TEST_F(RecoveryWithRust, comes_through_a_401_by_a_sync) {
  ours_.meet(theirs_.own_entry());
  ASSERT_TRUE(world_.run_until([&] { return agree(ours_, theirs_); }, 3s));
  EXPECT_GE(ours_.count<bonds::SyncWanted>(), 1U);
}

TEST_F(RecoveryWithRust, bonds_with_its_next_run) {
  bond();
  world_.kill(theirs_);
  world_.run_for(1s);
  theirs_.boot();
  theirs_.meet(ours_.own_entry());
  EXPECT_TRUE(world_.run_until([&] { return agree(ours_, theirs_); }, 10s));
}

}  // namespace
}  // namespace mosaik::test
