// Everybody's picture of the whole mesh.

#include <gtest/gtest.h>

#include <mosaik/serialization/postcard.hpp>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"
#include "bonds/rust_like.hpp"

namespace mosaik::test {
namespace {

Now at(Nanoseconds since) {
  return {Mono(1s) + since, Boot(1s) + since, Wall{}};
}
PeerId peer(std::uint8_t value) {
  Bytes32 bytes{};
  bytes[0] = value;
  return PeerId(bytes);
}
bonds::Row row(std::uint64_t sequence, std::set<PeerId> peers, std::int64_t incarnation = 1) {
  return {.incarnation = incarnation, .sequence = sequence, .peers = std::move(peers)};
}
std::optional<BondState> state_of(const bonds::Topology& topology, const Now& now, const PeerId& a, const PeerId& b) {
  for (const bonds::KnownPair& pair : topology.pairs(now))
    if (pair.a == a && pair.b == b) return pair.state;
  return std::nullopt;
}

TEST(Topology, knows_a_bond_of_others_when_both_ends_say_so) {
  bonds::Topology topology(peer(1));
  EXPECT_TRUE(topology.on_row(at(0s), peer(2), row(1, {peer(1), peer(3)})));
  EXPECT_EQ(state_of(topology, at(0s), peer(2), peer(3)), BondState::as_reported) << "one end is not heard yet";
  EXPECT_TRUE(topology.on_row(at(0s), peer(3), row(1, {peer(1), peer(2)})));
  EXPECT_EQ(state_of(topology, at(0s), peer(2), peer(3)), BondState::both_ends);
}

TEST(Topology, calls_a_bond_one_sided_only_after_the_grace) {
  bonds::Topology topology(peer(1));
  topology.on_row(at(0s), peer(2), row(1, {peer(1), peer(3)}));
  topology.on_row(at(0s), peer(3), row(1, {peer(1), peer(2)}));
  topology.on_row(at(10s), peer(3), row(2, {peer(1)}));
  EXPECT_EQ(topology.next_change(at(10s)), at(12s).mono);
  EXPECT_EQ(state_of(topology, at(11999ms), peer(2), peer(3)), BondState::both_ends);
  EXPECT_EQ(state_of(topology, at(12s), peer(2), peer(3)), BondState::one_sided);
  EXPECT_EQ(topology.next_change(at(12s)), never);
  topology.on_row(at(13s), peer(2), row(2, {peer(1)}));
  EXPECT_EQ(state_of(topology, at(13s), peer(2), peer(3)), std::nullopt);
}

TEST(Topology, takes_only_newer_rows) {
  bonds::Topology topology(peer(1));
  EXPECT_TRUE(topology.on_row(at(0s), peer(2), row(5, {peer(3)})));
  EXPECT_FALSE(topology.on_row(at(0s), peer(2), row(5, {peer(4)})));
  EXPECT_FALSE(topology.on_row(at(0s), peer(2), row(4, {peer(4)})));
  EXPECT_TRUE(topology.on_row(at(0s), peer(2), row(1, {peer(4)}, 2))) << "a newer run begins anew";
}

TEST(Topology, keeps_reports_of_a_rust_peer_as_long_as_our_bond_to_it) {
  bonds::Topology topology(peer(1));
  EXPECT_TRUE(topology.on_report(peer(2), peer(3)));
  EXPECT_FALSE(topology.on_report(peer(2), peer(3)));
  EXPECT_FALSE(topology.on_report(peer(2), peer(1))) << "our own bonds we know ourselves";
  EXPECT_EQ(state_of(topology, at(100s), peer(2), peer(3)), BondState::as_reported);
  topology.forget(peer(2));
  EXPECT_TRUE(topology.pairs(at(100s)).empty());
}

TEST(Topology, stays_bounded_when_a_row_changes_wildly) {
  bonds::Topology topology(peer(1));
  // Each row names other peers; what has left is remembered for the grace only, and not without limit.
  std::uint64_t next = 0;
  for (std::uint64_t sequence = 1; sequence <= 50; ++sequence) {
    bonds::Row wild = row(sequence, {});
    while (wild.peers.size() < limits::mesh_peers) {
      Bytes32 bytes{};
      bytes[0] = 9;
      for (std::size_t i = 0; i < 8; ++i) bytes[1 + i] = static_cast<std::uint8_t>(next >> (8 * i));
      ++next;
      wild.peers.insert(PeerId(bytes));
    }
    EXPECT_TRUE(topology.on_row(at(0s), peer(2), wild));
    EXPECT_LE(topology.remembered_changes(), 3 * limits::mesh_peers);
  }
}

TEST(RowOnTheWire, survives_the_way_there_and_back) {
  const bonds::Row before = row(7, {peer(1), peer(2)}, -3);
  std::vector<std::uint8_t> bytes;
  bonds::encode_row(before, bytes);
  const auto after = bonds::decode_row(bytes);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->incarnation, -3);
  EXPECT_EQ(after->sequence, 7U);
  EXPECT_EQ(after->peers, before.peers);
}

TEST(RowOnTheWire, refuses_every_cut_and_any_announced_length) {
  std::vector<std::uint8_t> bytes;
  bonds::encode_row(row(7, {peer(1), peer(2)}), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(bonds::decode_row(BytesView(bytes).first(size)).has_value()) << size;
  const std::vector<std::uint8_t> huge{0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f};
  EXPECT_FALSE(bonds::decode_row(huge).has_value());
}

// -- in a mesh

template <class T>
std::set<Bonds::Pair> pairs_at(T& host, BondState state) {
  std::set<Bonds::Pair> out;
  const GroupStatus status = host.view();
  for (const Bond& bond : status.bonds)
    if (bond.state() == state) out.insert({bond.a(), bond.b()});
  return out;
}

class MeshTopology : public testing::Test {
 protected:
  void bond_all() {
    introduce(a_, b_, c_, d_);
    ASSERT_TRUE(world_.run_until([&] { return a_.view().bonds.size() == 6 && d_.view().bonds.size() == 6; }, 5s));
    world_.run_for(3s);
  }
  void refuse_the_row_with_which_c_gives_up_d() {
    bond_all();
    world_.cut_both(c_, d_);
    c_.links().full.insert(SendClass::liveness);
    c_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
      mesh.on_dead(step, d_.id(), bonds::EndedBy::presumed, "test");
    });
    world_.run_for(100ms);  // its row would have gone out by now
    c_.links().full.clear();
  }
  /// D has not noticed yet: only C's row says that the bond is gone.
  void expect_a_to_know_it() {
    ASSERT_TRUE(d_.mesh().has_bond(c_.id()));
    EXPECT_EQ(pairs_at(a_, BondState::one_sided), (std::set<Bonds::Pair>{std::minmax(c_.id(), d_.id())}));
  }
  /// What the hosts' own bonds say, both ends of each agreeing.
  std::set<Bonds::Pair> truth() {
    std::set<Bonds::Pair> out;
    for (CppHost* host : all_)
      for (const Bond& bond : host->view().bonds.own()) out.insert({bond.a(), bond.b()});
    return out;
  }
  void expect_everyone_sees_the_truth() {
    for (CppHost* host : all_) {
      std::set<Bonds::Pair> seen = pairs_at(*host, BondState::own);
      seen.merge(pairs_at(*host, BondState::both_ends));
      seen.merge(pairs_at(*host, BondState::as_reported));  // of whom it has no bond with, it hears from others
      EXPECT_EQ(seen, truth());
      EXPECT_EQ(host->view().bonds.size(), truth().size());
    }
  }

