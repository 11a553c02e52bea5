/// Where datagrams go: several addresses of one peer, addresses that change, addresses where nobody is.

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "quic/wire.hpp"

namespace mosaik::quic::test {
namespace {

const SocketAddress dead = Wire::address(200);
const SocketAddress deaf = Wire::address(201);

struct Paths : testing::Test {
  Wire wire{1};
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  std::map<SocketAddress, std::size_t> sent_to;

  void SetUp() override {
    wire.passes = [&](const Packet& packet) {
      ++sent_to[packet.to];
      return true;
    };
  }
  bool echo(LinkId from, LinkId to, std::size_t size = 1000) {
    const std::size_t before = b.links[to].frames.size();
    if (a.endpoint->send(from, SendClass::consensus, a.frame(size)) != SendResult::queued) return false;
    return wire.run_until([&] { return b.links[to].frames.size() > before; }, 20s);
  }
};

TEST_F(Paths, answers_leave_from_the_address_that_was_dialled) {
  b.addresses.push_back(Wire::address(2, 5555));
  std::set<SocketAddress> sources;
  wire.on_deliver = [&](Host& host, const Packet& packet) {
    if (&host == &a) sources.insert(packet.from);
  };
  const LinkId link = wire.dial(a, b.id(), {Wire::address(2, 5555)});
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].opened.has_value(); }, 1s));
  EXPECT_EQ(sources, std::set<SocketAddress>{Wire::address(2, 5555)});
}

TEST_F(Paths, during_the_handshake_packets_from_elsewhere_are_not_read) {
  // B's answers seem to come from an address that was not dialled: a client must not take them (RFC 9000 9).
  wire.passes = [&](const Packet& packet) {
    if (packet.from != Wire::address(2)) return true;
    wire.inject(Wire::address(77), packet.to, packet.bytes);
    return false;
  };
  const LinkId link = wire.dial(a, b);
  wire.run_for(3s);
  EXPECT_FALSE(a.links[link].opened);
}

TEST_F(Paths, a_copy_of_an_answer_that_comes_first_does_not_draw_the_handshake_to_its_address) {
  std::size_t to_copyist = 0;
  wire.strangers[Wire::address(77)] = [&](const Packet&) { ++to_copyist; };
  wire.passes = [&](const Packet& packet) {
    if (packet.from == Wire::address(2)) wire.inject(Wire::address(77), packet.to, packet.bytes);
    return true;
  };
  const LinkId link = wire.dial(a, b);
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].opened.has_value(); }, 3s));
  EXPECT_EQ(a.endpoint->stats(link)->remote, Wire::address(2));
  EXPECT_EQ(a.links[link].opened->remote, Wire::address(2));
  EXPECT_EQ(to_copyist, 0U);
}

// Each side of a link sees the other one move.
class Movers : public Paths, public testing::WithParamInterface<Side> {
 protected:
  bool acceptor_moves() const { return GetParam() == Side::acceptor; }
};
INSTANTIATE_TEST_SUITE_P(Sides, Movers, testing::Values(Side::initiator, Side::acceptor), [](const auto& one) {
  return std::string(one.param == Side::initiator ? "initiator" : "acceptor");
});

TEST_P(Movers, a_link_whose_peer_has_another_address_ends_and_says_so) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  wire.run_for(100ms);
  Host& mover = acceptor_moves() ? b : a;
  Host& stayer = acceptor_moves() ? a : b;
  const LinkId of_mover = acceptor_moves() ? links->second : links->first;
  LinkLog& log = stayer.links[acceptor_moves() ? links->first : links->second];
  const SocketAddress now_at = Wire::address(50);
  mover.addresses = {now_at};  // a NAT forgot its mapping, or it is in another network
  const Mono start = wire.now().mono;
  for (int i = 0; i < 50 && !log.closed; ++i) {
    static_cast<void>(mover.endpoint->send(of_mover, SendClass::liveness, mover.frame(5)));
    wire.run_for(20ms);
  }
  ASSERT_TRUE(log.closed);
  EXPECT_EQ(log.closed->by, ClosedBy::moved);
  EXPECT_EQ(log.closed->reason, "address changed");
  EXPECT_EQ(log.closed->moved_to, now_at);
  EXPECT_LE(wire.now().mono - start, 400ms);
  EXPECT_EQ(sent_to[now_at], 0U);
  const LinkId again = wire.dial(stayer, mover.id(), {now_at});
  EXPECT_TRUE(wire.run_until([&] { return stayer.links[again].opened.has_value(); }, 1s));
}

