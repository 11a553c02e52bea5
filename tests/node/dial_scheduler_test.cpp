// What a dial of any room may do, by what speaks for its addresses; and which of several addresses wins.

#include "node/dial_scheduler.hpp"

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

/// Keeps what is dialed and closed.
class RecordingTransport final : public Transport {
 public:
  struct Dialed {
    LinkId link;
    SocketAddress address;
    bool once = false;
    std::uint8_t outlet = 0;
  };
  std::vector<Dialed> dialed;
  std::vector<LinkId> closed;

  void on_datagram(const Now&, const DatagramPath&, BytesView) override {}
  void on_unreachable(const Now&, const SocketAddress&, BytesView, Refusal) override {}
  void on_timer(const Now&) override {}
  bool advance(const Now&) override { return false; }
  void probe(LinkId) override {}
  std::optional<LinkEvent> next_event() override { return std::nullopt; }
  bool transmit(const Now&, DatagramBatch&) override { return false; }
  [[nodiscard]] Mono next_deadline() const override { return never; }
  [[nodiscard]] const EndpointCounters& counters() const noexcept override { return counters_; }
  [[nodiscard]] std::size_t connections() const noexcept override { return 0; }
  Result<LinkId> dial(const Now&, const DialRequest& request) override {
    EXPECT_EQ(request.addresses.size(), 1U);
    dialed.push_back({LinkId{1000 + dialed.size()}, request.addresses.front(), request.once, request.outlet});
    return dialed.back().link;
  }
  SendResult send(LinkId, SendClass, const Frame&) override { return SendResult::queued; }
  void close(const Now&, LinkId link, CloseCode, CloseMode) override { closed.push_back(link); }
  void set_frame_limit(LinkId, std::size_t) override {}
  [[nodiscard]] Result<Bytes32> exporter(LinkId, BytesView) const override { return Bytes32{}; }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId) const override { return std::nullopt; }

 private:
  EndpointCounters counters_;
};

class DialSchedulerTest : public testing::Test {
 protected:
  DialSchedulerTest() { dialing_.set_own({at("0.0.0.0:4433")}, {at("192.0.2.1:4433")}); }

  static DialRequest request(const PeerId& id, std::vector<SocketAddress> addresses, std::uint64_t tries = 0) {
    return {.peer = id, .addresses = std::move(addresses), .alpn = Alpn::groups, .tries = tries};
  }
  /// Dials when that is allowed, and nothing answers within a second.
  bool dial_in_vain(DialRequest wanted) {
    if (dialing_.permit(now_, wanted).at > now_.mono) return false;
    const auto dial = dialing_.dial(now_, wanted);
    if (!dial) return false;
    end(*dial);
    return true;
  }
  /// The dial and all that follows it is silent.
  void end(LinkId) {
    for (; ended_ < transport_.dialed.size(); ++ended_) {
      const auto one = transport_.dialed[ended_];
      const std::size_t sent = limits::first_packet * (one.once ? 1 : 3);
      static_cast<void>(dialing_.on_closed(now_, {one.link, {.by = ClosedBy::handshake, .sent = sent}}));
    }
  }
  void meet(const PeerId& id, const SocketAddress& from, AdmissionClass standing = AdmissionClass::stranger) {
    LinkOpened opened{LinkId{++links_}, id, Alpn::sync, Side::acceptor, from};
    dialing_.on_opened(now_, opened, standing);
  }
  std::size_t dials_within(Nanoseconds span, const std::function<DialRequest(std::size_t)>& wanted) {
    std::size_t out = 0;
    for (const Mono end = now_.mono + span; now_.mono < end; now_.mono += 20ms)
      out += dial_in_vain(wanted(out)) ? 1 : 0;
    return out;
  }
  /// Starts a dial that must be allowed.
  LinkId dial(DialRequest wanted) {
    EXPECT_LE(dialing_.permit(now_, wanted).at, now_.mono);
    return dialing_.dial(now_, wanted).value();
  }
  void pass(Nanoseconds span) {
    for (const Mono end = now_.mono + span; now_.mono < end; now_.mono += 10ms) dialing_.on_timer(now_);
  }
  [[nodiscard]] std::vector<SocketAddress> dialed() const {
    std::vector<SocketAddress> out;
    for (const auto& one : transport_.dialed) out.push_back(one.address);
    return out;
  }
  [[nodiscard]] LinkId link_to(const SocketAddress& address) const {
    return std::ranges::find(transport_.dialed, address, &RecordingTransport::Dialed::address)->link;
  }
  std::optional<LinkClosed> close(const SocketAddress& address, CloseInfo info) {
    return dialing_.on_closed(now_, {link_to(address), std::move(info)});
  }

