/// Where a dial may go, whoever names the address.

#include "base/dial_targets.hpp"

#include <gtest/gtest.h>

namespace mosaik {
namespace {

SocketAddress at(std::string_view text) {
  return *SocketAddress::parse(text);
}

struct DialTargetsTest : testing::Test {
  DialTargets targets;
  DialTargetsTest() { targets.set_own({at("0.0.0.0:4433")}, {at("192.0.2.7:4433"), at("[2001:db8::7]:4433")}); }

  bool may(std::string_view text, PeerPlace place = PeerPlace::unknown) const {
    return targets.objection(at(text), place).empty();
  }
};

TEST_F(DialTargetsTest, a_host_address_may_be_dialed) {
  for (const char* text : {"192.0.2.8:4433", "10.0.0.1:1", "169.254.1.1:4433", "[2001:db8::8]:4433", "[fd00::1]:1"})
    EXPECT_TRUE(may(text)) << text;
}

TEST_F(DialTargetsTest, what_is_no_single_host_is_never_dialed) {
  for (const char* text :
       {"0.0.0.0:4433", "0.1.2.3:4433", "224.0.0.1:4433", "239.255.255.250:1900", "240.0.0.1:4433", "255.255.255.255:1",
        "192.0.2.8:0", "[::]:4433", "[ff02::1]:4433", "[ff0e::1]:4433", "[fe80::1]:4433", "[::ffff:224.0.0.1]:4433",
        "[::ffff:255.255.255.255]:4433", "[::ffff:0.0.0.0]:4433"}) {
    EXPECT_FALSE(may(text)) << text;
    EXPECT_FALSE(may(text, PeerPlace::this_computer)) << text;
  }
}

TEST_F(DialTargetsTest, our_own_address_is_never_dialed) {
  for (const char* text : {"192.0.2.7:4433", "[2001:db8::7]:4433", "[::ffff:192.0.2.7]:4433"}) EXPECT_FALSE(may(text));
  EXPECT_TRUE(may("192.0.2.7:4434")) << "another process of this computer";
  for (const char* text : {"127.0.0.1:4433", "127.8.8.8:4433"})
    EXPECT_FALSE(may(text, PeerPlace::this_computer)) << "our socket takes all addresses: " << text;
}

TEST_F(DialTargetsTest, loopback_told_from_afar_is_not_dialed) {
  for (const char* text : {"127.0.0.1:53", "127.1.1.1:53", "[::1]:53", "[::ffff:127.0.0.1]:53"}) {
    EXPECT_FALSE(may(text)) << text;
    EXPECT_TRUE(may(text, PeerPlace::this_computer)) << text;
  }
}

TEST_F(DialTargetsTest, nodes_of_one_computer_meet_over_loopback) {
  targets.set_own({at("127.0.0.1:4433")}, {at("127.0.0.1:4433")});
  EXPECT_TRUE(may("127.0.0.1:4434"));
  EXPECT_FALSE(may("127.0.0.1:4433"));
}

TEST_F(DialTargetsTest, who_can_be_reached_from_afar_too_believes_nobody_about_loopback) {
  targets.set_own({at("127.0.0.1:4433"), at("192.0.2.7:4433")}, {at("127.0.0.1:4433"), at("192.0.2.7:4433")});
  EXPECT_FALSE(may("127.0.0.1:53"));
}

TEST_F(DialTargetsTest, a_peer_is_here_when_it_speaks_from_one_of_our_addresses) {
  EXPECT_TRUE(targets.is_here(at("127.0.0.1:999")));
  EXPECT_TRUE(targets.is_here(at("192.0.2.7:999")));
  EXPECT_FALSE(targets.is_here(at("192.0.2.8:4433")));
}

}  // namespace
}  // namespace mosaik
