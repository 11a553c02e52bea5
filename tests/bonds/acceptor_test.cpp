// What an initiator sees of our acceptor: every close code, in the crate's order of checks (spec: groups 3.4).

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"

namespace mosaik::test {
namespace {

std::uint64_t value(CloseCode code) {
  return static_cast<std::uint64_t>(code);
}

class Acceptor : public testing::Test {
 protected:
  /// What the host answers a frame with; the peer's entry is known unless said otherwise.
  std::uint64_t answer_to(BytesView frame) {
    const LinkId link = peer_.open(host_);
    peer_.send(link, frame);
    return peer_.close_code(link);
  }
  void know_peer() { host_.catalog().take(peer_.own_entry()); }
  /// Opens a bond of the peer and returns its link.
  LinkId bond() {
    const LinkId link = peer_.open(host_);
    peer_.send(link, Start{}.encode(peer_, link));
    EXPECT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
    return link;
  }

  World world_{1};
  CppHost& host_ = world_.add<CppHost>();
  RawHost& peer_ = world_.add<RawHost>();
  const std::vector<std::uint8_t> garbage_{1, 2, 3};
};

TEST_F(Acceptor, bonds_with_a_known_peer_that_proves_the_key) {
  know_peer();
  const LinkId link = peer_.open(host_);
  peer_.send(link, Start{}.encode(peer_, link));
  ASSERT_TRUE(world_.run_until([&] { return !peer_.frames_of(link).empty(); }, 1s));
  const auto first = peer_.frames_of(link).front();
  const auto end = wire::decode_handshake_end(first);
  ASSERT_TRUE(end.has_value());
  const auto ekm = world_.exporter(peer_, link, host_.settings.group.view());
  EXPECT_TRUE(
      crypto::verify_proof(host_.settings.key, crypto::ExporterKey(*ekm), host_.id(), crypto::Proof(end->proof)));
  EXPECT_TRUE(end->tail.empty()) << "a Rust peer is told nothing of extensions";
  EXPECT_TRUE(host_.mesh().has_bond(peer_.id()));
  // And it sends its first Ping at once.
  ASSERT_TRUE(world_.run_until([&] { return peer_.count<wire::Ping>(link, 1) == 1; }, 50ms));
}

TEST_F(Acceptor, refuses_an_unknown_peer_with_401) {
  const LinkId link = peer_.open(host_);
  peer_.send(link, Start{}.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, refuses_an_unknown_peer_with_401_whatever_else_is_wrong) {
  EXPECT_EQ(answer_to(garbage_), value(CloseCode::unknown_peer));
  Start other_network;
  other_network.network = id_of<NetworkId>("elsewhere");
  EXPECT_EQ(answer_to(other_network.encode({})), value(CloseCode::unknown_peer));
  const LinkId ended = peer_.open(host_);
  peer_.finish(ended, true);
  EXPECT_EQ(peer_.close_code(ended), value(CloseCode::unknown_peer));
  const std::vector<std::uint8_t> huge(limits::handshake_frame + 1);
  EXPECT_EQ(answer_to(huge), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, refuses_a_peer_whose_entry_went_stale_with_401) {
  know_peer();
  world_.run_for(limits::stale_after + 1s);
  const LinkId link = peer_.open(host_);
  peer_.send(link, Start{}.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, lets_an_unknown_cpp_peer_in_by_the_entry_that_it_brings) {
  const LinkId link = peer_.open(host_);
  Start start;
  start.tail = bonds::handshake_tail(peer_.own_entry());
  peer_.send(link, start.encode(peer_, link));
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  ASSERT_EQ(host_.count<bonds::EntryHeard>(), 1U);
  EXPECT_EQ(host_.events<bonds::EntryHeard>().front().entry->id(), peer_.id());
  EXPECT_TRUE(host_.events<bonds::BondUp>().front().cpp);
  ASSERT_TRUE(world_.run_until([&] { return !peer_.frames.empty(); }, 1s));
  const auto end = wire::decode_handshake_end(peer_.frames.front().second);
  ASSERT_TRUE(end.has_value());
  identity::Verifier verifier(16);
  const identity::EntryRef own = bonds::read_tail(end->tail, verifier).own_entry;
  ASSERT_TRUE(own) << "it tells which run has answered";
  EXPECT_EQ(own->digest, host_.own_entry()->digest);
}

TEST_F(Acceptor, refuses_somebody_elses_entry_in_the_tail) {
  RawHost& other = world_.add<RawHost>();
  const LinkId link = peer_.open(host_);
  Start start;
  start.tail = bonds::handshake_tail(other.own_entry());
  peer_.send(link, start.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, refuses_a_stale_entry_in_the_tail) {
  world_.run_for(limits::stale_after + 1s);  // the peer's entry is from the beginning
  const LinkId link = peer_.open(host_);
  Start start;
  start.tail = bonds::handshake_tail(peer_.own_entry());
  peer_.send(link, start.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, refuses_an_entry_from_the_future_in_the_tail) {
  peer_.self().refresh(Wall{world_.now().wall.milliseconds + 10 * 60'000});
  const LinkId link = peer_.open(host_);
  Start start;
  start.tail = bonds::handshake_tail(peer_.own_entry());
  peer_.send(link, start.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unknown_peer));
}

TEST_F(Acceptor, times_out_with_30408_when_nothing_is_sent) {
  know_peer();
  const Mono before = world_.now().mono;
  const LinkId link = peer_.open(host_);
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::timeout));
  EXPECT_GE(world_.now().mono - before, limits::handshake_timeout);
  EXPECT_LE(world_.now().mono - before, limits::handshake_timeout + 100ms);
}

TEST_F(Acceptor, refuses_an_undecodable_frame_with_400) {
  know_peer();
  EXPECT_EQ(answer_to(garbage_), value(CloseCode::protocol_violation));
}

TEST_F(Acceptor, refuses_an_oversized_frame_with_400) {
  know_peer();
  const std::vector<std::uint8_t> huge(limits::handshake_frame + 1);
  EXPECT_EQ(answer_to(huge), value(CloseCode::protocol_violation));
}

TEST_F(Acceptor, answers_an_end_before_a_frame_with_103) {
  know_peer();
  const LinkId link = peer_.open(host_);
  peer_.finish(link, true);
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::unexpected_close));
}

TEST_F(Acceptor, answers_an_end_inside_a_frame_with_30400) {
  know_peer();
  const LinkId link = peer_.open(host_);
  peer_.finish(link, false);
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::invalid_handshake));
}

TEST_F(Acceptor, refuses_another_network_with_101_before_it_looks_at_the_group) {
  know_peer();
  Start start;
  start.network = id_of<NetworkId>("elsewhere");
  start.group = id_of<GroupId>("another group");
  EXPECT_EQ(answer_to(start.encode({})), value(CloseCode::different_network));
}

TEST_F(Acceptor, refuses_a_group_that_is_not_joined_with_30404_before_it_looks_at_the_proof) {
  know_peer();
  Start start;
  start.group = id_of<GroupId>("another group");
  EXPECT_EQ(answer_to(start.encode({})), value(CloseCode::group_not_found));
}

TEST_F(Acceptor, refuses_a_second_bond_with_30429_before_it_looks_at_the_proof) {
  know_peer();
  const LinkId first = bond();
  EXPECT_EQ(answer_to(Start{}.encode({})), value(CloseCode::already_bonded));
  EXPECT_EQ(host_.count<bonds::ProbeWanted>(), 1U) << "the bond that is in the way is probed";
  EXPECT_TRUE(world_.is_open(peer_, first));
  EXPECT_EQ(host_.mesh().bond_count(), 1U);
}

TEST_F(Acceptor, does_not_end_a_bond_on_the_word_of_who_proves_nothing) {
  know_peer();
  const LinkId first = bond();
  Start start;
  start.key = GroupKey::from_secret("another secret");
  start.tail = bonds::handshake_tail(peer_.own_entry(), bonds::own_capabilities, {},
                                     host_.events<bonds::BondUp>().back().session);
  const LinkId link = peer_.open(host_);
  peer_.send(link, start.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::invalid_proof));
  EXPECT_TRUE(world_.is_open(peer_, first));
  EXPECT_EQ(host_.mesh().bond_count(), 1U);
  EXPECT_EQ(host_.count<bonds::BondDown>(), 0U);
}

TEST_F(Acceptor, refuses_a_wrong_proof_with_30405) {
  know_peer();
  const LinkId link = peer_.open(host_);
  Start start;
  start.key = GroupKey::from_secret("another secret");
  peer_.send(link, start.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::invalid_proof));
  EXPECT_EQ(host_.mesh().bond_count(), 0U);
}