  World world_{21};
  CppHost& a_ = world_.add<CppHost>();
  CppHost& b_ = world_.add<CppHost>();
  CppHost& c_ = world_.add<CppHost>();
  CppHost& d_ = world_.add<CppHost>();
  std::vector<CppHost*> all_{&a_, &b_, &c_, &d_};
};

TEST_F(MeshTopology, is_the_truth_at_every_node) {
  bond_all();
  EXPECT_EQ(truth().size(), 6U);
  for (CppHost* host : all_) EXPECT_EQ(pairs_at(*host, BondState::both_ends).size(), 3U);
  expect_everyone_sees_the_truth();
  EXPECT_EQ(a_.view().health, Health::healthy);
  EXPECT_TRUE(a_.view().online);
}

TEST_F(MeshTopology, names_every_bond_alike_everywhere) {
  bond_all();
  for (const Bond& bond : a_.view().bonds)
    for (CppHost* host : all_) EXPECT_EQ(host->view().bonds.between(bond.a(), bond.b())->id(), bond.id());
}

TEST_F(MeshTopology, shows_a_cut_to_everyone_who_is_not_part_of_it) {
  bond_all();
  world_.cut_both(a_, b_);
  world_.run_for(10s);
  EXPECT_EQ(truth().size(), 5U);
  expect_everyone_sees_the_truth();
  const GroupStatus seen = c_.view();
  EXPECT_EQ(seen.bonds.missing(), (std::vector<Bonds::Pair>{{a_.id(), b_.id()}}));
  world_.heal_all();
  ASSERT_TRUE(world_.run_until([&] { return c_.view().bonds.missing().empty(); }, 10s));
  world_.run_for(3s);
  expect_everyone_sees_the_truth();
}

