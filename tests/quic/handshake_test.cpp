/// Links open only between proven keys that speak the same protocol (spec: transport 1).

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "quic/wire.hpp"

namespace mosaik::quic::test {
namespace {

TEST(Handshake, opens_at_both_ends_with_the_peers_id_and_protocol) {
  for (const Alpn alpn : {Alpn::groups, Alpn::sync, Alpn::ping}) {
    Wire wire;
    Host& a = wire.add(1);
    Host& b = wire.add(2);
    const auto links = wire.connect(a, b, alpn);
    ASSERT_TRUE(links);
    const LinkOpened& initiator = *a.links[links->first].opened;
    const LinkOpened& acceptor = *b.links[links->second].opened;
    EXPECT_EQ(initiator.peer, b.id());
    EXPECT_EQ(initiator.side, Side::initiator);
    EXPECT_EQ(initiator.alpn, alpn);
    EXPECT_EQ(initiator.remote, Wire::address(2));
    EXPECT_EQ(acceptor.peer, a.id());
    EXPECT_EQ(acceptor.side, Side::acceptor);
    EXPECT_EQ(acceptor.alpn, alpn);
    EXPECT_EQ(acceptor.remote, Wire::address(1));
    EXPECT_EQ(a.endpoint->counters().handshakes_completed, 1U);
    EXPECT_EQ(b.endpoint->counters().handshakes_completed, 1U);
  }
}

TEST(Handshake, takes_two_round_trips_and_no_more) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  wire.conditions.delay = 10ms;
  const Mono start = wire.now().mono;
  ASSERT_TRUE(wire.connect(a, b));
  EXPECT_LE(wire.now().mono - start, 41ms);
}

TEST(Handshake, refuses_a_server_with_another_key_than_the_one_dialled) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  const Host stranger(3, {});
  const LinkId link = wire.dial(a, stranger.id(), b.addresses);
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].closed.has_value(); }, 4s));
  EXPECT_FALSE(a.links[link].opened);
  EXPECT_EQ(a.links[link].closed->by, ClosedBy::handshake);
  EXPECT_FALSE(a.links[link].closed->application);
  EXPECT_EQ(a.links[link].closed->code, 0x12aU);  // bad_certificate
  EXPECT_EQ(a.links[link].closed->reason, "another peer answered at this address");
  wire.run_for(1s);
  EXPECT_TRUE(b.links.empty()) << "the owner hears nothing of strangers";
  EXPECT_EQ(b.endpoint->connections(), 0U);
}

TEST(Handshake, exports_equal_keys_at_both_ends_and_other_keys_for_other_labels) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  std::vector<std::uint8_t> label(32, 0xe7);
  label[0] = label[15] = label[16] = label[31] = 0;  // a group id is any 32 bytes
  std::vector<std::uint8_t> other = label;
  other[30] ^= 1;  // between the last NUL and the one before
  const Bytes32 key = a.endpoint->exporter(links->first, label).value();
  EXPECT_EQ(key, b.endpoint->exporter(links->second, label).value());
  EXPECT_NE(key, a.endpoint->exporter(links->first, other).value());
  EXPECT_EQ(a.endpoint->exporter(links->first, other).value(), b.endpoint->exporter(links->second, other).value());
  EXPECT_NE(key, a.endpoint->exporter(links->first, bytes_of("mosaik.group.bond.id")).value());

  EXPECT_EQ(a.endpoint->exporter(LinkId{999}, label).error().code, Errc::not_found);
  EXPECT_EQ(a.endpoint->exporter(links->first, std::vector<std::uint8_t>(64, 1)).error().code, Errc::invalid_argument);
}

TEST(Handshake, exports_other_keys_for_every_connection) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  const auto first = wire.connect(a, b);
  const auto second = wire.connect(a, b);
  ASSERT_TRUE(first && second);
  EXPECT_NE(a.endpoint->exporter(first->first, bytes_of("x")).value(),
            a.endpoint->exporter(second->first, bytes_of("x")).value());
}

TEST(Handshake, gives_up_after_its_timeout_when_nobody_answers) {
  Wire wire;
  Host& a = wire.add(1);
  const Host nobody(2, {});
  const Mono start = wire.now().mono;
  const LinkId link = wire.dial(a, nobody.id(), {Wire::address(2)});
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].closed.has_value(); }));
  EXPECT_EQ(wire.now().mono - start, limits::quic_handshake_timeout);
  EXPECT_EQ(a.links[link].closed->by, ClosedBy::handshake);
  EXPECT_EQ(a.links[link].closed->reason, "no answer from 10.0.0.2:4433");
  EXPECT_EQ(a.endpoint->counters().handshakes_failed, 1U);
  EXPECT_EQ(a.endpoint->connections(), 0U);
}