  Now now_{.mono = Mono{1000s}, .boot = Boot{1000s}, .wall = {}};
  std::set<PeerId> vouched_;
  RecordingTransport transport_;
  DialScheduler dialing_{transport_, peer(0), [this](const PeerId& id) { return vouched_.contains(id); }};
  std::uint64_t links_ = 0;
  std::size_t ended_ = 0;
};

TEST_F(DialSchedulerTest, hearsay_is_dialed_once_at_one_address_in_turn) {
  const std::vector<SocketAddress> addresses = {at("192.0.2.8:1"), at("192.0.2.9:1"), at("192.0.2.10:1")};
  for (std::uint64_t tries = 0; tries < 4; ++tries) {
    auto wanted = request(peer(1), addresses, tries);
    ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
    EXPECT_THAT(wanted.addresses, ElementsAre(addresses[tries % 3]));
    EXPECT_TRUE(wanted.once);
  }
}

TEST_F(DialSchedulerTest, a_thousand_invented_peers_cost_a_victim_no_more_than_twenty_kilobytes_a_minute) {
  const auto wanted = [](std::size_t n) {
    const auto port = static_cast<std::uint16_t>(5000 + n % 4);
    return request(peer(static_cast<std::uint32_t>(n)), {SocketAddress::v4({203, 0, 113, 7}, port)});
  };
  const std::size_t dials = dials_within(60s, wanted);
  EXPECT_LE(dials * limits::first_packet, limits::hearsay_bytes);
  EXPECT_LE(dials, 9U) << "and to one host, three and six";
}

TEST_F(DialSchedulerTest, a_thousand_invented_hosts_cost_twenty_kilobytes_a_minute) {
  const auto wanted = [](std::size_t n) {
    return request(peer(static_cast<std::uint32_t>(n)),
                   {SocketAddress::v4({203, 0, 113, static_cast<std::uint8_t>(n)}, 5000)});
  };
  const std::size_t dials = dials_within(60s, wanted);
  EXPECT_GE(dials, 15U);
  EXPECT_LE(dials * limits::first_packet, limits::hearsay_bytes);
}

TEST_F(DialSchedulerTest, a_victim_does_not_keep_a_newcomer_elsewhere_waiting) {
  const auto fake = [](std::size_t n) {
    return request(peer(static_cast<std::uint32_t>(n)), {SocketAddress::v4({203, 0, 113, 7}, 5000)});
  };
  dials_within(30s, fake);
  EXPECT_TRUE(dial_in_vain(request(peer(2000), {at("198.51.100.1:4433")})));
}

TEST_F(DialSchedulerTest, where_a_peer_has_met_us_it_is_dialed_freely) {
  meet(peer(1), at("192.0.2.8:4433"));
  EXPECT_TRUE(dialing_.has_met(peer(1)));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(dial_in_vain(request(peer(1), {at("192.0.2.8:4433")})));
}

TEST_F(DialSchedulerTest, where_a_peer_that_has_met_us_says_to_be_it_is_attested) {
  meet(peer(1), at("192.0.2.8:4433"));
  auto wanted = request(peer(1), {at("203.0.113.7:1")});
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_THAT(wanted.addresses, ElementsAre(at("192.0.2.8:4433"), at("203.0.113.7:1")));
  EXPECT_FALSE(wanted.once);
  dials_within(60s, [](std::size_t) { return request(peer(1), {at("203.0.113.7:1")}); });
  const auto to_named = std::ranges::count(dialed(), at("203.0.113.7:1"));
  EXPECT_GE(to_named, 8);
  EXPECT_LE(to_named, 9) << "three, and six a minute";
}

TEST_F(DialSchedulerTest, whom_a_member_names_is_dialed_at_all_its_addresses) {
  vouched_.insert(peer(1));
  auto wanted = request(peer(1), {at("192.0.2.8:1"), at("192.0.2.9:1")});
  ASSERT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_EQ(wanted.addresses.size(), 2U);
  EXPECT_FALSE(wanted.once);
}

