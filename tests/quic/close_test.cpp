/// Every link ends once, and both ends learn how (RFC 9000 10; spec: transport 5).

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "quic/wire.hpp"

namespace mosaik::quic::test {
namespace {

struct Closing : testing::Test {
  Wire wire{1};
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  LinkId from{}, to{};

  void SetUp() override {
    const auto links = wire.connect(a, b);
    ASSERT_TRUE(links);
    from = links->first;
    to = links->second;
  }
  bool closed(Host& host, LinkId link, Nanoseconds most = 120s) {
    return wire.run_until([&] { return host.links[link].closed.has_value(); }, most);
  }
};

TEST_F(Closing, code_and_reason_reach_the_peer_and_we_know_it_was_us) {
  a.endpoint->close(wire.now(), from, CloseCode::invalid_proof, CloseMode::at_once);
  a.pull();
  ASSERT_TRUE(a.links[from].closed) << "at once";
  EXPECT_EQ(a.links[from].closed->by, ClosedBy::us);
  EXPECT_TRUE(a.links[from].closed->is(CloseCode::invalid_proof));
  ASSERT_TRUE(closed(b, to));
  EXPECT_EQ(b.links[to].closed->by, ClosedBy::peer);
  EXPECT_TRUE(b.links[to].closed->is(CloseCode::invalid_proof));
  EXPECT_EQ(b.links[to].closed->reason, reason_of(CloseCode::invalid_proof));
  EXPECT_EQ(a.endpoint->connections(), 0U);
  EXPECT_EQ(b.endpoint->connections(), 0U);
}

TEST_F(Closing, the_acceptor_may_close_as_well) {
  b.endpoint->close(wire.now(), to, CloseCode::already_bonded, CloseMode::at_once);
  ASSERT_TRUE(closed(a, from));
  EXPECT_TRUE(a.links[from].closed->is(CloseCode::already_bonded));
}

TEST_F(Closing, a_closed_link_takes_nothing_more_and_tells_nothing_more) {
  a.endpoint->close(wire.now(), from, CloseCode::success, CloseMode::at_once);
  EXPECT_EQ(a.endpoint->send(from, SendClass::liveness, a.frame(1)), SendResult::closed);
  EXPECT_FALSE(a.endpoint->exporter(from, bytes_of("x")));
  a.endpoint->close(wire.now(), from, CloseCode::timeout, CloseMode::at_once);
  wire.run_for(60s);
  EXPECT_TRUE(a.links[from].closed->is(CloseCode::success));
  EXPECT_EQ(a.links[from].after_close, 0U);
  EXPECT_EQ(b.links[to].after_close, 0U);
}

TEST_F(Closing, after_flush_what_is_queued_arrives_first) {
  wire.conditions.loss_percent = 20;
  a.keep_frames = b.keep_frames = false;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(5000)), SendResult::queued);
  }
  a.endpoint->close(wire.now(), from, CloseCode::success, CloseMode::after_flush);
  a.pull();
  EXPECT_FALSE(a.links[from].closed);
  EXPECT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(1)), SendResult::closed);
  ASSERT_TRUE(closed(a, from));
  EXPECT_EQ(b.frame_bytes, 100000U);
  wire.conditions.loss_percent = 0;
  ASSERT_TRUE(closed(b, to));
  EXPECT_TRUE(b.links[to].closed->is(CloseCode::success));
}

TEST_F(Closing, after_flush_waits_no_longer_than_its_limit) {
  wire.passes = [](const Packet& packet) { return packet.from != Wire::address(2); };  // no acknowledgement comes
  ASSERT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(100)), SendResult::queued);
  const Mono start = wire.now().mono;
  a.endpoint->close(wire.now(), from, CloseCode::success, CloseMode::after_flush);
  ASSERT_TRUE(closed(a, from));
  EXPECT_EQ(wire.now().mono - start, limits::departure_flush);
  ASSERT_TRUE(closed(b, to));
}