TEST_P(Movers, a_peer_that_comes_back_in_time_keeps_its_link) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  Host& mover = acceptor_moves() ? b : a;
  const LinkId of_mover = acceptor_moves() ? links->second : links->first;
  const SocketAddress home = mover.addresses.front();
  for (int i = 0; i < 40; ++i) {
    mover.addresses = {i % 4 == 3 ? home : Wire::address(50)};
    static_cast<void>(mover.endpoint->send(of_mover, SendClass::liveness, mover.frame(5)));
    wire.run_for(50ms);
  }
  mover.addresses = {home};
  wire.run_for(1s);
  EXPECT_FALSE(a.links[links->first].closed);
  EXPECT_FALSE(b.links[links->second].closed);
  EXPECT_TRUE(echo(links->first, links->second));
}

// ngtcp2 would assert when a connection returns to its old path while the new one is still being validated for size.
class FlappingPeer : public Paths, public testing::WithParamInterface<bool> {
 protected:
  static SocketAddress at(std::uint16_t port) {
    return GetParam() ? SocketAddress::v4({127, 0, 0, 1}, port) : Wire::address(9, port);
  }
};
INSTANTIATE_TEST_SUITE_P(HereAndThere, FlappingPeer, testing::Bool(),
                         [](const auto& one) { return one.param ? "on_this_host" : "on_another"; });

TEST_P(FlappingPeer, costs_itself_its_link_and_nobody_else_anything) {
  b.addresses = {at(2)};
  Host& calm = wire.add(3);
  calm.addresses = {at(3)};
  const auto other = wire.connect(calm, b);
  ASSERT_TRUE(other);
  Rng rng(1);
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    const auto links = wire.connect(a, b);
    ASSERT_TRUE(links);
    for (int i = 0; i < 8; ++i) {
      a.addresses = {at(static_cast<std::uint16_t>(6000 + rng.below(3)))};
      static_cast<void>(a.endpoint->send(links->first, SendClass::consensus, a.frame(10 + rng.below(2000))));
      wire.run_for(rng.between(0ms, 6ms));
      if (rng.below(2) == 0)
        static_cast<void>(b.endpoint->send(links->second, SendClass::bulk, b.frame(1 + rng.below(6000))));
      wire.run_for(rng.between(0ms, 6ms));
    }
    a.endpoint->close(wire.now(), links->first, CloseCode::cancelled, CloseMode::at_once);
    wire.run_for(1s);
  }
  EXPECT_FALSE(b.links[other->second].closed);
}

// A challenge is large, and ngtcp2 ends the link when it is lost; a lost answer fills the congestion window of a link
// that has lost much, and nothing wakes it.
TEST_F(Paths, a_link_whose_path_stays_is_not_challenged) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  wire.run_for(100ms);  // the last of the handshake
  std::size_t sent = 0;
  std::size_t large = 0;
  wire.passes = [&](const Packet& packet) {
    large += packet.bytes.size() >= 1200 ? 1U : 0U;
    return ++sent % 4 != 0;
  };
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(echo(links->first, links->second, 10));
    ASSERT_EQ(b.endpoint->send(links->second, SendClass::liveness, b.frame(10)), SendResult::queued);
    wire.run_for(400ms);
  }
  EXPECT_EQ(large, 0U);
}

