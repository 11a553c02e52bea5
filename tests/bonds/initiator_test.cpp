// Our initiator, against an acceptor that answers what a test wants (spec: groups 3.5).

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"

namespace mosaik::test {
namespace {

std::uint64_t value(CloseCode code) {
  return static_cast<std::uint64_t>(code);
}

class Initiator : public testing::Test {
 protected:
  Initiator() {
    peer_.on_frame = [this](LinkId link, BytesView frame) {
      if (peer_.frames_of(link).size() != 1) return;
      start_ = wire::decode_handshake_start(frame).has_value();
      if (on_start) on_start(link);
    };
  }
  void meet() { host_.meet(peer_.own_entry()); }
  [[nodiscard]] crypto::Proof proof(LinkId link) const {
    return peer_.proof(link, host_.settings.key, host_.settings.group);
  }
  void refuse_all_with(CloseCode code) {
    on_start = [this, code](LinkId link) { peer_.close(link, code); };
  }
  /// Times between dials as the peer saw them.
  [[nodiscard]] std::vector<Nanoseconds> pauses(std::size_t wanted) {
    std::vector<Mono> opened;
    peer_.on_opened = [&](const LinkOpened&) { opened.push_back(world_.now().mono); };
    meet();
    world_.run_until([&] { return opened.size() > wanted; }, 300s);
    std::vector<Nanoseconds> out;
    for (std::size_t i = 1; i < opened.size(); ++i) out.push_back(opened[i] - opened[i - 1]);
    return out;
  }

  World world_{1};
  CppHost& host_ = world_.add<CppHost>();
  RawHost& peer_ = world_.add<RawHost>();
  std::function<void(LinkId)> on_start;
  bool start_ = false;
};

TEST_F(Initiator, bonds_with_an_acceptor_that_proves_the_key) {
  on_start = [this](LinkId link) { peer_.send(link, handshake_end(proof(link))); };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  EXPECT_FALSE(host_.events<bonds::BondUp>().front().cpp);
  const LinkId link = peer_.opened.front().link;
  EXPECT_TRUE(world_.run_until([&] { return peer_.count<wire::Ping>(link, 1) == 1; }, 100ms));
}

TEST_F(Initiator, brings_its_own_entry_in_the_tail) {
  meet();
  ASSERT_TRUE(world_.run_until([&] { return !peer_.frames.empty(); }, 1s));
  const auto start = wire::decode_handshake_start(peer_.frames.front().second);
  ASSERT_TRUE(start.has_value());
  identity::Verifier verifier(16);
  const bonds::ExtensionBlock tail = bonds::read_tail(start->tail, verifier);
  ASSERT_TRUE(tail.own_entry);
  EXPECT_EQ(tail.own_entry->digest, host_.own_entry()->digest);
  EXPECT_TRUE(tail.capabilities.can(bonds::Capability::topology_rows));
}

TEST_F(Initiator, tells_of_the_bonds_that_it_formed_since_its_HandshakeStart) {
  RawHost& other = world_.add<RawHost>();
  RawHost& known = world_.add<RawHost>();
  LinkId asked;
  on_start = [&](LinkId link) { asked = link; };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return start_; }, 1s));
  for (RawHost* peer : {&other, &known}) {
    host_.catalog().take(peer->own_entry());
    const LinkId link = peer->open(host_);
    peer->send(link, Start{}.encode(*peer, link));
    ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer->id()); }, 1s));
  }
  const BytesView listed = known.own_entry()->bytes;
  peer_.send(asked, handshake_end(proof(asked), std::span(&listed, 1)));
  world_.run_for(100ms);
  ASSERT_TRUE(host_.mesh().has_bond(peer_.id()));
  EXPECT_EQ(peer_.count<wire::BondFormed>(asked, 1), 1U) << "the acceptor's own list names the other one";
}

TEST_F(Initiator, tells_its_own_entry_when_that_is_newer_than_its_HandshakeStart) {
  for (const bool newer : {false, true}) {
    RawHost& peer = world_.add<RawHost>();
    LinkId asked;
    peer.on_frame = [&](LinkId link, BytesView) { asked = link; };
    host_.meet(peer.own_entry());
    ASSERT_TRUE(world_.run_until([&] { return asked != LinkId{}; }, 1s));
    if (newer) host_.refresh();
    peer.send(asked, handshake_end(peer.proof(asked, host_.settings.key, host_.settings.group)));
    world_.run_for(100ms);
    ASSERT_TRUE(host_.mesh().has_bond(peer.id()));
    EXPECT_EQ(peer.count<wire::PeerEntryUpdate>(asked, 1), newer ? 1U : 0U);
  }
}

