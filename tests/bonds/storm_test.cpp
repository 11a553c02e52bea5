// Many hosts at once.

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/rust_like.hpp"

namespace mosaik::test {
namespace {

/// Bonds that both ends hold, with one session.
template <class H>
std::size_t agreed(std::vector<H*>& hosts) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < hosts.size(); ++i)
    for (std::size_t j = i + 1; j < hosts.size(); ++j) {
      const auto one = hosts[i]->session_with(hosts[j]->id());
      out += one && one == hosts[j]->session_with(hosts[i]->id()) ? 1U : 0U;
    }
  return out;
}

std::size_t bond_ends(const std::vector<CppHost*>& hosts) {
  std::size_t out = 0;
  for (CppHost* host : hosts) out += host->mesh().bond_count();
  return out;
}

class Storm : public testing::TestWithParam<bool> {};

TEST_P(Storm, of_20_joining_hosts_ends_in_190_bonds) {
  Settings settings;
  settings.eager = GetParam();
  World world(17, {.delay = 3ms, .jitter = 2ms, .service = 500us});
  std::vector<CppHost*> hosts;
  for (int i = 0; i < 20; ++i) hosts.push_back(&world.add<CppHost>(settings));
  // Each knows the first one only; all others come from lists and BondFormed.
  for (CppHost* host : hosts)
    if (host != hosts.front()) host->meet(hosts.front()->own_entry());
  const Mono begin = world.now().mono;
  ASSERT_TRUE(world.run_until([&] { return bond_ends(hosts) == 380; }, 5s));
  EXPECT_LE(world.now().mono - begin, 2s);
  world.run_for(5s);
  EXPECT_EQ(agreed(hosts), 190U);
  EXPECT_EQ(bond_ends(hosts), 380U);
  std::size_t ups = 0;
  for (CppHost* host : hosts) {
    ups += host->count<bonds::BondUp>();
    EXPECT_EQ(host->view().bonds.size(), 190U);
    EXPECT_LE(host->verifier().verifications(), 40U) << "each entry once, not once a message";
  }
  EXPECT_EQ(ups, 380U) << "no bond had to be made twice";
}

INSTANTIATE_TEST_SUITE_P(Eager, Storm, testing::Bool());

TEST(MixedStorm, of_cpp_and_rust_hosts_ends_in_a_full_mesh_between_them) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    World world(seed, {.delay = 3ms, .jitter = 2ms, .service = 500us});
    std::vector<CppHost*> ours;
    std::vector<RustLike*> theirs;
    std::vector<Host*> all;
    for (int i = 0; i < 8; ++i) {
      if (i % 2 == 0)
        all.push_back(ours.emplace_back(&world.add<CppHost>()));
      else
        all.push_back(theirs.emplace_back(&world.add<RustLike>()));
    }
    for (Host* one : all)
      for (Host* other : all)
        if (one != other) world.after(world.rng().between(0ms, 200ms), [=] { one->meet(other->own_entry()); });
    world.run_for(10s);
    for (CppHost* host : ours) {
      ASSERT_EQ(host->mesh().bond_count(), 7U) << "seed " << seed;
      for (RustLike* rust : theirs)
        ASSERT_EQ(host->session_with(rust->id()), rust->session_with(host->id())) << "seed " << seed;
    }
  }
}

TEST(Chaos, of_kills_cuts_and_restarts_always_heals_into_a_full_mesh) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    World world(seed, {.delay = 5ms, .jitter = 4ms, .service = 2ms});
    std::vector<CppHost*> hosts;
    for (int i = 0; i < 5; ++i) hosts.push_back(&world.add<CppHost>());
    introduce(*hosts[0], *hosts[1], *hosts[2], *hosts[3], *hosts[4]);
    Rng& rng = world.rng();
    for (int i = 0; i < 30; ++i) {
      CppHost& one = *hosts[rng.below(5)];
      CppHost& other = *hosts[rng.below(5)];
      switch (rng.below(4)) {
        case 0:
          if (one.alive()) {
            world.kill(one);
            world.after(rng.between(0ms, 4s), [&one, &other] {
              one.boot();
              if (&one != &other && other.alive()) one.meet(other.own_entry());
            });
          }
          break;
        case 1: world.cut(one, other); break;
        case 2: world.cut_both(one, other); break;
        default: world.heal_all(); break;
      }
      world.run_for(rng.between(10ms, 3s));
    }
    world.heal_all();
    world.run_for(5s);
    for (CppHost* host : hosts) ASSERT_TRUE(host->alive());
    ASSERT_TRUE(world.run_until([&] { return agreed(hosts) == 10; }, 20s)) << "seed " << seed;
    world.run_for(10s);
    ASSERT_EQ(agreed(hosts), 10U) << "seed " << seed;
    ASSERT_EQ(bond_ends(hosts), 20U) << "seed " << seed;
    for (CppHost* host : hosts) ASSERT_EQ(host->view().health, Health::healthy) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mosaik::test
