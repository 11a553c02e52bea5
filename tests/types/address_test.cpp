#include <gtest/gtest.h>

#include <mosaik/types/address.hpp>

namespace mosaik {
namespace {

SocketAddress address(std::string_view text) {
  const Result<SocketAddress> parsed = SocketAddress::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(SocketAddress{});
}

TEST(SocketAddress, reads_and_writes_ipv4) {
  EXPECT_EQ(address("192.0.2.7:4433"), SocketAddress::v4({192, 0, 2, 7}, 4433));
  EXPECT_EQ(address("192.0.2.7:4433").text(), "192.0.2.7:4433");
  EXPECT_EQ(address("0.0.0.0:0").text(), "0.0.0.0:0");
  EXPECT_EQ(address("255.255.255.255:65535").port(), 65535);
}

TEST(SocketAddress, reads_ipv6_in_brackets_and_writes_its_shortest_form) {
  EXPECT_EQ(address("[2001:0db8:0:0:0:0:0:1]:4433").text(), "[2001:db8::1]:4433");
  EXPECT_EQ(address("[::]:1").text(), "[::]:1");
  EXPECT_TRUE(address("[::]:1").is_unspecified());
}

TEST(SocketAddress, refuses_everything_else) {
  for (const std::string_view text : {"",
                                      ":",
                                      "192.0.2.7",
                                      "192.0.2.7:",
                                      ":4433",
                                      "192.0.2:1",
                                      "192.0.2.256:1",
                                      "192.0.02.7:1",
                                      "192.0.2.7:65536",
                                      "192.0.2.7:-1",
                                      "192.0.2.7:+1",
                                      "192.0.2.7: 1",
                                      "192.0.2.7:1 ",
                                      "192.0.2.7:0x1",
                                      "host:1",
                                      "2001:db8::1",
                                      "2001:db8::1:4433",
                                      "[2001:db8::1]",
                                      "[2001:db8::1]4433",
                                      "[2001:db8::1:4433",
                                      "[192.0.2.7]:1",
                                      "[fe80::1%eth0]:1",
                                      "[::1]]:1",
                                      "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1"}) {
    const Result<SocketAddress> parsed = SocketAddress::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find(text), std::string::npos);
  }
}

TEST(SocketAddress, knows_loopback_in_all_its_forms) {
  EXPECT_TRUE(address("127.0.0.1:1").is_loopback());
  EXPECT_TRUE(address("127.255.0.1:1").is_loopback());
  EXPECT_TRUE(address("[::1]:1").is_loopback());
  EXPECT_TRUE(address("[::ffff:127.0.0.1]:1").is_loopback());
  EXPECT_FALSE(address("128.0.0.1:1").is_loopback());
  EXPECT_FALSE(address("[::2]:1").is_loopback());
  EXPECT_FALSE(address("[1::1]:1").is_loopback());
  EXPECT_FALSE(address("[::ffff:126.0.0.1]:1").is_loopback());
}

TEST(SocketAddress, has_a_scope_where_it_is_link_local) {
  const SocketAddress scoped = address("[fe80::1%3]:7000");
  EXPECT_EQ(scoped.scope(), 3U);
  EXPECT_EQ(scoped.text(), "[fe80::1%3]:7000");
  EXPECT_EQ(scoped.with_port(1).text(), "[fe80::1%3]:1");
  EXPECT_NE(scoped, address("[fe80::1]:7000"));
  EXPECT_EQ(address("[2001:db8::1]:1").with_scope(3), address("[2001:db8::1]:1"));
  EXPECT_EQ(address("169.254.0.1:1").with_scope(3), address("169.254.0.1:1"));
  for (const char* wrong : {"[fe80::1%]:1", "[fe80::1%0]:1", "[fe80::1%eth0]:1", "[fe80::1%-1]:1", "[::1%3]:1",
                            "1.2.3.4%3:1", "[fe80::1%3%3]:1", "[fe80::1%4294967296]:1"})
    EXPECT_FALSE(SocketAddress::parse(wrong)) << wrong;
}

TEST(SocketAddress, is_link_local_in_two_ranges) {
  EXPECT_TRUE(address("169.254.0.1:1").is_link_local());
  EXPECT_TRUE(address("[fe80::1]:1").is_link_local());
  EXPECT_TRUE(address("[febf::1]:1").is_link_local());
  EXPECT_FALSE(address("[fec0::1]:1").is_link_local());
  EXPECT_FALSE(address("169.253.0.1:1").is_link_local());
}

TEST(SocketAddress, orders_family_then_octets_then_port) {
  EXPECT_LT(address("255.0.0.1:9"), address("[::1]:1"));
  EXPECT_LT(address("10.0.0.1:9"), address("10.0.0.2:1"));
  EXPECT_LT(address("10.0.0.1:1"), address("10.0.0.1:2"));
}

}  // namespace
}  // namespace mosaik
