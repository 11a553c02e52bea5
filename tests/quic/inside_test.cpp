/// Peers that have the keys and keep no rule: frames of every kind, in every space, from every address. Each costs its
/// own link at most.

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "quic/campaign.hpp"

namespace mosaik::quic::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t violation = 0x0a, limit = 0x09, unexpected_message = 0x10a;

Bytes issue(std::uint8_t number, std::uint8_t retired, std::uint8_t fill = 0) {
  Bytes out = {0x18, number, retired, 8};
  out.insert(out.end(), 8, static_cast<std::uint8_t>(fill + number));
  out.insert(out.end(), 16, static_cast<std::uint8_t>(0x70 + number));
  return out;
}
Bytes operator+(const Bytes& a, const Bytes& b) {
  Bytes out(a.size() + b.size());
  std::ranges::copy(b, std::ranges::copy(a, out.begin()).out);
  return out;
}
Bytes crypto(std::uint8_t offset, const Bytes& message) {
  return Bytes{0x06, offset, static_cast<std::uint8_t>(message.size())} + message;
}

sim::RawParameters rotating(std::uint64_t until) {
  sim::RawParameters out;
  out.rotate_until = until;
  return out;
}

/// As the end that dials us, and as the end that we dial.
class Inside : public testing::TestWithParam<Side> {
 protected:
  Wire wire{1};
  Host& friendly = wire.add(1);
  Host& host = wire.add(2);
  LinkId from{}, to{};
  std::unique_ptr<RawLink> raw;

  void SetUp() override {
    const auto links = wire.connect(friendly, host);
    ASSERT_TRUE(links);
    from = links->first;
    to = links->second;
    ASSERT_TRUE(begin());
  }
  bool begin(const sim::RawParameters& parameters = {}, std::uint16_t port = 4433) {
    LinkId dialled{};
    raw = GetParam() == Side::acceptor ? std::make_unique<RawLink>(wire, host, dialled, Alpn::groups, parameters, port)
                                       : std::make_unique<RawLink>(wire, host, "/mosaik/groups/1", parameters, port);
    return raw->connect() && wire.run_until([&] { return raw->log() != nullptr; }, 2s);
  }
  void TearDown() override {
    EXPECT_FALSE(friendly.links[from].closed) << "an honest link has ended";
    EXPECT_FALSE(host.links[to].closed) << "an honest link has ended";
    const std::size_t before = host.links[to].frames.size();
    ASSERT_EQ(friendly.endpoint->send(from, SendClass::liveness, friendly.frame(32)), SendResult::queued);
    EXPECT_TRUE(wire.run_until([&] { return host.links[to].frames.size() > before; }, 1s));
  }
  void expect_ended_with(std::uint64_t code) {
    ASSERT_NE(raw->log(), nullptr);
    ASSERT_TRUE(raw->log()->closed);
    EXPECT_EQ(raw->log()->closed->code, code) << raw->log()->closed->reason;
    EXPECT_EQ(raw->log()->closed->by, ClosedBy::transport);
    EXPECT_EQ(raw->closed_with(), code) << "the peer is told";
  }
  void expect_open() {
    ASSERT_NE(raw->log(), nullptr);
    EXPECT_FALSE(raw->log()->closed) << raw->log()->closed->reason;
  }
};
INSTANTIATE_TEST_SUITE_P(Sides, Inside, testing::Values(Side::initiator, Side::acceptor), [](const auto& one) {
  return std::string(one.param == Side::initiator ? "that_dial" : "that_are_dialled");
});

/// What only a server says.
class InsideServers : public Inside {};
INSTANTIATE_TEST_SUITE_P(That, InsideServers, testing::Values(Side::acceptor));

TEST_P(Inside, a_connection_id_below_the_retirement_may_come_twice) {
  raw->inject(issue(14, 14) + issue(13, 0) + issue(13, 0));
  raw->run();
  expect_open();
}

TEST_P(Inside, a_connection_id_that_was_retired_in_use_may_come_again) {
  raw->inject(issue(10, 10));
  raw->run();
  raw->inject(issue(11, 11));
  for (const std::uint8_t number : Bytes{10, 0, 10, 0}) raw->inject(issue(number, number));
  raw->run(1s);
  expect_open();
}

