/// Frames arrive whole, in order within their class, the urgent ones first, and nobody buffers without bound.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "base/limits.hpp"
#include "quic/wire.hpp"

namespace mosaik::quic::test {
namespace {

std::vector<std::uint8_t> pattern(std::size_t size, std::uint64_t seed) {
  Rng random(seed);
  std::vector<std::uint8_t> out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random.next());
  return out;
}

struct Transfer : testing::Test {
  Wire wire{1};
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  LinkId from{}, to{};

  void open() {
    const auto links = wire.connect(a, b);
    ASSERT_TRUE(links);
    from = links->first;
    to = links->second;
    b.endpoint->set_frame_limit(to, limits::group_frame);
    a.endpoint->set_frame_limit(from, limits::group_frame);
  }
  SendResult send(SendClass kind, const std::vector<std::uint8_t>& payload) {
    return a.endpoint->send(from, kind, a.pool.make(payload));
  }
};

TEST_F(Transfer, carries_frames_of_every_size_intact_and_in_order) {
  open();
  const std::size_t sizes[] = {0, 1, 3, 4, 5, 100, 1199, 1200, 1201, 65535, 65536, 1U << 20U, limits::group_frame};
  for (const std::size_t size : sizes) {
    ASSERT_EQ(send(SendClass::consensus, pattern(size, size)), SendResult::queued);
  }
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == std::size(sizes); }));
  for (std::size_t i = 0; i < std::size(sizes); ++i) {
    EXPECT_EQ(b.links[to].frames[i], pattern(sizes[i], sizes[i])) << sizes[i];
  }
}

TEST_F(Transfer, a_frame_that_grows_is_told_of_until_it_is_whole) {
  open();
  const auto large = pattern(1U << 20U, 7);
  ASSERT_EQ(send(SendClass::consensus, large), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == 1; }));
  const std::vector<FrameHead> told = b.links[to].growing;
  EXPECT_GT(told.size(), 4U);
  for (const FrameHead& head : told) EXPECT_TRUE(std::ranges::equal(head, std::span(large).first(head.size())));
  wire.run_for(1s);
  EXPECT_EQ(b.links[to].growing.size(), told.size()) << "it is whole";
  ASSERT_EQ(send(SendClass::consensus, pattern(100, 8)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == 2; }));
  EXPECT_EQ(b.links[to].growing.size(), told.size()) << "it came whole";
}

TEST_F(Transfer, the_acceptor_answers_on_the_same_link) {
  open();
  // The acceptor's frame waits until the initiator has opened the stream.
  EXPECT_EQ(b.endpoint->send(to, SendClass::consensus, b.frame(7)), SendResult::queued);
  wire.run_for(1s);
  EXPECT_TRUE(a.links[from].frames.empty());
  ASSERT_EQ(send(SendClass::consensus, {}), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return a.links[from].frames.size() == 1; }));
  EXPECT_EQ(a.links[from].frames[0].size(), 7U);
}

TEST_F(Transfer, delivers_everything_over_a_wire_that_loses_reorders_and_repeats) {
  open();
  wire.conditions = {.delay = 5ms, .jitter = 20ms, .loss_percent = 30, .duplicate_percent = 10};
  std::vector<std::size_t> sizes(60);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = i * i * 7 % 9000;
    ASSERT_EQ(send(SendClass::bulk, pattern(sizes[i], i)), SendResult::queued);
  }
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == sizes.size(); }, 300s));
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(b.links[to].frames[i], pattern(sizes[i], i));
}

TEST_F(Transfer, both_sides_send_32_MiB_at_once_without_deadlock) {
  open();
  a.keep_frames = b.keep_frames = false;
  wire.conditions.delay = 100us;
  constexpr std::size_t total = 32U << 20U, size = 1U << 20U;
  for (std::size_t sent = 0; sent < total; sent += size) {
    ASSERT_EQ(send(SendClass::consensus, pattern(size, 1)), SendResult::queued);
    ASSERT_EQ(b.endpoint->send(to, SendClass::consensus, b.frame(size)), SendResult::queued);
  }
  ASSERT_TRUE(wire.run_until([&] { return a.frame_bytes == total && b.frame_bytes == total; }));
}