TEST_F(DialSchedulerTest, of_one_host_one_port_is_dialed_at_a_time) {
  vouched_.insert(peer(1));
  const std::vector<SocketAddress> addresses = {at("198.51.100.8:1"), at("198.51.100.8:2"), at("198.51.100.9:1")};
  dial(request(peer(1), addresses));
  pass(500ms);
  EXPECT_THAT(dialed(), ElementsAre(addresses[0], addresses[2]));
  close(addresses[0], {.by = ClosedBy::handshake, .refused = true});
  EXPECT_THAT(dialed(), ElementsAre(addresses[0], addresses[2], addresses[1]));
}

TEST_F(DialSchedulerTest, what_the_operator_names_has_no_budget) {
  auto wanted = request(peer(1), {at("203.0.113.7:1")});
  wanted.source = DialSource::contact;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(dial_in_vain(wanted));
}

TEST_F(DialSchedulerTest, some_addresses_are_no_targets) {
  for (const char* text : {"192.0.2.1:4433", "127.0.0.1:4433", "127.0.0.1:53", "224.0.0.1:1", "255.255.255.255:1"}) {
    auto wanted = request(peer(1), {at(text)});
    const DialPermit permit = dialing_.permit(now_, wanted);
    EXPECT_EQ(permit.at, never) << text;
    EXPECT_FALSE(permit.why.empty());
    EXPECT_THAT(wanted.addresses, IsEmpty());
  }
  auto wanted = request(peer(1), {at("127.0.0.1:53"), at("192.0.2.8:4433")});
  EXPECT_LE(dialing_.permit(now_, wanted).at, now_.mono);
  EXPECT_THAT(wanted.addresses, ElementsAre(at("192.0.2.8:4433")));
}

TEST_F(DialSchedulerTest, a_peer_of_this_computer_may_be_on_loopback) {
  meet(peer(1), at("192.0.2.1:999"));
  auto wanted = request(peer(1), {at("127.0.0.1:4434")});
  EXPECT_LE(dialing_.permit(now_, wanted).at, now_.mono);
}

TEST_F(DialSchedulerTest, strangers_cannot_make_us_forget_where_a_member_was) {
  meet(peer(1), at("192.0.2.8:4433"), AdmissionClass::member);
  for (std::uint32_t i = 0; i <= limits::acquaintances; ++i) meet(peer(10 + i), at("198.51.100.1:1"));
  EXPECT_TRUE(dialing_.has_met(peer(1)));
  EXPECT_FALSE(dialing_.has_met(peer(10)));
  EXPECT_TRUE(dialing_.has_met(peer(11)));
}

// ------------------------------------------------------------------------------------------------ races

class DialRace : public DialSchedulerTest {
 protected:
  DialRace() { vouched_.insert(peer(1)); }
  const SocketAddress one = at("198.51.100.1:1");
  const SocketAddress two = at("198.51.100.2:1");
  const SocketAddress three = at("198.51.100.3:1");
};

TEST_F(DialRace, begins_with_one_and_adds_the_next_after_the_stagger) {
  dial(request(peer(1), {one, two, three}));
  EXPECT_THAT(dialed(), ElementsAre(one));
  EXPECT_EQ(dialing_.next_deadline(), now_.mono + DialScheduler::stagger);
  pass(DialScheduler::stagger + 10ms);
  EXPECT_THAT(dialed(), ElementsAre(one, two));
  pass(1s);
  EXPECT_THAT(dialed(), ElementsAre(one, two, three));
  EXPECT_EQ(dialing_.next_deadline(), never);
}

TEST_F(DialRace, goes_on_at_once_when_an_address_refuses) {
  dial(request(peer(1), {one, two}));
  EXPECT_FALSE(close(one, {.by = ClosedBy::handshake, .refused = true}));
  EXPECT_THAT(dialed(), ElementsAre(one, two));
}