TEST_F(Initiator, learns_which_run_has_answered) {
  meet();  // of the run before
  peer_.self() = identity::Self(crypto::SecretKey::from_seed(ranked_seeds().at(peer_.rank())), host_.settings.network,
                                Wall{world_.now().wall.milliseconds + 1000});
  on_start = [this](LinkId link) {
    peer_.send(link, handshake_end(proof(link), {}, bonds::handshake_tail(peer_.own_entry())));
  };
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  const auto heard = host_.events<bonds::EntryHeard>();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard.front().entry->digest, peer_.own_entry()->digest);
}

TEST_F(Initiator, refuses_a_wrong_proof_with_30405) {
  on_start = [this](LinkId link) {
    peer_.send(link, handshake_end(peer_.proof(link, GroupKey::from_secret("another secret"), host_.settings.group)));
  };
  meet();
  world_.run_until([&] { return !peer_.frames.empty(); }, 1s);
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 1s), value(CloseCode::invalid_proof));
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::refused);
  EXPECT_EQ(host_.mesh().bond_count(), 0U);
}

TEST_F(Initiator, refuses_its_own_proof_sent_back) {
  on_start = [this](LinkId link) {
    const auto start = wire::decode_handshake_start(peer_.frames.back().second);
    peer_.send(link, handshake_end(crypto::Proof(start->proof)));
  };
  meet();
  world_.run_until([&] { return !peer_.frames.empty(); }, 1s);
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 1s), value(CloseCode::invalid_proof));
}

TEST_F(Initiator, refuses_an_undecodable_HandshakeEnd_with_400) {
  on_start = [this](LinkId link) { peer_.send(link, std::vector<std::uint8_t>{1, 2, 3}); };
  meet();
  world_.run_until([&] { return !peer_.frames.empty(); }, 1s);
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 1s), value(CloseCode::protocol_violation));
}

TEST_F(Initiator, refuses_a_bad_entry_in_the_list_with_400) {
  RawHost& other = world_.add<RawHost>();
  on_start = [&](LinkId link) {
    const BytesView listed = other.own_entry()->bytes;
    std::vector<std::uint8_t> frame = handshake_end(proof(link), std::span(&listed, 1));
    frame.back() ^= 1U;
    peer_.send(link, frame);
  };
  meet();
  world_.run_until([&] { return !peer_.frames.empty(); }, 1s);
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 1s), value(CloseCode::protocol_violation));
  EXPECT_EQ(host_.count<bonds::BondUp>(), 0U);
}

TEST_F(Initiator, refuses_an_oversized_HandshakeEnd_with_400) {
  on_start = [this](LinkId link) { peer_.send(link, std::vector<std::uint8_t>(limits::handshake_frame + 1)); };
  meet();
  world_.run_until([&] { return !peer_.frames.empty(); }, 1s);
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 1s), value(CloseCode::protocol_violation));
}

TEST_F(Initiator, gives_up_with_30408_when_nothing_is_answered) {
  meet();
  ASSERT_TRUE(world_.run_until([&] { return !peer_.frames.empty(); }, 1s));
  const Mono before = world_.now().mono;
  EXPECT_EQ(peer_.close_code(peer_.opened.front().link, 3s), value(CloseCode::timeout));
  EXPECT_GE(world_.now().mono - before, limits::handshake_timeout - 50ms);
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::missing);
  EXPECT_TRUE(world_.run_until([&] { return peer_.opened.size() == 2; }, 2s)) << "and tries again";
}

TEST_F(Initiator, tries_again_after_an_end_of_stream) {
  on_start = [this](LinkId link) { peer_.finish(link, true); };
  meet();
  EXPECT_TRUE(world_.run_until([&] { return peer_.opened.size() == 3; }, 5s));
  EXPECT_EQ(peer_.closed.begin()->second.code, value(CloseCode::unexpected_close));
}

TEST_F(Initiator, tries_again_slower_and_slower_after_a_refusal) {
  refuse_all_with(CloseCode::invalid_proof);
  const auto pause = pauses(8);
  ASSERT_EQ(pause.size(), 8U);
  EXPECT_GE(pause[0], limits::refused_least);
  EXPECT_GE(pause[7], limits::refused_most / 2);
  for (const Nanoseconds each : pause) EXPECT_LE(each, limits::refused_most + 100ms);
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::refused);
}