TEST_F(Transfer, hands_up_a_part_of_a_flood_each_turn_and_other_links_in_between) {
  open();
  const auto other = wire.connect(a, b);
  ASSERT_TRUE(other);
  constexpr std::size_t flood = 5000;
  for (std::size_t i = 0; i < flood; ++i)
    ASSERT_EQ(send(SendClass::consensus, {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8U)}),
              SendResult::queued);
  ASSERT_EQ(a.endpoint->send(other->first, SendClass::consensus, a.frame(7)), SendResult::queued);

  std::map<Mono, std::size_t> of_turn;
  std::size_t before_the_other = 0;
  b.on_event = [&](const LinkEvent& event) {
    const auto* frame = std::get_if<LinkFrame>(&event);
    if (frame == nullptr) return;
    if (frame->link == to) ++of_turn[wire.now().mono];
    if (frame->link == other->second) before_the_other = b.links[to].frames.size();
  };
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == flood; }));
  for (std::size_t i = 0; i < flood; ++i)
    ASSERT_EQ(b.links[to].frames[i][0] | b.links[to].frames[i][1] << 8U, static_cast<int>(i));
  for (const auto& [turn, frames] : of_turn) EXPECT_LE(frames, limits::link_frames_per_turn);
  EXPECT_EQ(b.links[other->second].frames.size(), 1U);
  EXPECT_LT(before_the_other, flood / 2) << "a link that says little waits for no flood";
}

TEST_F(Transfer, many_floods_take_turns_with_a_link_that_says_little) {
  open();
  wire.conditions.delay = 100us;
  b.keep_frames = false;
  std::vector<std::pair<Host*, LinkId>> floods;
  for (std::uint8_t i = 0; i < 16; ++i) {
    Host& flooding = wire.add(static_cast<std::uint8_t>(10 + i));
    const auto link = wire.connect(flooding, b);
    ASSERT_TRUE(link);
    b.endpoint->set_frame_limit(link->second, limits::group_frame);
    floods.emplace_back(&flooding, link->first);
  }
  for (const auto& [host, link] : floods)
    for (int i = 0; i < 20'000; ++i)
      ASSERT_EQ(host->endpoint->send(link, SendClass::consensus, host->frame(0)), SendResult::queued);
  std::size_t others = 0;
  std::optional<std::size_t> before;
  b.on_event = [&](const LinkEvent& event) {
    const auto* const frame = std::get_if<LinkFrame>(&event);
    if (frame == nullptr) return;
    if (frame->link == to && !before) before = others;
    if (frame->link != to) ++others;
  };
  wire.run_for(1ms);
  const std::size_t begun = others;
  ASSERT_EQ(send(SendClass::consensus, {7}), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return before.has_value(); }, 1s));
  EXPECT_LE(*before - begun, 4 * limits::frames_per_turn);
}

TEST_F(Transfer, an_owner_that_closes_an_ended_link_hears_no_more_of_it) {
  open();
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(send(SendClass::consensus, {1}), SendResult::queued);
  std::size_t after_close = 0;
  bool closed = false;
  b.on_event = [&](const LinkEvent& event) {
    if (const auto* const frame = std::get_if<LinkFrame>(&event); frame != nullptr && frame->link == to) {
      after_close += closed ? 1U : 0U;
      closed = true;
      b.endpoint->close(wire.now(), to, CloseCode::protocol_violation, CloseMode::at_once);
      EXPECT_EQ(frame->payload.size(), 1U);  // it is still the reader's
    }
  };
  // All of it and the close arrive in one step: nothing was read before the link had ended.
  std::vector<Packet> kept;
  wire.passes = [&](const Packet& packet) {
    if (packet.from != Wire::address(1)) return true;
    kept.push_back(packet);
    return false;
  };
  wire.run_for(1ms);
  a.endpoint->close(wire.now(), from, CloseCode::disconnect, CloseMode::at_once);
  wire.run_for(1ms);
  wire.passes = {};
  for (const Packet& packet : kept) wire.inject(packet.from, packet.to, packet.bytes);
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].closed.has_value(); }, 1s));
  EXPECT_EQ(after_close, 0U);
}