TEST_F(Closing, frames_that_came_before_the_close_are_delivered_before_it) {
  // The frames' packets are held back and arrive together with the close: one datagram batch.
  wire.run_for(1s);  // past the pacing of the handshake's last flight
  std::optional<std::size_t> frames_at_close;
  b.on_event = [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkClosed>(event)) frames_at_close = b.links[to].frames.size();
  };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(10)), SendResult::queued);
  DatagramBatch batch(64U << 10U);
  while (a.endpoint->transmit(wire.now(), batch)) {
  }
  a.endpoint->close(wire.now(), from, CloseCode::success, CloseMode::at_once);
  while (a.endpoint->transmit(wire.now(), batch)) {
  }
  for (const DatagramBatch::Item& item : batch.items()) {
    for (BytesView rest = batch.bytes(item); !rest.empty(); rest = rest.subspan(std::min(rest.size(), item.segment))) {
      b.endpoint->on_datagram(wire.now(), {Wire::address(2), Wire::address(1)},
                              rest.first(std::min(rest.size(), item.segment)));
    }
  }
  b.pull();
  EXPECT_EQ(frames_at_close, 3U);
}

TEST_F(Closing, a_lost_close_is_told_again_when_the_peer_speaks) {
  bool lost = true;
  wire.passes = [&](const Packet& packet) { return packet.from != Wire::address(1) || !lost; };
  a.endpoint->close(wire.now(), from, CloseCode::group_not_found, CloseMode::at_once);
  wire.run_for(1s);  // longer than three probe timeouts
  EXPECT_FALSE(b.links[to].closed);
  lost = false;
  // Nothing but the peer's keep-alive is needed, and it is no stateless reset: this process still lives.
  ASSERT_TRUE(closed(b, to, limits::quic_keep_alive + 1s));
  EXPECT_EQ(b.links[to].closed->by, ClosedBy::peer);
  EXPECT_TRUE(b.links[to].closed->is(CloseCode::group_not_found));
  EXPECT_EQ(a.endpoint->counters().stateless_resets_sent, 0U);
}

TEST_F(Closing, two_ends_that_close_at_once_fall_silent) {
  a.endpoint->close(wire.now(), from, CloseCode::success, CloseMode::at_once);
  b.endpoint->close(wire.now(), to, CloseCode::cancelled, CloseMode::at_once);
  const std::uint64_t before = wire.packets;
  wire.run_for(10s);
  EXPECT_LE(wire.packets - before, 8U);
  EXPECT_EQ(a.links[from].closed->by, ClosedBy::us);
  EXPECT_EQ(b.links[to].closed->by, ClosedBy::us);
}

TEST_F(Closing, a_silent_peer_is_given_up_after_the_idle_time) {
  wire.passes = [](const Packet&) { return false; };
  const Mono start = wire.now().mono;
  ASSERT_TRUE(closed(a, from));
  EXPECT_EQ(a.links[from].closed->by, ClosedBy::idle);
  EXPECT_GE(wire.now().mono - start, limits::quic_idle_timeout);
  EXPECT_LE(wire.now().mono - start, limits::quic_idle_timeout + limits::quic_keep_alive + 1s);
}

// The crate serves one exchange at a time: one whose dialer died must not silence it for long.
TEST_F(Closing, the_silent_dialer_of_an_exchange_is_given_up_soon) {
  static_cast<void>(wire.dial(a, b, Alpn::sync));
  wire.run_for(60s);
  const LinkId accepted = b.opened(Side::acceptor).value();
  ASSERT_EQ(b.links[accepted].opened->alpn, Alpn::sync);
  ASSERT_FALSE(b.links[accepted].closed) << "it is kept alive while both are there";
  wire.passes = [](const Packet&) { return false; };
  ASSERT_TRUE(closed(b, accepted, limits::exchange_idle_timeout + 1s));
  EXPECT_EQ(b.links[accepted].closed->by, ClosedBy::idle);
}