TEST_F(MeshTopology, says_nothing_of_two_members_whom_it_hears_neither_of) {
  bond_all();
  for (CppHost* other : {&b_, &c_, &d_}) world_.cut_both(a_, *other);
  world_.run_for(10s);
  ASSERT_EQ(a_.mesh().bond_count(), 0U);
  EXPECT_EQ(a_.view().bonds.missing().size(), 3U) << "its own; the other three may well be bonded";
}

TEST_F(MeshTopology, is_the_truth_after_a_member_was_killed_and_came_back) {
  bond_all();
  world_.kill(d_);
  world_.run_for(8s);
  EXPECT_EQ(a_.view().bonds.size(), 3U);
  d_.boot();
  ASSERT_TRUE(world_.run_until([&] { return a_.view().bonds.size() == 6 && d_.view().bonds.size() == 6; }, 8s));
  world_.run_for(3s);
  expect_everyone_sees_the_truth();
}

TEST_F(MeshTopology, sends_a_row_again_that_was_not_taken) {
  refuse_the_row_with_which_c_gives_up_d();
  world_.run_for(3s);
  expect_a_to_know_it();
}

// Whoever hears frames has no reason to ask for life: its next Ping may be far (spec: groups 4.3).
TEST_F(MeshTopology, sends_a_row_again_soon_though_it_hears_so_much_that_it_pings_nobody) {
  refuse_the_row_with_which_c_gives_up_d();
  const std::vector<std::uint8_t> chatter{1, 2, 5, 0};
  for (int i = 0; i < 30; ++i) {
    a_.with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
      static_cast<void>(mesh.send_raft(step, c_.id(), chatter));
    });
    world_.run_for(100ms);
  }
  expect_a_to_know_it();
}

TEST(TopologyWithOneEnd, shows_a_half_bond_as_one_sided_only_after_the_grace) {
  World world(2);
  CppHost& host = world.add<CppHost>();
  RawHost& one = world.add<RawHost>();
  RawHost& two = world.add<RawHost>();
  std::map<RawHost*, LinkId> links;
  for (RawHost* raw : {&one, &two}) {
    Start start;
    start.tail = bonds::handshake_tail(raw->own_entry());
    links[raw] = raw->open(host);
    raw->send(links[raw], start.encode(*raw, links[raw]));
  }
  const auto ping = [&](RawHost& from, const bonds::Row& its_row) {
    std::vector<std::uint8_t> bytes;
    bonds::encode_row(its_row, bytes);
    std::vector<std::uint8_t> frame;
    std::vector<std::uint8_t> tail;
    const wire::Extension extension{wire::ExtensionTag::topology_row, bytes};
    wire::encode_extensions(std::span(&extension, 1), tail);
    wire::encode_ping(tail, frame);
    from.send(links[&from], frame);
  };
  world.run_for(100ms);
  ping(one, row(1, {host.id(), two.id()}));
  ping(two, row(1, {host.id(), one.id()}));
  world.run_for(100ms);
  EXPECT_EQ(pairs_at(host, BondState::both_ends).size(), 1U);
  ping(one, row(2, {host.id()}));
  world.run_for(1s);
  EXPECT_EQ(pairs_at(host, BondState::one_sided).size(), 0U);
  ping(one, row(2, {host.id()}));
  ping(two, row(1, {host.id(), one.id()}));
  host.seen.clear();
  world.run_for(1500ms);
  EXPECT_EQ(pairs_at(host, BondState::one_sided).size(), 1U);
  EXPECT_GE(host.count<bonds::MeshChanged>(), 1U) << "nothing arrived, and yet it is news";
  EXPECT_EQ(host.view().health, Health::degraded);
}

TEST(TopologyWithRust, shows_bonds_of_rust_peers_as_reported) {
  World world(2);
  CppHost& ours = world.add<CppHost>();
  RustLike& one = world.add<RustLike>();
  RustLike& two = world.add<RustLike>();
  introduce(one, two);
  world.run_for(1s);
  introduce(ours, one);
  introduce(ours, two);
  ASSERT_TRUE(world.run_until([&] { return ours.mesh().bond_count() == 2; }, 3s));
  world.run_for(1s);
  EXPECT_EQ(pairs_at(ours, BondState::as_reported), (std::set<Bonds::Pair>{{one.id(), two.id()}}));
  world.kill(one);
  world.run_for(8s);
  EXPECT_TRUE(pairs_at(ours, BondState::as_reported).empty());
}

}  // namespace
}  // namespace mosaik::test