TEST_F(Transfer, reads_no_faster_than_the_rate_of_a_link_and_loses_nothing) {
  open();
  b.keep_frames = false;
  wire.conditions.delay = 100us;
  constexpr std::size_t flood = limits::link_frames_burst + limits::link_frames_rate / 4;
  std::size_t sent = 0;
  std::size_t heard = 0;
  b.on_event = [&](const LinkEvent& event) { heard += std::holds_alternative<LinkFrame>(event) ? 1U : 0U; };
  const Mono begin = wire.now().mono;
  while (heard < flood && wire.now().mono < begin + 5s) {
    while (sent < flood && send(SendClass::bulk, {}) == SendResult::queued && ++sent % 4096 != 0) continue;
    wire.run_for(1ms);
  }
  EXPECT_EQ(heard, flood);
  EXPECT_GE(wire.now().mono - begin, 240ms);
  EXPECT_FALSE(b.links[to].closed);
}

TEST_F(Transfer, a_ping_overtakes_bulk_that_waits) {
  open();
  wire.conditions.delay = 20ms;
  constexpr std::size_t chunk = 16U << 10U;
  for (std::size_t sent = 0; sent < 16U << 20U; sent += chunk) {
    ASSERT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(chunk)), SendResult::queued);
  }
  wire.run_for(200ms);
  const std::size_t before = b.links[to].frames.size();
  ASSERT_GT(before, 0U);
  ASSERT_EQ(a.endpoint->send(from, SendClass::liveness, a.frame(9)), SendResult::queued);
  const auto arrived = [&] {
    return std::ranges::find_if(b.links[to].frames, [](const auto& frame) { return frame.size() == 9; });
  };
  ASSERT_TRUE(wire.run_until([&] { return arrived() != b.links[to].frames.end(); }));
  const auto ahead = static_cast<std::size_t>(arrived() - b.links[to].frames.begin()) - before;
  EXPECT_LE(ahead * chunk, limits::quic_window + 2 * chunk);
}

TEST_F(Transfer, classes_go_in_order_of_urgency_and_keep_their_own_order) {
  open();
  const SendClass kinds[] = {SendClass::bulk, SendClass::catalog, SendClass::consensus, SendClass::liveness};
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_EQ(a.endpoint->send(from, kinds[i % 4], a.frame(100 + i)), SendResult::queued);
  }
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == 8; }));
  std::vector<std::size_t> sizes;
  for (const auto& frame : b.links[to].frames) sizes.push_back(frame.size());
  EXPECT_EQ(sizes, (std::vector<std::size_t>{103, 107, 102, 106, 101, 105, 100, 104}));
}

TEST_F(Transfer, a_full_class_takes_no_frame_until_it_has_room) {
  open();
  b.keep_frames = false;
  const Frame chunk = a.frame(1U << 20U);
  std::size_t taken = 0;
  while (a.endpoint->send(from, SendClass::bulk, chunk) == SendResult::queued) ++taken;
  EXPECT_EQ(taken, limits::bulk_queue / chunk.wire().size());
  EXPECT_EQ(a.endpoint->stats(from)->queued, taken * chunk.wire().size());
  // Other classes are not touched by that.
  EXPECT_EQ(a.endpoint->send(from, SendClass::consensus, chunk), SendResult::queued);
  EXPECT_EQ(a.endpoint->send(from, SendClass::bulk, chunk), SendResult::full);
  // One that has left, which is the urgent one, and one of its own.
  ASSERT_TRUE(wire.run_until([&] { return a.endpoint->stats(from)->queued <= (taken - 1) * chunk.wire().size(); }));
  EXPECT_EQ(a.endpoint->send(from, SendClass::bulk, chunk), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return a.endpoint->stats(from)->queued == 0; }));
}

