// What a dial of any room may do, by what speaks for its addresses.

#include "node/dialing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

namespace mosaik::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SocketAddress at(std::string_view text) {
  return *SocketAddress::parse(text);
}
PeerId peer(std::uint32_t n) {
  return id_of<PeerId>("peer " + std::to_string(n));
}

class DialingTest : public testing::Test {
 protected:
  DialingTest() { dialing_.set_own({at("0.0.0.0:4433")}, {at("192.0.2.1:4433")}); }

  static quic::DialRequest request(const PeerId& id, std::vector<SocketAddress> addresses, std::uint64_t tries = 0) {
    return {.peer = id, .addresses = std::move(addresses), .alpn = Alpn::groups, .tries = tries};
  }
  /// Dials when that is allowed, and nothing answers within a second.
  bool dial_in_vain(quic::DialRequest wanted) {
    if (dialing_.permit(now_, wanted).at > now_.mono) return false;
    const quic::LinkId link{++links_};
    dialing_.on_dialed(now_, link, wanted);
    const std::size_t sent = limits::first_packet * (wanted.once ? 1 : 3);
    dialing_.on_closed(now_, {link, {.by = quic::ClosedBy::handshake, .sent = sent}});
    return true;
  }
  void meet(const PeerId& id, const SocketAddress& from, AdmissionClass standing = AdmissionClass::stranger) {
    dialing_.on_opened(now_, {quic::LinkId{++links_}, id, Alpn::sync, quic::Side::acceptor, from}, standing);
  }
  std::size_t dials_within(Nanoseconds span, const std::function<quic::DialRequest(std::size_t)>& wanted) {
    std::size_t out = 0;
    for (const Mono end = now_.mono + span; now_.mono < end; now_.mono += 20ms)
      out += dial_in_vain(wanted(out)) ? 1 : 0;
    return out;
  }

  Now now_{.mono = Mono{1000s}, .boot = Boot{1000s}, .wall = {}};
  std::set<PeerId> vouched_;
  Dialing dialing_{[this](const PeerId& id) { return vouched_.contains(id); }};
  std::uint64_t links_ = 0;
};

TEST_F(DialingTest, hearsay_is_dialed_once_at_one_address_in_turn) {
  const std::vector<SocketAddress> addresses = {at("192.0.2.8:1"), at("192.0.2.9:1"), at("192.0.2.10:1")};
  for (std::uint64_t tries = 0; tries < 4; ++tries) {
    auto wanted = request(peer(1), addresses, tries);
    ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
    EXPECT_THAT(wanted.addresses, ElementsAre(addresses[tries % 3]));
    EXPECT_TRUE(wanted.once);
  }
}

TEST_F(DialingTest, a_thousand_invented_peers_cost_a_victim_no_more_than_twenty_kilobytes_a_minute) {
  const auto wanted = [](std::size_t n) {
    const auto port = static_cast<std::uint16_t>(5000 + n % 4);
    return request(peer(static_cast<std::uint32_t>(n)), {SocketAddress::v4({203, 0, 113, 7}, port)});
  };
  const std::size_t dials = dials_within(60s, wanted);
  EXPECT_LE(dials * limits::first_packet, limits::hearsay_bytes);
  EXPECT_LE(dials, 9U) << "and to one host, three and six";
}

TEST_F(DialingTest, a_thousand_invented_hosts_cost_twenty_kilobytes_a_minute) {
  const auto wanted = [](std::size_t n) {
    return request(peer(static_cast<std::uint32_t>(n)),
                   {SocketAddress::v4({203, 0, 113, static_cast<std::uint8_t>(n)}, 5000)});
  };
  const std::size_t dials = dials_within(60s, wanted);
  EXPECT_GE(dials, 15U);
  EXPECT_LE(dials * limits::first_packet, limits::hearsay_bytes);
}