TEST_F(Closing, an_idle_link_is_kept_alive_without_the_owners_help) {
  wire.run_for(600s);
  EXPECT_FALSE(a.links[from].closed);
  EXPECT_FALSE(b.links[to].closed);
  EXPECT_GT(a.links[from].active, 50U);
  EXPECT_LT(wire.packets, 2000U);
}

TEST_F(Closing, a_restarted_acceptor_proves_that_its_predecessor_is_gone) {
  b.restart();
  ASSERT_EQ(a.endpoint->send(from, SendClass::liveness, a.frame(5)), SendResult::queued);
  ASSERT_TRUE(closed(a, from, 1s));
  EXPECT_EQ(a.links[from].closed->by, ClosedBy::stateless_reset);
  EXPECT_GE(b.endpoint->counters().stateless_resets_sent, 1U);
}

TEST_F(Closing, a_strangers_reset_is_no_proof) {
  // Another node, with another key, at the same address: it cannot know the tokens.
  Host& thief = wire.add(9);
  thief.addresses = std::exchange(b.addresses, {});
  ASSERT_EQ(a.endpoint->send(from, SendClass::liveness, a.frame(5)), SendResult::queued);
  wire.run_for(10s);
  EXPECT_GT(thief.endpoint->counters().stateless_resets_sent, 0U);
  EXPECT_FALSE(a.links[from].closed);
}

TEST_F(Closing, a_reset_is_never_larger_than_what_it_answers_and_has_a_rate) {
  std::vector<std::size_t> sizes;
  std::size_t answered = 0;
  wire.passes = [&](const Packet& packet) {
    if (packet.to == Wire::address(77)) {
      ++answered;
      EXPECT_LT(packet.bytes.size(), sizes.back());
      EXPECT_GE(packet.bytes.size(), 21U);
      EXPECT_EQ(packet.bytes[0] & 0xc0, 0x40);
    }
    return true;
  };
  for (std::size_t size = 1; size <= 60; ++size) {
    sizes.push_back(size);
    wire.inject(Wire::address(77), Wire::address(2), std::vector<std::uint8_t>(size, 0x41));
    wire.run_for(20ms);
  }
  EXPECT_EQ(answered, 60U - 21U);
  answered = 0;
  sizes.push_back(1200);
  for (int i = 0; i < 1000; ++i)
    wire.inject(Wire::address(77), Wire::address(2), std::vector<std::uint8_t>(1200, 0x41));
  wire.run_for(1ms);
  EXPECT_LE(answered, 65U);
}

TEST_F(Closing, a_healed_one_way_cut_is_not_mistaken_for_a_restart) {
  // Nothing reaches B for longer than the idle time, then everything does again.
  bool cut = true;
  wire.passes = [&](const Packet& packet) { return !cut || packet.to != Wire::address(2); };
  ASSERT_TRUE(closed(b, to));
  EXPECT_EQ(b.links[to].closed->by, ClosedBy::idle);
  EXPECT_FALSE(a.links[from].closed);
  cut = false;
  ASSERT_TRUE(closed(a, from));
  EXPECT_NE(a.links[from].closed->by, ClosedBy::stateless_reset);
}

TEST_F(Closing, closing_a_dial_before_it_opened_ends_it) {
  const LinkId link = wire.dial(a, b);
  a.endpoint->close(wire.now(), link, CloseCode::cancelled, CloseMode::after_flush);
  a.pull();
  ASSERT_TRUE(a.links[link].closed);
  EXPECT_EQ(a.links[link].closed->by, ClosedBy::us);
  wire.run_for(10s);
  EXPECT_EQ(a.links[link].after_close, 0U);
  EXPECT_EQ(b.links.size(), 1U);
}

}  // namespace
}  // namespace mosaik::quic::test