TEST_F(Paths, a_copied_packet_from_a_strangers_address_does_not_take_the_link_away) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  // Somebody on the path repeats a packet of A, faster, from its own address; nobody there answers path challenges.
  bool copy = true;
  wire.passes = [&](const Packet& packet) {
    if (packet.from == Wire::address(1) && std::exchange(copy, false)) {
      wire.inject(Wire::address(66), packet.to, packet.bytes);
    }
    return true;
  };
  ASSERT_TRUE(echo(links->first, links->second));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(echo(links->first, links->second));
    wire.run_for(1s);
  }
  EXPECT_EQ(b.endpoint->stats(links->second)->remote, Wire::address(1));
}

TEST_F(Paths, a_dial_ends_soon_when_nobody_listens_at_its_only_address) {
  wire.refusing.insert(dead);
  const Mono start = wire.now().mono;
  const LinkId link = wire.dial(a, b.id(), {dead});
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].closed.has_value(); }, 1s));
  EXPECT_LE(wire.now().mono - start, 20ms);
  EXPECT_EQ(a.links[link].closed->by, ClosedBy::handshake);
  EXPECT_EQ(a.links[link].closed->reason, "no one listens at 10.0.0.200:4433");
}

TEST_F(Paths, an_unreachable_that_quotes_our_packet_is_told_and_closes_nothing) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  wire.run_for(100ms);
  const std::vector<SocketAddress> home = std::exchange(b.addresses, {});
  wire.refusing.insert(home[0]);
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::liveness, a.frame(5)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return a.links[links->first].unreachable > 0; }, 1s));
  EXPECT_FALSE(a.links[links->first].closed);
  b.addresses = home;
  EXPECT_TRUE(echo(links->first, links->second));
}

TEST_F(Paths, an_acceptor_learns_of_an_unreachable_initiator_too) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  wire.run_for(100ms);
  wire.refusing.insert(a.addresses[0]);
  a.addresses.clear();
  ASSERT_EQ(b.endpoint->send(links->second, SendClass::liveness, b.frame(5)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[links->second].unreachable > 0; }, 1s));
}

TEST_F(Paths, an_unreachable_that_quotes_another_connection_is_ignored) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  for (const bool is_long : {false, true}) {
    std::vector<std::uint8_t> quoted(64, 0x11);
    quoted[0] = is_long ? 0xc0 : 0x40;
    quoted[5] = 8;
    for (std::size_t size = 0; size <= quoted.size(); ++size) {
      a.endpoint->on_unreachable(wire.now(), b.addresses[0], BytesView(quoted).first(size), Refusal::port);
    }
  }
  a.pull();
  EXPECT_EQ(a.links[links->first].unreachable, 0U);
}

TEST_F(Paths, loss_is_told_when_a_probe_timeout_passes_and_not_before) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  wire.run_for(20s);
  EXPECT_EQ(a.links[links->first].lossy, 0U);
  EXPECT_EQ(b.links[links->second].lossy, 0U);
  wire.passes = [](const Packet&) { return false; };
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::liveness, a.frame(5)), SendResult::queued);
  const Mono start = wire.now().mono;
  ASSERT_TRUE(wire.run_until([&] { return a.links[links->first].lossy > 0; }, 1s));
  EXPECT_GE(wire.now().mono - start, 10ms);
  EXPECT_LE(wire.now().mono - start, 100ms);
}

TEST_F(Paths, signs_of_life_are_told_once_a_batch_and_not_for_replayed_packets) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_TRUE(echo(links->first, links->second));
  wire.run_for(1s);
  std::vector<Packet> copies;
  wire.passes = [&](const Packet& packet) {
    if (packet.to == b.addresses[0]) copies.push_back(packet);
    return true;
  };
  const std::size_t before = b.links[links->second].active;
  ASSERT_TRUE(echo(links->first, links->second, 6000));
  EXPECT_EQ(b.links[links->second].active, before + 1) << "five packets came at once";
  wire.run_for(1s);
  const std::size_t active = b.links[links->second].active;
  for (int round = 0; round < 10; ++round) {
    for (const Packet& packet : std::vector<Packet>(copies)) wire.inject(packet.from, packet.to, packet.bytes);
    wire.run_for(1ms);
  }
  EXPECT_EQ(b.links[links->second].active, active);
}

}  // namespace
}  // namespace mosaik::quic::test
