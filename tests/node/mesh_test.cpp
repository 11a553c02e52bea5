// Five whole nodes: the mesh, what each sees of it, and what it goes through.

#include <gtest/gtest.h>

#include "node/wire.hpp"

namespace mosaik::test {
namespace {

class FiveNodes : public testing::Test {
 protected:
  void mesh() {
    wire_.add();
    for (int i = 1; i < 5; ++i) wire_.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    for (std::size_t i = 0; i < 5; ++i) wire_.join(i);
    ASSERT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 5s));
  }
  [[nodiscard]] bool all_see(std::size_t bonds) const {
    for (std::size_t i = 0; i < 5; ++i)
      if (wire_.group(i) == nullptr || wire_.group(i)->bonds.size() != bonds) return false;
    return true;
  }
  Wire wire_;
};

TEST_F(FiveNodes, mesh_and_all_see_ten_bonds) {
  mesh();
  ASSERT_TRUE(wire_.run_until([&] { return all_see(10); }, 2s));
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(wire_.at(i).node->catalog(wire_.now()).size(), 4U);
    EXPECT_TRUE(wire_.group(i)->bonds.missing().empty());
    EXPECT_EQ(wire_.events(i, EventKind::bond_up).size(), 4U) << "no bond was made twice";
  }
}

TEST_F(FiveNodes, see_the_cut_between_two_of_them_and_its_end) {
  mesh();
  wire_.run_for(3s);
  wire_.cut_both(1, 2);
  ASSERT_TRUE(wire_.run_until([&] { return all_see(9); }, 10s));
  EXPECT_EQ(wire_.group(4)->bonds.missing().size(), 1U);
  wire_.heal_all();
  EXPECT_TRUE(wire_.run_until([&] { return all_see(10) && wire_.full_mesh(); }, 10s));
}

TEST_F(FiveNodes, go_on_without_the_bootstrap_peer_and_take_it_back) {
  mesh();
  wire_.run_for(1s);
  wire_.kill(0);
  ASSERT_TRUE(wire_.run_until([&] { return wire_.own_bonds(1) == 3 && wire_.own_bonds(4) == 3; }, 3s));
  wire_.run_for(10s);
  EXPECT_EQ(wire_.group(1)->bonds.size(), 6U);
  wire_.boot(0);  // it knows nobody
  wire_.join(0);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh() && all_see(10); }, 8s));
}

TEST(ChaosOfNodes, with_loss_kills_and_cuts_always_heals_into_a_full_mesh) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Wire wire(seed);
    wire.jitter = 900us;
    wire.port_unreachable = seed % 2 == 0;
    wire.add();
    for (int i = 1; i < 5; ++i) wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    for (std::size_t i = 0; i < 5; ++i) wire.join(i);
    Rng rng = wire.rng().fork("chaos");
    for (int i = 0; i < 40; ++i) {
      const std::size_t one = rng.below(5);
      const std::size_t other = rng.below(5);
      switch (rng.below(5)) {
        case 0:
          if (wire.at(one).node) wire.kill(one);
          break;
        case 1: wire.cut(one, other); break;
        case 2: wire.lost_of_100 = rng.below(15); break;
        case 3: wire.freeze(one, rng.between(10ms, 2s)); break;
        default: wire.heal_all(); break;
      }
      wire.run_for(rng.between(1ms, 2s));
      for (std::size_t node = 0; node < 5; ++node) {
        if (wire.at(node).node || rng.below(2) == 0) continue;
        wire.boot(node);
        wire.join(node);
      }
    }
    wire.heal_all();
    wire.lost_of_100 = 0;
    for (std::size_t node = 0; node < 5; ++node) {
      if (wire.at(node).node) continue;
      wire.boot(node);
      wire.join(node);
    }
    const auto whole = [&] {
      for (std::size_t node = 0; node < 5; ++node)
        if (wire.own_bonds(node) != 4 || wire.group(node)->bonds.size() != 10 || !wire.group(node)->online)
          return false;
      return true;
    };
    ASSERT_TRUE(wire.run_until(whole, 20s)) << "seed " << seed;
    wire.run_for(5s);
    ASSERT_TRUE(whole()) << "seed " << seed;
    const std::size_t ups = wire.events(1, EventKind::bond_up).size();
    wire.run_for(20s);
    ASSERT_EQ(wire.events(1, EventKind::bond_up).size(), ups) << "seed " << seed;
    for (std::size_t node = 0; node < 5; ++node)
      EXPECT_LE(wire.at(node).node->snapshot(wire.now())->connections, 6U) << "seed " << seed << ": a link for nothing";
  }
}

TEST(SameSeed, gives_the_same_events) {
  const auto run = [] {
    Wire wire(42);
    wire.add();
    for (int i = 1; i < 3; ++i) wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    for (std::size_t i = 0; i < 3; ++i) wire.join(i);
    wire.run_for(3s);
    wire.kill(1);
    wire.run_for(3s);
    wire.boot(1);
    wire.join(1);
    wire.run_for(5s);
    std::vector<std::string> out;
    for (std::size_t i = 0; i < 3; ++i)
      for (const Event& event : wire.at(i).events)
        out.push_back(std::to_string(i) + " " + std::to_string(event.mono_ns) + " " +
                      std::string(to_string(event.kind)) + " " + event.peer.brief() + " " + event.by + " " +
                      event.reason);
    return out;
  };
  const std::vector<std::string> first = run();
  EXPECT_GE(first.size(), 20U);
  EXPECT_EQ(first, run());
}

}  // namespace
}  // namespace mosaik::test
