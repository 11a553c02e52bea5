// The law of simultaneous opens: two connections cross, exactly one survives, and both ends agree which.

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/rust_like.hpp"

namespace mosaik::test {
namespace {

Settings eager() {
  Settings settings;
  settings.eager = true;
  return settings;
}

/// Both hosts' first HandshakeStarts were out before either arrived.
bool crossed(const World& world) {
  Mono last_sent{};
  Mono first_arrived = never;
  std::set<std::size_t> initiators;
  for (const World::FirstFrame& frame : world.first_frames()) {
    if (!initiators.insert(frame.initiator).second || frame.sent == never) continue;
    last_sent = std::max(last_sent, frame.sent);
    first_arrived = std::min(first_arrived, frame.arrived);
  }
  return initiators.size() == 2 && last_sent < first_arrived;
}

/// A network of its own for every seed: 0.2 to 50 ms one way, give or take a fifth.
Weather weather_of(std::uint64_t seed) {
  Rng rng(seed);
  Weather weather;
  weather.delay = rng.between(200us, 50ms);
  weather.jitter = weather.delay / 5;
  weather.service = weather.delay / 50;
  return weather;
}

/// The two hear of each other nearly at the same time.
template <class A, class B>
void meet_at_once(World& world, A& a, B& b) {
  const Nanoseconds skew = world.weather.delay / 10;
  world.after(world.rng().between(0ns, skew), [&] { a.meet(b.own_entry()); });
  world.after(world.rng().between(0ns, skew), [&] { b.meet(a.own_entry()); });
}

template <class A, class B>
bool agree(A& a, B& b) {
  const auto one = a.session_with(b.id());
  const auto two = b.session_with(a.id());
  return one && two && *one == *two;
}

TEST(Crossing, of_two_cpp_nodes_ends_in_exactly_one_bond) {
  int really_crossed = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    World world(seed, weather_of(seed));
    CppHost& low = world.add<CppHost>(eager());
    CppHost& high = world.add<CppHost>(eager());
    meet_at_once(world, low, high);
    world.run_for(3s);
    ASSERT_TRUE(agree(low, high)) << "seed " << seed;
    ASSERT_EQ(low.mesh().bond_count(), 1U) << "seed " << seed;
    ASSERT_EQ(high.mesh().bond_count(), 1U) << "seed " << seed;
    if (!crossed(world)) continue;
    ++really_crossed;
    // Nothing came up that had to go again, and it is the lower id's connection that stands.
    ASSERT_EQ(low.count<bonds::BondUp>(), 1U) << "seed " << seed;
    ASSERT_EQ(high.count<bonds::BondUp>(), 1U) << "seed " << seed;
    ASSERT_TRUE(low.view().bonds.own().begin()->own().opened_by_us) << "seed " << seed;
    ASSERT_FALSE(high.view().bonds.own().begin()->own().opened_by_us) << "seed " << seed;
  }
  EXPECT_GE(really_crossed, 900);
}

TEST(Crossing, with_a_rust_peer_ends_in_exactly_one_bond) {
  int really_crossed = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    World world(seed, weather_of(seed));
    CppHost* ours = nullptr;
    RustLike* theirs = nullptr;
    const auto add_ours = [&] { ours = &world.add<CppHost>(eager()); };
    const auto add_theirs = [&] { theirs = &world.add<RustLike>(); };
    if (seed % 2 == 0) add_ours();
    add_theirs();
    if (seed % 2 != 0) add_ours();
    meet_at_once(world, *ours, *theirs);
    world.run_for(3s);
    ASSERT_TRUE(agree(*ours, *theirs)) << "seed " << seed;
    ASSERT_EQ(ours->mesh().bond_count(), 1U) << "seed " << seed;
    if (!crossed(world)) continue;
    ++really_crossed;
    ASSERT_EQ(ours->count<bonds::BondUp>(), 1U) << "seed " << seed;
    ASSERT_TRUE(ours->view().bonds.own().begin()->own().opened_by_us) << "seed " << seed;
  }
  EXPECT_GE(really_crossed, 900);
}

TEST(Crossing, ends_in_one_bond_however_the_delays_fall) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed, {.delay = 20ms, .jitter = 20ms, .service = 5ms});
    CppHost& a = world.add<CppHost>(eager());
    CppHost& b = world.add<CppHost>(eager());
    RustLike& c = world.add<RustLike>();
    for (Host* one : {static_cast<Host*>(&a), static_cast<Host*>(&b), static_cast<Host*>(&c)})
      for (Host* other : {static_cast<Host*>(&a), static_cast<Host*>(&b), static_cast<Host*>(&c)})
        if (one != other) world.after(world.rng().between(0ns, 60ms), [=] { one->meet(other->own_entry()); });
    world.run_for(4s);
    ASSERT_TRUE(agree(a, b)) << "seed " << seed;
    ASSERT_TRUE(agree(a, c)) << "seed " << seed;
    ASSERT_TRUE(agree(b, c)) << "seed " << seed;
  }
}

TEST(Crossing, of_nodes_that_wait_their_turn_does_not_happen) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    World world(seed, weather_of(seed));
    CppHost& low = world.add<CppHost>();
    CppHost& high = world.add<CppHost>();
    introduce(low, high);
    world.run_for(2s);
    ASSERT_TRUE(agree(low, high)) << "seed " << seed;
    // The higher id leaves the first dial to the lower one for at least 120 ms.
    if (3 * (world.weather.delay + world.weather.jitter) < 110ms) {
      EXPECT_EQ(world.dials, 1U) << "seed " << seed;
    }
  }
}

TEST(Crossing, is_decided_by_an_arrival_when_our_own_handshake_is_not_out_yet) {
  World world(7);
  CppHost& low = world.add<CppHost>(eager());
  CppHost& high = world.add<CppHost>(eager());
  // The higher one is a whole round trip ahead.
  high.meet(low.own_entry());
  world.after(12ms, [&] { low.meet(high.own_entry()); });
  world.run_for(1s);
  ASSERT_TRUE(agree(low, high));
  EXPECT_TRUE(high.view().bonds.own().begin()->own().opened_by_us);
  EXPECT_EQ(low.count<bonds::BondUp>() + high.count<bonds::BondUp>(), 2U);
}

}  // namespace
}  // namespace mosaik::test
