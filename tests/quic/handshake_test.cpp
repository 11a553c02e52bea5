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

}  // namespace
}  // namespace mosaik::quic::test