TEST_F(DialingTest, a_victim_does_not_keep_a_newcomer_elsewhere_waiting) {
  const auto fake = [](std::size_t n) {
    return request(peer(static_cast<std::uint32_t>(n)), {SocketAddress::v4({203, 0, 113, 7}, 5000)});
  };
  dials_within(30s, fake);
  EXPECT_TRUE(dial_in_vain(request(peer(2000), {at("198.51.100.1:4433")})));
}

TEST_F(DialingTest, where_a_peer_has_met_us_it_is_dialed_freely) {
  meet(peer(1), at("192.0.2.8:4433"));
  EXPECT_TRUE(dialing_.has_met(peer(1)));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(dial_in_vain(request(peer(1), {at("192.0.2.8:4433")})));
}

TEST_F(DialingTest, where_a_peer_that_has_met_us_says_to_be_it_is_attested) {
  meet(peer(1), at("192.0.2.8:4433"));
  auto wanted = request(peer(1), {at("203.0.113.7:1"), at("192.0.2.8:4433")});
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_EQ(wanted.addresses.size(), 2U);
  EXPECT_FALSE(wanted.once);
  const std::size_t dials = dials_within(60s, [](std::size_t) { return request(peer(1), {at("203.0.113.7:1")}); });
  EXPECT_GE(dials, 8U);
  EXPECT_LE(dials, 9U) << "three, and six a minute";
}

TEST_F(DialingTest, whom_a_member_names_is_dialed_at_all_its_addresses) {
  vouched_.insert(peer(1));
  auto wanted = request(peer(1), {at("192.0.2.8:1"), at("192.0.2.9:1")});
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_EQ(wanted.addresses.size(), 2U);
  EXPECT_FALSE(wanted.once);
}

TEST_F(DialingTest, of_one_host_one_port_is_dialed_at_a_time) {
  vouched_.insert(peer(1));
  const std::vector<SocketAddress> addresses = {at("192.0.2.8:1"), at("192.0.2.8:2"), at("192.0.2.9:1")};
  auto wanted = request(peer(1), addresses);
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_THAT(wanted.addresses, ElementsAre(addresses[0], addresses[2]));
  wanted = request(peer(1), addresses, 1);
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_THAT(wanted.addresses, ElementsAre(addresses[1], addresses[2]));
}

TEST_F(DialingTest, what_the_operator_names_has_no_budget) {
  auto wanted = request(peer(1), {at("203.0.113.7:1")});
  wanted.source = quic::DialSource::contact;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(dial_in_vain(wanted));
}

TEST_F(DialingTest, some_addresses_are_no_targets) {
  for (const char* text : {"192.0.2.1:4433", "127.0.0.1:4433", "127.0.0.1:53", "224.0.0.1:1", "255.255.255.255:1"}) {
    auto wanted = request(peer(1), {at(text)});
    const quic::DialPermit permit = dialing_.permit(now_, wanted);
    EXPECT_EQ(permit.at, never) << text;
    EXPECT_FALSE(permit.why.empty());
    EXPECT_THAT(wanted.addresses, IsEmpty());
  }
  auto wanted = request(peer(1), {at("127.0.0.1:53"), at("192.0.2.8:4433")});
  EXPECT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_THAT(wanted.addresses, ElementsAre(at("192.0.2.8:4433")));
}

TEST_F(DialingTest, a_peer_of_this_computer_may_be_on_loopback) {
  meet(peer(1), at("192.0.2.1:999"));
  auto wanted = request(peer(1), {at("127.0.0.1:4434")});
  EXPECT_LE(dialing_.permit(now_, wanted).at, now_.mono);
}

TEST_F(DialingTest, strangers_cannot_make_us_forget_where_a_member_was) {
  meet(peer(1), at("192.0.2.8:4433"), AdmissionClass::member);
  for (std::uint32_t i = 0; i <= limits::acquaintances; ++i) meet(peer(10 + i), at("198.51.100.1:1"));
  EXPECT_TRUE(dialing_.has_met(peer(1)));
  EXPECT_FALSE(dialing_.has_met(peer(10)));
  EXPECT_TRUE(dialing_.has_met(peer(11)));
}

}  // namespace
}  // namespace mosaik::node