TEST_F(DialRace, is_won_by_the_first_that_proves_the_key_and_ends_the_others) {
  const LinkId name = dial(request(peer(1), {one, two, three}));
  pass(1s);
  LinkOpened opened{link_to(two), peer(1), Alpn::groups, Side::initiator, two};
  dialing_.on_opened(now_, opened, AdmissionClass::stranger);
  EXPECT_EQ(opened.dialed_as, name);
  EXPECT_THAT(transport_.closed, ElementsAre(link_to(one), link_to(three)));
  EXPECT_FALSE(close(one, {.by = ClosedBy::us})) << "nobody waits for the end of a loser";
  EXPECT_FALSE(close(three, {.by = ClosedBy::us}));
  EXPECT_EQ(dialing_.running(), 0U);
  EXPECT_TRUE(close(two, {.by = ClosedBy::peer})) << "the end of the winner is its owner's";
  transport_.dialed.clear();
  dial(request(peer(1), {one, two, three}));
  EXPECT_THAT(dialed(), ElementsAre(two)) << "where it was met last comes first";
}

TEST_F(DialRace, fails_when_the_last_of_them_has_failed_and_says_why) {
  const LinkId name = dial(request(peer(1), {one, two}));
  pass(DialScheduler::stagger + 10ms);
  EXPECT_FALSE(close(one, {.by = ClosedBy::handshake, .reason = "no answer from one"}));
  const auto end = close(two, {.by = ClosedBy::handshake, .reason = "no one listens at two", .refused = true});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->link, name);
  EXPECT_EQ(end->close.reason, "no answer from one; no one listens at two");
  EXPECT_FALSE(end->close.refused) << "one of them was silent";
}

TEST_F(DialRace, is_cancelled_as_a_whole) {
  const LinkId name = dial(request(peer(1), {one, two, three}));
  pass(DialScheduler::stagger + 10ms);
  EXPECT_TRUE(dialing_.cancel(now_, name, CloseCode::cancelled));
  EXPECT_THAT(transport_.closed, ElementsAre(link_to(one), link_to(two)));
  EXPECT_FALSE(close(one, {.by = ClosedBy::us}));
  const auto end = close(two, {.by = ClosedBy::us});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->link, name);
  EXPECT_EQ(dialed().size(), 2U);
  EXPECT_FALSE(dialing_.cancel(now_, name, CloseCode::cancelled));
}

TEST_F(DialRace, takes_a_wrong_key_as_an_answer_about_the_address) {
  dial(request(peer(1), {one, two}));
  EXPECT_FALSE(close(one, {.by = ClosedBy::handshake, .answered_as = peer(2)}));
  EXPECT_THAT(dialed(), ElementsAre(one, two)) << "the others go on in the same dial";
  const auto found = dialing_.take_found();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().peer, peer(2));
  EXPECT_EQ(found.front().address, one);
  ASSERT_TRUE(close(two, {.by = ClosedBy::handshake}));
  transport_.dialed.clear();
  dial(request(peer(1), {one, two}));
  pass(1s);
  EXPECT_THAT(dialed(), ElementsAre(two)) << "the address is left out for a while";
  ASSERT_TRUE(close(two, {.by = ClosedBy::handshake}));
  transport_.dialed.clear();
  now_.mono += DialCandidates::foreign_pause;
  dial(request(peer(1), {one, two}));
  pass(1s);
  EXPECT_THAT(dialed(), ElementsAre(one, two));
}

TEST_F(DialRace, dials_an_address_with_a_wrong_key_when_there_is_no_other) {
  dial(request(peer(1), {one}));
  ASSERT_TRUE(close(one, {.by = ClosedBy::handshake, .answered_as = peer(0)}));
  EXPECT_TRUE(dialing_.take_found().empty()) << "that was ourselves";
  transport_.dialed.clear();
  dial(request(peer(1), {one}));
  EXPECT_THAT(dialed(), ElementsAre(one));
}

TEST_F(DialRace, starves_none_of_many_addresses) {
  std::vector<SocketAddress> many;
  for (std::uint8_t i = 0; i < limits::dial_candidates; ++i) many.push_back(SocketAddress::v4({203, 0, i, 1}, 1));
  std::set<SocketAddress> seen;
  for (std::size_t round = 0; round * limits::dial_addresses < limits::dial_candidates; ++round) {
    dial(request(peer(1), many));
    pass(1s);
    for (const SocketAddress& address : dialed()) {
      seen.insert(address);
      static_cast<void>(close(address, {.by = ClosedBy::handshake}));
    }
    transport_.dialed.clear();
  }
  EXPECT_EQ(seen.size(), many.size());
}