TEST_F(Transfer, a_frame_announced_beyond_the_limit_is_reported_and_nothing_after_it) {
  open();
  b.endpoint->set_frame_limit(to, 1000);
  ASSERT_EQ(send(SendClass::bulk, pattern(1000, 1)), SendResult::queued);
  ASSERT_EQ(send(SendClass::bulk, pattern(1001, 2)), SendResult::queued);
  ASSERT_EQ(send(SendClass::bulk, pattern(10, 3)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].oversized == 1; }));
  wire.run_for(2s);
  EXPECT_EQ(b.links[to].frames.size(), 1U);
  EXPECT_EQ(b.links[to].oversized, 1U);
  b.endpoint->close(wire.now(), to, CloseCode::protocol_violation, CloseMode::at_once);
  ASSERT_TRUE(wire.run_until([&] { return a.links[from].closed.has_value(); }));
  EXPECT_TRUE(a.links[from].closed->is(CloseCode::protocol_violation));
}

TEST_F(Transfer, the_limit_is_that_of_a_handshake_until_it_is_set) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::bulk, a.frame(limits::handshake_frame)), SendResult::queued);
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::bulk, a.frame(limits::handshake_frame + 1)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[links->second].oversized == 1; }));
  EXPECT_EQ(b.links[links->second].frames.size(), 1U);
}

TEST_F(Transfer, a_limit_raised_at_the_handshakes_end_holds_for_what_came_with_it) {
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  b.on_event = [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkFrame>(event)) b.endpoint->set_frame_limit(links->second, limits::group_frame);
  };
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::bulk, a.frame(5)), SendResult::queued);
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::bulk, a.frame(4U << 20U)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[links->second].frames.size() == 2; }));
}

TEST_F(Transfer, an_owner_that_takes_no_events_stops_the_peer) {
  open();
  constexpr std::size_t total = 16U << 20U;
  for (std::size_t sent = 0; sent < total; sent += 64U << 10U) {
    ASSERT_EQ(a.endpoint->send(from, SendClass::bulk, a.frame(64U << 10U)), SendResult::queued);
  }
  // The acceptor's datagrams are processed, its events are not pulled.
  DatagramBatch batch(64U << 10U);
  Now now = wire.now();
  for (int round = 0; round < 2000; ++round) {
    for (Host* const host : {&a, &b}) {
      Host& other = host == &a ? b : a;
      bool more = true;
      while (more) {
        batch.clear();
        more = host->endpoint->transmit(now, batch);
        for (const DatagramBatch::Item& item : batch.items()) {
          for (BytesView rest = batch.bytes(item); !rest.empty();
               rest = rest.subspan(std::min(rest.size(), item.segment))) {
            other.endpoint->on_datagram(now, {other.addresses[0], host->addresses[0]},
                                        rest.first(std::min(rest.size(), item.segment)));
          }
        }
      }
      if (host->endpoint->next_deadline() <= now.mono) host->endpoint->on_timer(now);
    }
    now.mono += 1ms;
  }
  EXPECT_LE(b.endpoint->stats(to)->bytes_received, 2U << 20U);
  EXPECT_GE(a.endpoint->stats(from)->queued, total - (4U << 20U));
}

TEST_F(Transfer, a_ping_and_its_answer_cost_three_datagrams_and_no_timer) {
  open();
  b.on_event = [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkFrame>(event)) b.endpoint->send(to, SendClass::liveness, b.frame(1));
  };
  // The path settles: its MTU is found.
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(send(SendClass::liveness, {0}), SendResult::queued);
    wire.run_for(2s);
  }
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t before = wire.packets;
    ASSERT_EQ(send(SendClass::liveness, {0}), SendResult::queued);
    wire.run_for(400ms);
    EXPECT_EQ(wire.packets - before, 3U) << "ping; pong with its acknowledgement; acknowledgement";
  }
}