TEST(Handshake, an_acceptor_forgets_a_client_that_never_finishes) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  // The client's first datagram arrives, nothing after it.
  bool first = true;
  wire.passes = [&](const Packet& packet) { return packet.to != Wire::address(2) || std::exchange(first, false); };
  wire.dial(a, b);
  wire.run_for(1s);
  EXPECT_EQ(b.endpoint->connections(), 1U);
  wire.run_for(limits::quic_handshake_timeout);
  EXPECT_EQ(b.endpoint->connections(), 0U);
  EXPECT_TRUE(b.links.empty());
}

TEST(Handshake, succeeds_though_a_third_of_all_packets_are_lost) {
  std::size_t opened = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Wire wire(seed);
    wire.conditions = {.delay = 2ms, .jitter = 3ms, .loss_percent = 30};
    Host& a = wire.add(1);
    Host& b = wire.add(2);
    const LinkId link = wire.dial(a, b);
    wire.run_until([&] { return a.links[link].opened || a.links[link].closed; });
    if (a.links[link].opened) ++opened;
  }
  EXPECT_GE(opened, 16U);
}

TEST(Handshake, several_links_between_two_endpoints_are_independent) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  const auto groups = wire.connect(a, b, Alpn::groups);
  const auto back = wire.connect(b, a, Alpn::groups);
  const auto ping = wire.connect(a, b, Alpn::ping);
  ASSERT_TRUE(groups && back && ping);
  EXPECT_EQ(a.endpoint->connections(), 3U);
  EXPECT_EQ(a.endpoint->send(groups->first, SendClass::bulk, a.frame(10, 1)), SendResult::queued);
  EXPECT_EQ(a.endpoint->send(ping->first, SendClass::bulk, a.frame(20, 2)), SendResult::queued);
  EXPECT_EQ(b.endpoint->send(back->first, SendClass::bulk, b.frame(30, 3)), SendResult::queued);
  a.endpoint->close(wire.now(), ping->first, CloseCode::success, CloseMode::after_flush);
  ASSERT_TRUE(wire.run_until([&] {
    return !b.links[groups->second].frames.empty() && b.links[ping->second].closed &&
           !a.links[back->second].frames.empty();
  }));
  EXPECT_EQ(b.links[groups->second].frames[0].size(), 10U);
  EXPECT_EQ(b.links[ping->second].frames[0].size(), 20U);
  EXPECT_EQ(a.links[back->second].frames[0].size(), 30U);
  wire.run_for(1s);
  EXPECT_FALSE(b.links[groups->second].closed);
}

TEST(Handshake, one_peer_may_hold_a_bounded_number_of_links) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  for (std::size_t i = 0; i < limits::links_per_peer; ++i) ASSERT_TRUE(wire.connect(a, b));
  const LinkId refused = wire.dial(a, b);
  ASSERT_TRUE(wire.run_until([&] { return a.links[refused].closed.has_value(); }));
  EXPECT_EQ(b.open_links(), limits::links_per_peer);
  // When one closes, there is room again.
  a.endpoint->close(wire.now(), *a.opened(Side::initiator), CloseCode::success, CloseMode::at_once);
  wire.run_for(1s);
  EXPECT_TRUE(wire.connect(a, b));
}

TEST(Handshake, refuses_to_dial_nowhere_or_itself) {
  Wire wire;
  Host& a = wire.add(1);
  EXPECT_EQ(a.endpoint->dial(wire.now(), {.peer = Host(2, {}).id(), .addresses = {}}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(a.endpoint->dial(wire.now(), {.peer = a.id(), .addresses = {Wire::address(1)}}).error().code,
            Errc::invalid_argument);
}

TEST(Handshake, an_endpoint_with_all_its_connections_refuses_to_dial) {
  Wire wire;
  Host& a = wire.add(1);
  const PeerId peer = Host(2, {}).id();
  for (std::size_t i = 0; i < limits::links; ++i) wire.dial(a, peer, {Wire::address(2)});
  EXPECT_EQ(a.endpoint->dial(wire.now(), {.peer = peer, .addresses = {Wire::address(2)}}).error().code, Errc::limit);
}

}  // namespace
}  // namespace mosaik::quic::test