TEST_F(Acceptor, refuses_a_proof_made_for_another_connection) {
  know_peer();
  const LinkId one = peer_.open(host_);
  const LinkId two = peer_.open(host_);
  peer_.send(two, Start{}.encode(peer_, one));
  EXPECT_EQ(peer_.close_code(two), value(CloseCode::invalid_proof));
  peer_.send(one, Start{}.encode(peer_, one));
  EXPECT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
}

TEST_F(Acceptor, refuses_the_proof_of_another_prover) {
  know_peer();
  const LinkId link = peer_.open(host_);
  const auto ekm = world_.exporter(peer_, link, host_.settings.group.view());
  peer_.send(link, Start{}.encode(crypto::make_proof(host_.settings.key, crypto::ExporterKey(*ekm), host_.id())));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::invalid_proof));
}

TEST_F(Acceptor, refuses_a_bad_entry_in_the_list_with_400_and_forms_no_bond) {
  know_peer();
  RawHost& other = world_.add<RawHost>();
  const LinkId link = peer_.open(host_);
  Start start;
  start.bonds = {other.own_entry()};
  std::vector<std::uint8_t> frame = start.encode(peer_, link);
  frame.back() ^= 1U;  // in the signature of the listed entry
  peer_.send(link, frame);
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::protocol_violation));
  EXPECT_EQ(host_.count<bonds::BondUp>(), 0U);
  EXPECT_EQ(host_.view().members.size(), 2U) << "and learns nothing from it but the peer";
}