/// Both ends on one host.
struct Near : Transfer {
  Near() {
    a.addresses = {SocketAddress::v4({127, 0, 0, 1}, 1000)};
    b.addresses = {SocketAddress::v4({127, 0, 0, 1}, 2000)};
    wire.conditions.delay = 50us;
    wire.on_deliver = [this](Host&, const Packet& packet) { largest = std::max(largest, packet.bytes.size()); };
  }
  /// Loses what is larger than `bytes`.
  void narrow(std::size_t bytes) {
    wire.passes = [this, bytes](const Packet& packet) {
      swallowed += packet.bytes.size() > bytes ? 1U : 0U;
      return packet.bytes.size() <= bytes;
    };
  }
  void send_and_wait(std::size_t bytes) {
    const auto payload = pattern(bytes, 1);
    ASSERT_EQ(send(SendClass::bulk, payload), SendResult::queued);
    ASSERT_TRUE(wire.run_until([&] { return !b.links[to].frames.empty(); }));
    EXPECT_TRUE(b.links[to].frames.back() == payload);
    b.links[to].frames.clear();
  }
  std::size_t largest = 0;
  std::size_t swallowed = 0;
};

TEST_F(Near, moves_bulk_in_large_datagrams_and_shakes_hands_in_small_ones) {
  open();
  EXPECT_LE(largest, 1200U);
  send_and_wait(4U << 20U);
  EXPECT_EQ(largest, limits::loopback_datagram);
}

TEST_F(Near, gives_large_datagrams_up_where_they_never_arrive) {
  open();
  narrow(1500);
  send_and_wait(4U << 20U);
  EXPECT_LE(swallowed, 200U) << "three flights, not one after the other for ever";
  swallowed = 0;
  send_and_wait(4U << 20U);
  EXPECT_EQ(swallowed, 0U);
}

TEST_F(Near, goes_back_to_large_datagrams_after_a_pause_of_the_peer) {
  open();
  send_and_wait(1U << 20U);
  for (int pause = 0; pause < 5; ++pause) {
    wire.passes = [](const Packet&) { return false; };
    ASSERT_EQ(send(SendClass::bulk, pattern(1U << 20U, 2)), SendResult::queued);
    wire.run_for(500ms);
    wire.passes = nullptr;
    ASSERT_TRUE(wire.run_until([&] { return !b.links[to].frames.empty(); }));
    b.links[to].frames.clear();
    largest = 0;
    send_and_wait(1U << 20U);
    EXPECT_EQ(largest, limits::loopback_datagram);
  }
}