TEST_F(DialRace, tries_another_port_every_other_time_when_a_peer_stays_silent) {
  meet(peer(1), one);
  const auto outlets_of = [&](int dials) {
    std::vector<std::uint8_t> out;
    for (int i = 0; i < dials; ++i) {
      EXPECT_TRUE(dial_in_vain(request(peer(1), {one})));
      out.push_back(transport_.dialed.back().outlet);
      now_.mono += 1s;
    }
    return out;
  };
  EXPECT_THAT(outlets_of(20), testing::Each(0));
  EXPECT_THAT(outlets_of(4), ElementsAre(0, 1, 0, 1)) << "it may be behind a NAT that holds an old mapping";
  now_.mono += limits::fresh_port_turn;
  EXPECT_THAT(outlets_of(2), ElementsAre(0, 2)) << "and each is a new one to that NAT";
}

TEST_F(DialRace, gives_an_outlet_back_when_its_socket_is_closed) {
  DialOutlets outlets;
  Mono now{1000s};
  std::set<std::uint8_t> seen;
  for (std::size_t i = 0; i < limits::fresh_ports; ++i, now += limits::fresh_port_turn) {
    const std::uint8_t outlet = outlets.take(now);
    seen.insert(outlet);
    outlets.on_dialed(now, LinkId{i}, outlet);
  }
  EXPECT_EQ(seen.size(), limits::fresh_ports);
  EXPECT_FALSE(seen.contains(0));
  EXPECT_EQ(outlets.take(now), 0) << "each has a link";
  outlets.on_closed(now, LinkId{3});
  now += limits::fresh_port_turn;
  EXPECT_EQ(outlets.take(now), 0) << "its socket is still open";
  now += limits::fresh_port_idle + limits::quic_idle_timeout;
  EXPECT_EQ(outlets.take(now), 4);
}

TEST_F(DialRace, tries_the_addresses_of_one_host_in_turn) {
  const SocketAddress other = one.with_port(2);
  for (const SocketAddress& expected : {one, other, one}) {
    transport_.dialed.clear();
    const LinkId name = dial(request(peer(1), {one, other}));
    pass(500ms);
    EXPECT_THAT(dialed(), ElementsAre(expected)) << "one at a time, and the owner gives up before QUIC does";
    dialing_.cancel(now_, name, CloseCode::cancelled);
    EXPECT_TRUE(close(expected, {.by = ClosedBy::us}));
  }
}

TEST_F(DialRace, keeps_a_bounded_number_of_those_who_answer_at_a_contact) {
  DialCandidates candidates;
  for (std::uint32_t i = 1; i <= 100; ++i) candidates.set_answered(3, peer(i), one);
  EXPECT_FALSE(candidates.is_configured(peer(99), one)) << "another one answers there now";
  EXPECT_TRUE(candidates.is_configured(peer(100), one));
  for (std::uint32_t i = 1; i <= 100; ++i)
    candidates.set_answered(3, peer(i), one.with_port(static_cast<std::uint16_t>(i)));
  std::size_t kept = 0;
  for (std::uint32_t i = 1; i <= 100; ++i) kept += candidates.all(peer(i), {}).size();
  EXPECT_LE(kept, limits::dial_candidates);
}

TEST_F(DialRace, begins_with_what_is_near) {
  const std::vector<SocketAddress> addresses = {at("10.1.2.3:1"), at("169.254.7.1:1"), at("192.0.2.77:1"),
                                                at("198.51.100.9:1")};
  dial(request(peer(1), addresses));
  pass(1s);
  EXPECT_THAT(dialed(), ElementsAre(addresses[2], addresses[3], addresses[0], addresses[1]));
}

TEST_F(DialRace, dials_a_configured_address_that_the_entry_does_not_name) {
  dialing_.set_configured(0, peer(1), {at("198.51.100.50:7")});
  dial(request(peer(1), {one}));
  pass(1s);
  EXPECT_THAT(dialed(), testing::UnorderedElementsAre(one, at("198.51.100.50:7")));
  transport_.dialed.clear();
  dialing_.set_configured(0, peer(1), {at("198.51.100.51:7")});
  dial(request(peer(1), {}));
  pass(1s);
  EXPECT_THAT(dialed(), ElementsAre(at("198.51.100.51:7"))) << "what the name led to before is forgotten";
}

}  // namespace
}  // namespace mosaik::node
