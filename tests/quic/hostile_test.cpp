/// Strangers cost bounded memory and work, and never a link of others.

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "quic/stranger.hpp"
#include "quic/wire.hpp"

namespace mosaik::quic::test {
namespace {

struct Hostile : testing::Test {
  Wire wire{1};
  Host& friendly = wire.add(1);
  Host& host = wire.add(2);
  Host& attacker = wire.add(3);
  LinkId from{}, to{};
  std::vector<Packet> captured;

  void SetUp() override {
    const auto links = wire.connect(friendly, host);
    ASSERT_TRUE(links);
    from = links->first;
    to = links->second;
  }
  /// First datagrams of `count` connections that the attacker never goes on with.
  void capture_initials(std::size_t count) {
    wire.passes = [&](const Packet& packet) {
      if (packet.from != Wire::address(3)) return true;
      captured.push_back(packet);
      return false;
    };
    for (std::size_t i = 0; i < count; ++i) wire.dial(attacker, host);
    wire.run_for(1us);
    ASSERT_EQ(captured.size(), count);
  }
  void flood(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      wire.inject(Wire::address(static_cast<std::uint8_t>(100 + i % 100), static_cast<std::uint16_t>(1000 + i)),
                  Wire::address(2), captured[i].bytes);
    }
  }
  bool echo(Nanoseconds most) {
    const std::size_t before = host.links[to].frames.size();
    if (friendly.endpoint->send(from, SendClass::liveness, friendly.frame(32)) != SendResult::queued) return false;
    return wire.run_until([&] { return host.links[to].frames.size() > before; }, most);
  }
};

TEST_F(Hostile, an_unknown_protocol_is_refused_with_its_tls_alert) {
  Stranger stranger("/mosaik/nonsense/1", Stranger::Key::ed25519);
  EXPECT_EQ(stranger.talk_to(*host.endpoint, wire), 0x178U);  // no_application_protocol
  EXPECT_EQ(host.endpoint->connections(), 1U);
}

TEST_F(Hostile, a_client_without_a_key_is_refused_with_its_tls_alert) {
  Stranger stranger("/mosaik/groups/1", Stranger::Key::none);
  EXPECT_EQ(stranger.talk_to(*host.endpoint, wire), 0x174U);  // certificate_required
  EXPECT_EQ(host.endpoint->connections(), 1U);
}

TEST_F(Hostile, the_same_client_with_a_key_and_a_known_protocol_is_welcome) {
  Stranger stranger("/mosaik/groups/1", Stranger::Key::ed25519);
  EXPECT_EQ(stranger.talk_to(*host.endpoint, wire), std::nullopt);
  host.pull();
  EXPECT_EQ(host.open_links(), 2U);
}

TEST_F(Hostile, a_stream_that_is_reset_ends_uncleanly_and_without_the_frame_it_began) {
  Stranger stranger("/mosaik/groups/1", Stranger::Key::ed25519);
  ASSERT_EQ(stranger.talk_to(*host.endpoint, wire), std::nullopt);
  const std::vector<std::uint8_t> begun = {0, 0, 0, 9, 'x'};
  stranger.send_and_reset(*host.endpoint, wire.now(), begun);
  host.pull();
  const auto reset = std::ranges::find_if(host.links, [](const auto& each) { return each.second.ended.has_value(); });
  ASSERT_NE(reset, host.links.end());
  EXPECT_FALSE(reset->second.ended->clean);
  EXPECT_TRUE(reset->second.frames.empty());
  EXPECT_TRUE(echo(20ms)) << "the others go on";
}

TEST_F(Hostile, a_flood_of_first_datagrams_keeps_connections_bounded_and_links_served) {
  capture_initials(3000);
  flood(0, 3000);
  EXPECT_TRUE(echo(20ms));
  EXPECT_LE(host.endpoint->connections(), limits::retry_threshold + 1);
  EXPECT_GT(host.endpoint->counters().retries_sent, 0U);
  wire.run_for(2 * limits::quic_handshake_timeout);
  EXPECT_EQ(host.endpoint->connections(), 1U);
  EXPECT_EQ(host.links.size(), 1U) << "the owner never heard of them";
  EXPECT_TRUE(echo(20ms));
}

TEST_F(Hostile, under_load_a_client_is_asked_to_retry_and_gets_in) {
  capture_initials(limits::retry_threshold);
  flood(0, limits::retry_threshold);
  wire.run_for(10ms);
  ASSERT_EQ(host.endpoint->counters().retries_sent, 0U);
  Host& honest = wire.add(5);
  const LinkId link = wire.dial(honest, host);
  ASSERT_TRUE(wire.run_until([&] { return honest.links[link].opened.has_value(); }, 200ms));
  EXPECT_EQ(host.endpoint->counters().retries_sent, 1U);
  EXPECT_EQ(host.open_links(), 2U);
}

// One network, and one address in the end: a source that has many unfinished handshakes makes room for the next.
TEST_F(Hostile, handshakes_that_never_end_keep_nobody_out) {
  // They prove their address and begin; what the host answers is lost.
  wire.passes = [&](const Packet& packet) {
    constexpr std::uint8_t retry = 0xf0;
    return packet.from != Wire::address(2) || packet.to == Wire::address(1) || packet.to == Wire::address(5) ||
           (packet.bytes.at(0) & 0xf0U) == retry;
  };
  std::vector<Host*> mute;
  for (std::uint8_t name = 10; name < 30; ++name) mute.push_back(&wire.add(name));
  for (std::size_t i = 0; i < 4 * limits::incoming_handshakes; ++i) {
    wire.dial(*mute.at(i % mute.size()), host);
    if (i % mute.size() == 0) wire.run_for(limits::retry_window);
  }
  wire.run_for(100ms);
  ASSERT_GT(host.endpoint->connections(), limits::incoming_handshakes / 2);
  ASSERT_LE(host.endpoint->connections(), 2 + limits::incoming_handshakes);
  Host& honest = wire.add(5);
  const LinkId link = wire.dial(honest, host);
  for (std::size_t i = 0; i < 100; ++i) wire.dial(*mute.at(i % mute.size()), host);
  EXPECT_TRUE(wire.run_until([&] { return honest.links[link].opened.has_value(); }, 200ms));
}

TEST_F(Hostile, a_client_that_floods_is_asked_a_few_times_and_the_others_are_asked_too) {
  capture_initials(limits::retry_threshold + 1);
  flood(0, limits::retry_threshold);
  wire.run_for(10ms);
  // One whose connection does not exist yet.
  for (int i = 0; i < 1000; ++i) wire.inject(Wire::address(66), Wire::address(2), captured.back().bytes);
  Host& honest = wire.add(5);
  const LinkId link = wire.dial(honest, host);
  ASSERT_TRUE(wire.run_until([&] { return honest.links[link].opened.has_value(); }, 200ms));
  EXPECT_LE(host.endpoint->counters().retries_sent, 2 * limits::retries_per_client + 1);
}

TEST_F(Hostile, a_retry_token_is_of_no_use_at_another_address) {
  capture_initials(limits::retry_threshold);
  flood(0, limits::retry_threshold);
  wire.run_for(10ms);
  Host& honest = wire.add(5);
  wire.passes = [&](const Packet& packet) {
    if (packet.from != Wire::address(5) || host.endpoint->counters().retries_sent == 0) return true;
    wire.inject(Wire::address(99), packet.to, packet.bytes);  // the client's second datagram, from elsewhere
    return false;
  };
  const LinkId link = wire.dial(honest, host);
  const std::size_t before = host.endpoint->connections();
  wire.run_for(2s);
  EXPECT_FALSE(honest.links[link].opened);
  EXPECT_EQ(host.endpoint->connections(), before);
}

TEST_F(Hostile, a_storm_of_honest_clients_gets_in) {
  std::vector<Host*> clients;
  for (std::uint8_t name = 10; name < 30; ++name) clients.push_back(&wire.add(name));
  for (Host* const client : clients) {
    for (int i = 0; i < 15; ++i) wire.dial(*client, host);
  }
  ASSERT_TRUE(wire.run_until([&] { return host.open_links() == 1 + 300; }, 5s));
  EXPECT_TRUE(echo(20ms));
}

TEST_F(Hostile, garbage_of_every_kind_hurts_nobody) {
  capture_initials(40);
  Rng random(7);
  std::vector<Packet> seen;
  wire.passes = nullptr;
  wire.on_deliver = [&](Host&, const Packet& packet) {
    if (seen.size() < 200) seen.push_back(packet);
  };
  ASSERT_TRUE(echo(1s));
  wire.run_for(10s);
  seen.insert(seen.end(), captured.begin(), captured.end());
  for (int round = 0; round < 3000; ++round) {
    Packet packet = seen[random.below(seen.size())];
    switch (random.below(4)) {
      case 0: packet.bytes.resize(random.below(packet.bytes.size() + 1)); break;
      case 1:
        for (std::uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
          packet.bytes[random.below(std::min<std::size_t>(packet.bytes.size(), 60))] ^=
              static_cast<std::uint8_t>(1U << random.below(8));
        }
        break;
      case 2:
        for (std::uint8_t& byte : packet.bytes) byte = static_cast<std::uint8_t>(random.next());
        break;
      default: break;  // replayed as it was
    }
    wire.inject(packet.from, packet.to, packet.bytes);
    if (round % 10 == 0) wire.run_for(1ms);
  }
  wire.run_for(10s);
  EXPECT_TRUE(echo(1s));
  EXPECT_FALSE(friendly.links[from].closed);
  EXPECT_FALSE(host.links[to].closed);
}

TEST_F(Hostile, unknown_versions_are_answered_with_less_than_was_asked) {
  std::vector<Packet> answers;
  wire.passes = [&](const Packet& packet) {
    if (packet.to == Wire::address(77)) answers.push_back(packet);
    return true;
  };
  std::vector<std::uint8_t> ask(1200, 0);
  ask[0] = 0xc0;
  ask[1] = ask[2] = ask[3] = ask[4] = 0x1a;
  ask[5] = 8;
  ask[14] = 5;
  wire.inject(Wire::address(77), Wire::address(2), ask);
  wire.run_for(1ms);
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(std::vector<std::uint8_t>(answers[0].bytes.begin() + 1, answers[0].bytes.begin() + 6),
            (std::vector<std::uint8_t>{0, 0, 0, 0, 5}));
  EXPECT_LT(answers[0].bytes.size(), 100U);
  ask.resize(1199);  // too small to be worth an answer
  wire.inject(Wire::address(77), Wire::address(2), ask);
  ask.resize(1200);
  ask[1] = ask[2] = ask[3] = ask[4] = 0;  // itself a version negotiation
  wire.inject(Wire::address(77), Wire::address(2), ask);
  wire.run_for(1ms);
  EXPECT_EQ(answers.size(), 1U);
}

}  // namespace
}  // namespace mosaik::quic::test