TEST_P(Inside, a_repeated_datagram_changes_nothing) {
  raw->inject(issue(13, 13));
  raw->inject(issue(11, 0));
  for (int i = 0; i < 20; ++i) raw->repeat();
  raw->run(1s);
  expect_open();
}

TEST_P(Inside, one_number_for_two_connection_ids_costs_the_link) {
  raw->inject(issue(11, 11) + issue(11, 11, 9));
  raw->run();
  expect_ended_with(violation);
}

TEST_P(Inside, more_than_64_connection_ids_cost_the_link) {
  ASSERT_TRUE(begin(rotating(63), 5000));
  for (int i = 0; i < 200 && !raw->log()->closed; ++i) raw->run(20ms);
  ASSERT_TRUE(raw->log()->closed);
  EXPECT_EQ(raw->log()->closed->code, limit);
  EXPECT_EQ(raw->log()->closed->reason, "the peer issued too many connection ids");
}

TEST_P(Inside, a_tls_message_after_the_handshake_costs_the_link) {
  for (unsigned type = 0; type < 32; ++type) {
    SCOPED_TRACE(type);
    const bool ticket = type == 4 && GetParam() == Side::acceptor;
    if (ticket) continue;
    ASSERT_TRUE(begin({}, static_cast<std::uint16_t>(5000 + type)));
    raw->inject(crypto(0, {static_cast<std::uint8_t>(type), 0, 0, 1, 1}));
    raw->run();
    expect_ended_with(unexpected_message);
  }
}

TEST_P(Inside, tls_messages_may_come_in_pieces_and_are_refused_all_the_same) {
  raw->inject(crypto(4, {1}));
  raw->run();
  expect_open();
  raw->inject(crypto(0, {24}));
  raw->run();
  expect_ended_with(unexpected_message);
}

TEST_P(InsideServers, session_tickets_are_of_no_use_and_do_no_harm) {
  Bytes ticket = {4, 0, 0, 40};
  ticket.resize(44, 1);
  raw->inject(crypto(0, ticket));
  raw->inject(crypto(44, ticket));
  raw->run();
  expect_open();
}

TEST_P(Inside, frames_that_break_their_layout_cost_the_link) {
  const std::vector<Bytes> bad = {{0x02, 1, 0, 0, 2}, {0x18, 1, 2, 8}, {0x3f, 1, 1, 1},
                                  {1, 1, 1, 0x10},    {0x1a, 1, 2, 3}, {0x06, 0, 9, 1}};
  std::uint16_t port = 6000;
  for (const Bytes& frames : bad) {
    SCOPED_TRACE(static_cast<int>(frames[0]));
    ASSERT_TRUE(begin({}, ++port));
    raw->inject(frames);
    raw->run();
    ASSERT_TRUE(raw->log()->closed);
    EXPECT_TRUE(raw->closed_with());
  }
}

TEST_P(Inside, an_initial_packet_that_breaks_the_rules_ends_nothing) {
  // Its keys are public: whoever saw the first packet can make one.
  sim::RawPeer::Packet in_initial;
  in_initial.space = PacketSpace::initial;
  const auto datagram = raw->peer().seal(in_initial, Bytes{0x1e});
  if (datagram) wire.inject(raw->home(), host.addresses.front(), *datagram);
  raw->run();
  expect_open();
}

// --------------------------------------------------------------------------------------------- order

sim::RawPeer::Packet numbered(std::uint64_t number, PacketSpace space = PacketSpace::application) {
  sim::RawPeer::Packet out;
  out.space = space;
  out.number = number;
  return out;
}
Bytes acknowledge(std::uint64_t number) {
  return {0x02, static_cast<std::uint8_t>(number & 0x3fU), 0, 0, 0};
}

TEST_P(Inside, an_acknowledgement_of_ours_in_a_packet_with_a_lower_number_does_no_harm) {
  for (const std::uint64_t lower : {std::uint64_t{6999}, std::uint64_t{6998}, std::uint64_t{6000}}) {
    raw->inject(numbered(7000), Bytes{0x01});
    raw->run();
    const auto ours = raw->peer().heard_number(PacketSpace::application);
    ASSERT_TRUE(ours);
    for (std::uint64_t back = 0; back < 4; ++back) {
      raw->inject(numbered(lower), acknowledge(*ours - std::min(back, *ours)) + Bytes{0x01});
      raw->inject(numbered(6999 - back), Bytes{0x01});
      raw->run();
    }
  }
  expect_open();
}