TEST_F(Acceptor, refuses_with_30404_once_it_is_leaving) {
  know_peer();
  const LinkId link = peer_.open(host_);
  host_.leave();
  peer_.send(link, Start{}.encode(peer_, link));
  EXPECT_EQ(peer_.close_code(link), value(CloseCode::group_not_found));
}

TEST_F(Acceptor, dials_those_whom_the_initiator_lists) {
  know_peer();
  RawHost& other = world_.add<RawHost>();
  const LinkId link = peer_.open(host_);
  Start start;
  start.bonds = {other.own_entry()};
  peer_.send(link, start.encode(peer_, link));
  EXPECT_TRUE(world_.run_until([&] { return !other.opened.empty(); }, 1s));
}

TEST_F(Acceptor, says_nothing_of_proofs_when_the_link_was_dead_before_its_frame_was_read) {
  know_peer();
  const LinkId link = peer_.open(host_);
  world_.weather.service = 50ms;  // the frame and the close are taken up together
  world_.weather.jitter = 0ms;
  peer_.send(link, Start{}.encode(peer_, link));
  peer_.close(link, CloseCode::cancelled);
  world_.run_for(1s);
  EXPECT_TRUE(host_.refusals(true).empty()) << "a member that gave up has no wrong secret";
  EXPECT_EQ(host_.mesh().bond_count(), 0U);
}

TEST_F(Acceptor, links_that_say_nothing_give_way_and_keep_nobody_out) {
  know_peer();
  constexpr std::size_t many = 2 * limits::incoming_starts;
  for (std::size_t i = 0; i < many; ++i) peer_.dial(host_);
  world_.run_until([&] { return peer_.opened.size() == many; }, 1s);
  EXPECT_GE(peer_.closed.size(), many - limits::incoming_starts);
  EXPECT_EQ(peer_.close_code(peer_.closed.begin()->first), value(CloseCode::timeout));
  const LinkId later = peer_.open(host_);
  peer_.send(later, Start{}.encode(peer_, later));
  EXPECT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  // Nor do they stay for ever.
  world_.run_for(limits::handshake_timeout);
  EXPECT_EQ(peer_.closed.size(), many);
}

}  // namespace
}  // namespace mosaik::test