/// Two hosts whose path gets narrower after its MTU was found.
struct Shrinking : Transfer {
  void SetUp() override {
    open();
    wire.on_deliver = [this](Host& at, const Packet& packet) {
      if (&at == &b) largest = std::max(largest, packet.bytes.size());
    };
    wire.run_for(15s);
    send_and_wait(60'000);
    ASSERT_GT(largest, 1400U);
  }
  void shrink(std::size_t bytes) {
    largest = 0;
    wire.passes = [this, bytes](const Packet& packet) {
      if (packet.bytes.size() <= bytes) return true;
      ++swallowed;
      last = packet.bytes;
      return false;
    };
  }
  /// How long the frame takes.
  Nanoseconds send_and_wait(std::size_t bytes) {
    const Mono begun = wire.now().mono;
    const auto payload = pattern(bytes, 1);
    EXPECT_EQ(send(SendClass::bulk, payload), SendResult::queued);
    EXPECT_TRUE(wire.run_until([&] { return !b.links[to].frames.empty(); }));
    b.links[to].frames.clear();
    return wire.now().mono - begun;
  }
  std::size_t largest = 0;
  std::size_t swallowed = 0;
  std::vector<std::uint8_t> last;
};

TEST_F(Shrinking, frames_arrive_in_small_datagrams_behind_a_black_hole) {
  shrink(1272);
  for (int i = 0; i < 10; ++i) EXPECT_LE(send_and_wait(60'000), 500ms) << i;
  EXPECT_LE(swallowed, 200U);
  swallowed = 0;
  EXPECT_LE(send_and_wait(1U << 20U), 2s);
  EXPECT_EQ(swallowed, 0U) << "it knows by now";
  EXPECT_LE(largest, 1200U);
}

TEST_F(Shrinking, frames_arrive_while_the_peer_is_heard_all_the_time) {
  shrink(1272);
  const auto payload = pattern(60'000, 1);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(send(SendClass::bulk, payload), SendResult::queued);
    const Mono begun = wire.now().mono;
    while (b.links[to].frames.empty()) {
      // The acknowledgement of each is one more sign of life of either side.
      ASSERT_EQ(b.endpoint->send(to, SendClass::liveness, b.frame(10)), SendResult::queued);
      wire.run_for(5ms);
      ASSERT_LE(wire.now().mono - begun, 700ms) << i;
    }
    b.links[to].frames.clear();
  }
  EXPECT_FALSE(a.links[from].closed);
}

TEST_F(Shrinking, a_probe_is_answered_while_large_datagrams_vanish) {
  shrink(1272);
  ASSERT_EQ(send(SendClass::bulk, pattern(60'000, 1)), SendResult::queued);
  const std::size_t before = a.links[from].active;
  std::optional<std::size_t> first;
  wire.passes = [&, narrow = wire.passes](const Packet& packet) {
    if (!first && packet.from == a.addresses.front()) first = packet.bytes.size();
    return narrow(packet);
  };
  a.endpoint->probe(from);
  wire.run_for(12ms);  // a round trip, and less than a probe timeout
  EXPECT_LE(first.value_or(0), 1200U) << "the probe leaves first, in a small one";
  EXPECT_GT(a.links[from].active, before);
  EXPECT_GT(swallowed, 0U);
}

TEST_F(Shrinking, a_link_ends_where_not_even_small_datagrams_pass_and_the_peer_is_heard) {
  shrink(1100);
  ASSERT_EQ(send(SendClass::bulk, pattern(60'000, 1)), SendResult::queued);
  const Mono begun = wire.now().mono;
  while (!a.links[from].closed && wire.now().mono - begun < 10s) {
    ASSERT_EQ(b.endpoint->send(to, SendClass::liveness, b.frame(10)), SendResult::queued);
    wire.run_for(20ms);
  }
  EXPECT_LE(wire.now().mono - begun, 5s);
  ASSERT_TRUE(a.links[from].closed);
  EXPECT_EQ(a.links[from].closed->by, ClosedBy::transport);
  EXPECT_THAT(a.links[from].closed->reason, testing::HasSubstr("MTU below 1,228"));
  wire.run_for(1s);
  ASSERT_TRUE(b.links[to].closed) << "it is told, for a close is short";
  EXPECT_EQ(b.links[to].closed->by, ClosedBy::peer);
}

TEST_F(Shrinking, goes_back_to_large_datagrams_when_the_path_is_wide_again) {
  shrink(1272);
  for (int i = 0; i < 5; ++i) send_and_wait(60'000);
  wire.passes = nullptr;
  send_and_wait(60'000);
  EXPECT_LE(largest, 1200U);
  wire.run_for(11min);
  send_and_wait(60'000);
  EXPECT_GT(largest, 1400U);
}

TEST_F(Shrinking, loss_alone_keeps_large_datagrams) {
  largest = 0;
  wire.conditions.loss_percent = 10;
  for (int i = 0; i < 20; ++i) send_and_wait(60'000);
  wire.conditions.loss_percent = 0;
  send_and_wait(60'000);
  EXPECT_GT(largest, 1400U);
}

TEST_F(Shrinking, heeds_a_router_that_tells_its_mtu) {
  shrink(1272);
  ASSERT_EQ(send(SendClass::bulk, pattern(60'000, 1)), SendResult::queued);
  wire.run_for(1ms);
  ASSERT_FALSE(last.empty());
  a.endpoint->on_too_big(wire.now(), Wire::address(2), BytesView(last).first(40), {.fits = 1272});
  swallowed = 0;
  ASSERT_TRUE(wire.run_until([&] { return !b.links[to].frames.empty(); }, 1s));
  EXPECT_EQ(swallowed, 0U);
  EXPECT_GT(largest, 1200U);
}

TEST_F(Shrinking, ignores_a_router_that_quotes_nothing_of_the_link_or_tells_no_news) {
  largest = 0;
  std::vector<std::uint8_t> made_up(40, 0x41);
  a.endpoint->on_too_big(wire.now(), Wire::address(2), made_up, {.fits = 1272});
  send_and_wait(60'000);
  EXPECT_GT(largest, 1400U);
}

TEST(Handshake, names_a_path_that_is_too_narrow_for_it) {
  Wire wire;
  Host& a = wire.add(1);
  Host& b = wire.add(2);
  std::vector<std::uint8_t> first;
  wire.passes = [&](const Packet& packet) {
    if (first.empty()) first = packet.bytes;
    return packet.bytes.size() < 1200;
  };
  const LinkId link = wire.dial(a, b);
  wire.run_for(1ms);
  ASSERT_FALSE(first.empty());
  a.endpoint->on_too_big(wire.now(), Wire::address(2), BytesView(first).first(40), {.fits = 1100});
  ASSERT_TRUE(wire.run_until([&] { return a.links[link].closed.has_value(); }));
  EXPECT_THAT(a.links[link].closed->reason, testing::HasSubstr("MTU is below 1,228"));
}

TEST_F(Transfer, sends_no_large_datagrams_to_another_host) {
  open();
  std::size_t largest = 0;
  wire.on_deliver = [&](Host&, const Packet& packet) { largest = std::max(largest, packet.bytes.size()); };
  ASSERT_EQ(send(SendClass::bulk, pattern(4U << 20U, 1)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return !b.links[to].frames.empty(); }));
  EXPECT_LE(largest, 1500U);
}

TEST_F(Transfer, counts_what_it_sends_and_measures_the_round_trip) {
  open();
  wire.conditions.delay = 7ms;
  ASSERT_EQ(send(SendClass::bulk, pattern(5000, 1)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return b.links[to].frames.size() == 1; }));
  wire.run_for(1s);
  const LinkStats stats = *a.endpoint->stats(from);
  EXPECT_EQ(stats.bytes_sent, 5004U);
  EXPECT_EQ(b.endpoint->stats(to)->bytes_received, 5004U);
  EXPECT_EQ(stats.queued, 0U);
  EXPECT_GE(stats.least_rtt, 10ms);
  EXPECT_LE(stats.least_rtt, 15ms);
  EXPECT_EQ(stats.remote, Wire::address(2));
  EXPECT_FALSE(a.endpoint->stats(LinkId{77}));
}

TEST(KeyUpdate, a_long_link_changes_its_keys_in_both_directions) {
  Wire wire;
  Host& a = wire.add(1, {.random_seed = {}, .key_update_packets = 100});
  Host& b = wire.add(2, {.random_seed = {}, .key_update_packets = 70});
  const auto links = wire.connect(a, b);
  ASSERT_TRUE(links);
  wire.conditions = {.delay = 1ms, .jitter = 1ms, .loss_percent = 2};
  a.keep_frames = b.keep_frames = false;
  std::size_t rounds = 0;
  b.on_event = [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkFrame>(event)) {
      ASSERT_EQ(b.endpoint->send(links->second, SendClass::consensus, b.frame(64)), SendResult::queued);
    }
  };
  a.on_event = [&](const LinkEvent& event) {
    if (std::holds_alternative<LinkFrame>(event) && ++rounds < 3000) {
      ASSERT_EQ(a.endpoint->send(links->first, SendClass::consensus, a.frame(64)), SendResult::queued);
    }
  };
  ASSERT_EQ(a.endpoint->send(links->first, SendClass::consensus, a.frame(64)), SendResult::queued);
  ASSERT_TRUE(wire.run_until([&] { return rounds == 3000 || a.links[links->first].closed; }, 600s));
  ASSERT_FALSE(a.links[links->first].closed) << a.links[links->first].closed->reason;
  EXPECT_GT(a.endpoint->counters().datagrams_sent, 3000U);
  EXPECT_GT(a.endpoint->counters().key_updates, 20U);
  EXPECT_GT(b.endpoint->counters().key_updates, 20U);
  EXPECT_FALSE(a.links[links->first].closed);
}

}  // namespace
}  // namespace mosaik::quic::test