TEST_P(InsideServers, addresses_that_a_peer_would_prefer_end_the_handshake) {
  sim::RawParameters parameters;
  parameters.preferred_address = true;
  EXPECT_FALSE(begin(parameters, 5000));
}

TEST_P(Inside, a_handshake_without_transport_parameters_ends) {
  sim::RawParameters parameters;
  parameters.none = true;
  EXPECT_FALSE(begin(parameters, 5000));
  EXPECT_LE(host.endpoint->connections(), 2U);
}

class BeforeFinished : public testing::TestWithParam<Bytes> {};
INSTANTIATE_TEST_SUITE_P(Frames, BeforeFinished,
                         testing::Values(Bytes{0x1e}, issue(1, 1), acknowledge(0), crypto(0, {24, 0, 0, 1, 1}),
                                         Bytes{0x0a, 0, 1, 'x'}, Bytes{0x1e} + issue(1, 1)));

// What a server sends in 1-RTT packets before it can have our Finished: ngtcp2 does not expect it.
TEST_P(BeforeFinished, a_dialer_reads_nothing_of_the_application) {
  for (const bool parameters : {true, false}) {
    for (const bool again : {false, true}) {
      Wire wire{1};
      Host& host = wire.add(2);
      LinkId link{};
      sim::RawParameters told;
      told.none = !parameters;
      RawLink raw(wire, host, link, Alpn::groups, told);
      raw.behind_flight = [&] {
        raw.follow({}, GetParam());
        if (again) {
          raw.follow(numbered(50, PacketSpace::handshake), Bytes{0x01});
          raw.follow({}, Bytes{0x01});
        }
      };
      host.on_event = [&](const LinkEvent& event) {
        if (again && std::holds_alternative<LinkOpened>(event))
          host.endpoint->close(wire.now(), link, CloseCode::cancelled, CloseMode::at_once);
      };
      raw.run(2s);
      host.endpoint->close(wire.now(), link, CloseCode::cancelled, CloseMode::at_once);
      raw.run(1s);
    }
  }
}

// Their keys are public: no TLS secret is needed, and no answer.
TEST(InitialPackets, acknowledgements_out_of_order_do_no_harm) {
  for (std::uint64_t ours = 0; ours < 4; ++ours) {
    Wire wire{1};
    Host& host = wire.add(2);
    RawLink raw(wire, host);
    raw.silent = true;
    raw.run(6ms);
    raw.inject(numbered(10, PacketSpace::initial), Bytes{0x01});
    raw.run(6ms);
    for (const std::uint64_t number : {std::uint64_t{9}, std::uint64_t{8}, std::uint64_t{9}}) {
      raw.inject(numbered(number, PacketSpace::initial), acknowledge(ours) + Bytes{0x01});
      raw.run(6ms);
    }
    raw.inject(numbered(11, PacketSpace::initial), acknowledge(ours) + Bytes{0x01});
    raw.inject(numbered(10, PacketSpace::initial), Bytes{0x01});
    raw.inject(numbered(9, PacketSpace::initial), Bytes{0x01});
    raw.run(10s);
    EXPECT_EQ(host.endpoint->connections(), 0U);
  }
}

// --------------------------------------------------------------------------------------------- addresses

TEST_P(Inside, packets_from_elsewhere_count_as_life_and_are_never_answered_there) {
  const SocketAddress other = Wire::address(RawLink::place, 9);
  raw->listen(other);
  const std::size_t active = raw->log()->active;
  raw->inject(Bytes{0x01}, other);
  raw->run(100ms);
  EXPECT_GT(raw->log()->active, active);
  EXPECT_EQ(raw->received_at[other], 0U);
  expect_open();
}