TEST_F(Initiator, does_not_spin_when_the_acceptor_speaks_before_it_is_asked) {
  world_.weather.service = 0ms;
  peer_.on_opened = [this](const LinkOpened& opened) { peer_.send(opened.link, std::vector<std::uint8_t>{0}); };
  meet();
  world_.run_for(10s);
  EXPECT_LE(world_.dials, 15U);
}

TEST_F(Initiator, asks_for_a_sync_after_401_and_then_dials_at_once) {
  peer_.on_opened = [this](const LinkOpened& opened) {
    if (peer_.met.empty()) peer_.close(opened.link, CloseCode::unknown_peer);
  };
  on_start = [this](LinkId link) { peer_.send(link, handshake_end(proof(link))); };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  EXPECT_EQ(host_.count<bonds::SyncWanted>(), 1U);
  EXPECT_EQ(peer_.opened.size(), 2U);
}

TEST_F(Initiator, hears_a_401_that_arrived_together_with_the_opening) {
  world_.weather.service = 30ms;  // opening and close are taken up together
  world_.weather.jitter = 0ms;
  peer_.on_opened = [this](const LinkOpened& opened) {
    if (peer_.met.empty()) peer_.close(opened.link, CloseCode::unknown_peer);
  };
  on_start = [this](LinkId link) { peer_.send(link, handshake_end(proof(link))); };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 2s));
  EXPECT_EQ(host_.count<bonds::SyncWanted>(), 1U);
  EXPECT_LE(world_.dials, 2U);
}

TEST_F(Initiator, does_not_spin_when_401_comes_again_and_again) {
  peer_.on_opened = [this](const LinkOpened& opened) { peer_.close(opened.link, CloseCode::unknown_peer); };
  meet();
  world_.run_for(60s);
  EXPECT_GE(host_.count<bonds::SyncWanted>(), 5U);
  EXPECT_LE(host_.count<bonds::SyncWanted>(), 25U);
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::missing);
}

TEST_F(Initiator, does_not_spin_when_the_sync_after_401_fails) {
  world_.weather.syncs_fail = true;
  peer_.on_opened = [this](const LinkOpened& opened) { peer_.close(opened.link, CloseCode::unknown_peer); };
  meet();
  world_.run_for(60s);
  EXPECT_GE(host_.count<bonds::SyncWanted>(), 5U);
  EXPECT_LE(host_.count<bonds::SyncWanted>(), 20U);
}

TEST_F(Initiator, answers_the_held_rust_handshake_when_its_own_times_out) {
  LinkId theirs;
  on_start = [&](LinkId) {
    theirs = peer_.dial(host_);
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (opened.link == theirs) peer_.send(theirs, Start{}.encode(peer_, theirs));
    };
  };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, limits::handshake_timeout + 100ms));
  EXPECT_TRUE(world_.is_open(peer_, theirs));
  EXPECT_EQ(world_.dials, 2U);
}

TEST_F(Initiator, goes_on_after_a_sync_that_failed) {
  peer_.on_opened = [this](const LinkOpened& opened) { peer_.close(opened.link, CloseCode::unknown_peer); };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.count<bonds::SyncWanted>() == 1; }, 1s));
  world_.cut_both(host_, peer_);
  world_.run_for(1s);
  world_.heal_all();
  EXPECT_TRUE(world_.run_until([&] { return host_.count<bonds::SyncWanted>() >= 2; }, 15s));
}

TEST_F(Initiator, takes_a_group_that_the_peer_does_not_know_for_the_end_of_its_wish) {
  refuse_all_with(CloseCode::group_not_found);
  meet();
  world_.run_for(30s);
  EXPECT_EQ(peer_.opened.size(), 1U);
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::refused);
  // A refreshed entry of the same run changes nothing, a new run does.
  peer_.self().refresh(world_.now().wall);
  meet();
  world_.run_for(5s);
  EXPECT_EQ(peer_.opened.size(), 1U);
  peer_.self() =
      identity::Self(crypto::SecretKey::from_seed(ranked_seeds().at(1)), host_.settings.network, world_.now().wall);
  peer_.self().set_addresses({peer_.address()}, world_.now().wall);
  peer_.self().join(host_.settings.group, world_.now().wall);
  meet();
  EXPECT_TRUE(world_.run_until([&] { return peer_.opened.size() == 2; }, 2s));
}

TEST_F(Initiator, takes_102_for_a_departure) {
  refuse_all_with(CloseCode::cancelled);
  meet();
  world_.run_for(30s);
  EXPECT_EQ(peer_.opened.size(), 1U);
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::departed);
}