TEST_P(Inside, a_peer_that_sends_only_from_elsewhere_has_moved) {
  const SocketAddress other = Wire::address(RawLink::place, 9);
  raw->listen(other);
  raw->silent = true;
  const Mono start = wire.now().mono;
  while (!raw->log()->closed && wire.now().mono - start < 1s) {
    raw->inject(Bytes{0x01}, other);
    raw->run(20ms);
  }
  ASSERT_TRUE(raw->log()->closed);
  EXPECT_EQ(raw->log()->closed->by, ClosedBy::moved);
  EXPECT_EQ(raw->log()->closed->reason, "address changed");
  EXPECT_EQ(raw->log()->closed->moved_to, other);
  EXPECT_GE(wire.now().mono - start, 250ms);
  EXPECT_LE(wire.now().mono - start, 300ms);
  EXPECT_EQ(raw->received_at[other], 0U) << "not even a close";
}

TEST_P(Inside, a_copy_that_is_faster_than_its_original_moves_nothing) {
  const SocketAddress copyist = Wire::address(66);
  std::size_t to_copyist = 0;
  wire.strangers[copyist] = [&](const Packet&) { ++to_copyist; };
  raw->silent = true;
  for (int i = 0; i < 200; ++i) {
    const bool copy_first = i < 100 || i % 2 == 0;
    raw->inject(Bytes{0x01}, copy_first ? std::optional(copyist) : std::nullopt);
    raw->run(4ms);
    raw->repeat(copy_first ? std::nullopt : std::optional(copyist));
    raw->run(16ms);
  }
  EXPECT_EQ(to_copyist, 0U);
  EXPECT_EQ(host.endpoint->stats(host.links.rbegin()->first)->remote, raw->home());
  expect_open();
}

TEST_P(Inside, a_single_copy_whose_original_is_lost_moves_nothing) {
  raw->inject(Bytes{0x01}, Wire::address(66));
  raw->run(3s);
  expect_open();
}

TEST_P(Inside, moving_about_with_fresh_ids_costs_the_mover_alone) {
  Rng random(3);
  std::uint16_t port = 7000;
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(begin({}, ++port));
    for (std::uint8_t i = 1; i < 30; ++i) {
      Bytes frames = {0x01};
      if (random.below(3) == 0) frames = frames + Bytes{0x1a, 1, 2, 3, 4, 5, 6, 7, i};
      if (random.below(3) == 0) frames = frames + Bytes{0x1b, 8, 7, 6, 5, 4, 3, 2, i};
      if (random.below(3) == 0) frames = frames + issue(i, static_cast<std::uint8_t>(random.below(i + 1U)));
      if (random.below(3) == 0) frames.resize(1200);
      raw->inject(frames, Wire::address(static_cast<std::uint8_t>(60 + random.below(4)),
                                        static_cast<std::uint16_t>(1 + random.below(3))));
      if (random.below(4) == 0) raw->repeat();
      raw->run(random.between(0ms, 30ms));
    }
    raw->run(1s);
  }
}

TEST_P(Inside, honest_peers_that_rotate_their_ids_under_loss_keep_their_links) {
  for (std::uint16_t round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    wire.conditions = {};
    ASSERT_TRUE(begin(rotating(40), static_cast<std::uint16_t>(8000 + round)));
    wire.conditions = {.delay = 5ms, .jitter = 20ms, .loss_percent = 30, .duplicate_percent = 30};
    const LinkId link =
        std::ranges::find_if(host.links, [&](const auto& item) { return &item.second == raw->log(); })->first;
    for (int i = 0; i < 60; ++i) {
      if (GetParam() == Side::initiator) raw->peer().write_stream(wire.now().mono, Bytes{0, 0, 0, 1, 'x'});
      static_cast<void>(host.endpoint->send(link, SendClass::liveness, host.frame(20)));
      raw->run(100ms);
    }
    expect_open();
    EXPECT_GE(raw->peer().own_ids().size(), 30U) << "it did rotate";
  }
  wire.conditions = {};
}

TEST(Campaigns, two_hundred_hostile_connections_leave_an_honest_link_alone) {
  Campaign campaign(7);
  sim::SeededChoices choices{Rng(7)};
  for (int i = 0; i < 200; ++i) {
    campaign.attack(choices);
    ASSERT_EQ(campaign.verdict(), "") << i;
  }
  EXPECT_GT(campaign.opened(), 100U) << "or nothing was attacked";
  campaign.rest();
  EXPECT_EQ(campaign.left(), 1U);
}

}  // namespace
}  // namespace mosaik::quic::test