TEST_F(Initiator, says_nothing_of_proofs_when_HandshakeEnd_and_close_arrive_together) {
  world_.weather.jitter = 0ms;
  on_start = [this](LinkId link) {
    world_.weather.service = 30ms;
    peer_.send(link, handshake_end(proof(link)));
    peer_.close(link, CloseCode::already_bonded);
  };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return !host_.refusals(false).empty(); }, 1s));
  EXPECT_TRUE(host_.refusals(true).empty());
  EXPECT_EQ(host_.refusals(false).front(), value(CloseCode::already_bonded));
  EXPECT_EQ(host_.state_of(peer_.id()), MemberState::missing);
}

// -- an own attempt and the peer's handshake at once

TEST_F(Initiator, holds_a_rust_handshake_and_refuses_it_when_its_own_succeeds) {
  LinkId theirs;
  on_start = [&](LinkId link) {
    theirs = peer_.dial(host_);
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (opened.link == theirs) peer_.send(theirs, Start{}.encode(peer_, theirs));
    };
    world_.after(100ms, [this, link] { peer_.send(link, handshake_end(proof(link))); });
  };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  EXPECT_EQ(peer_.close_code(theirs, 100ms), value(CloseCode::already_bonded));
  EXPECT_TRUE(peer_.frames_of(theirs).empty()) << "a held handshake is not answered";
}

TEST_F(Initiator, answers_the_held_rust_handshake_when_its_own_fails) {
  LinkId theirs;
  on_start = [&](LinkId link) {
    theirs = peer_.dial(host_);
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (opened.link == theirs) peer_.send(theirs, Start{}.encode(peer_, theirs));
    };
    world_.after(100ms, [this, link] { peer_.close(link, CloseCode::already_bonded); });
  };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  EXPECT_TRUE(world_.is_open(peer_, theirs));
  EXPECT_FALSE(host_.view().bonds.own().begin()->own().opened_by_us);
}

/// The peer sends `count` handshakes of its own while ours waits.
struct Crowd {
  std::vector<LinkId> links;
  std::size_t sent = 0;
};

TEST_F(Initiator, refuses_all_other_held_handshakes_when_one_is_answered) {
  Crowd crowd;
  on_start = [&](LinkId link) {
    for (int i = 0; i < 3; ++i) crowd.links.push_back(peer_.dial(host_));
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (std::ranges::find(crowd.links, opened.link) == crowd.links.end()) return;
      peer_.send(opened.link, Start{}.encode(peer_, opened.link));
    };
    world_.after(100ms, [this, link] { peer_.close(link, CloseCode::already_bonded); });
  };
  meet();
  ASSERT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer_.id()); }, 1s));
  world_.run_for(100ms);
  const auto open = std::ranges::count_if(crowd.links, [&](LinkId link) { return world_.is_open(peer_, link); });
  EXPECT_EQ(open, 1);
}

TEST_F(Initiator, dials_again_when_no_held_handshake_can_be_answered) {
  Crowd crowd;
  RawHost& other = world_.add<RawHost>();
  on_start = [&](LinkId link) {
    if (!crowd.links.empty()) return;
    for (int i = 0; i < 2; ++i) crowd.links.push_back(peer_.dial(host_));
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (std::ranges::find(crowd.links, opened.link) == crowd.links.end()) return;
      Start start;
      start.bonds = {other.own_entry()};
      std::vector<std::uint8_t> frame = start.encode(peer_, opened.link);
      frame.back() ^= 1U;  // its list cannot be verified: 400 as soon as it is answered
      peer_.send(opened.link, frame);
    };
    world_.after(100ms, [this, link] { peer_.close(link, CloseCode::already_bonded); });
  };
  meet();
  world_.run_for(500ms);
  for (const LinkId link : crowd.links) EXPECT_EQ(peer_.close_code(link, 1s), value(CloseCode::protocol_violation));
  EXPECT_TRUE(world_.run_until([&] { return world_.dials == 4; }, 3s)) << "the member is still wanted";
  EXPECT_LE(world_.dials, 4U);
}

TEST_F(Initiator, bounds_the_handshakes_that_it_holds) {
  Crowd crowd;
  on_start = [&](LinkId) {
    for (std::size_t i = 0; i <= limits::held_handshakes; ++i) crowd.links.push_back(peer_.dial(host_));
    peer_.on_opened = [&](const LinkOpened& opened) {
      if (std::ranges::find(crowd.links, opened.link) != crowd.links.end())
        peer_.send(opened.link, Start{}.encode(peer_, opened.link));
    };
  };
  meet();
  world_.run_for(300ms);
  const auto refused = std::ranges::count_if(crowd.links, [&](LinkId link) { return peer_.closed.contains(link); });
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace mosaik::test
