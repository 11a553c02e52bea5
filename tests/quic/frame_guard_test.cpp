/// The guard reads frames as RFC 9000 12.4 and 19 have them, and lets no number of a connection id pass twice.

#include "transport/quic/tls/frame_guard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/random.hpp"

namespace mosaik::quic {
namespace {

using Bytes = std::vector<std::uint8_t>;

// A packet of a key whose IV is 0, so that its nonce is its number.
struct Sealed {
  Sealed(PacketSpace space, std::uint64_t number, Bytes content, std::uint64_t iv = 0)
      : nonce(12), header(9), frames(std::move(content)) {
    header[0] = static_cast<std::uint8_t>(
        space == PacketSpace::application ? 0x43U : 0xc3U | static_cast<unsigned>(space) << 4U);
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>((number ^ iv) >> (8 * (7 - i)));
    for (std::size_t i = 0; i < 4; ++i) header[5 + i] = static_cast<std::uint8_t>(number >> (8 * (3 - i)));
  }
  Bytes nonce, header, frames;
};

struct FrameGuardTest : testing::Test {
  FrameGuard guard{Side::initiator, 0x1234567890abcdefU};
  std::uint64_t next = 0;
  std::array<int, 8> keys{};

  void SetUp() override { guard.on_finished_sent(); }
  FrameGuard::Verdict inspect(Sealed& packet, int key = 0) {
    return guard.inspect({.key = &keys[static_cast<std::size_t>(key)],
                          .nonce = packet.nonce,
                          .header = packet.header,
                          .frames = packet.frames});
  }
  FrameGuard::Verdict inspect(PacketSpace space, std::uint64_t number, Bytes frames) {
    Sealed packet(space, number, std::move(frames));
    return inspect(packet, static_cast<int>(space));
  }
  /// Of a packet that is newer than all before; 0 when it passes.
  std::uint64_t code(PacketSpace space, Bytes frames) {
    const FrameGuard::Verdict verdict = inspect(space, next++, std::move(frames));
    return verdict.fate == FrameGuard::Fate::pass ? 0 : verdict.why.code;
  }
  std::uint64_t code(Bytes frames) { return code(PacketSpace::application, std::move(frames)); }
  /// What ngtcp2 sees of these frames.
  Bytes seen(Bytes frames) {
    Sealed packet(PacketSpace::application, next++, std::move(frames));
    EXPECT_EQ(inspect(packet, static_cast<int>(PacketSpace::application)).fate, FrameGuard::Fate::pass);
    return packet.frames;
  }
  static Bytes blank(std::size_t size, bool ping) {
    Bytes out(size, 0);
    out[0] = ping ? 1 : 0;
    return out;
  }

  static Bytes both(const Bytes& a, const Bytes& b) {
    Bytes out(a.size() + b.size());
    std::ranges::copy(b, std::ranges::copy(a, out.begin()).out);
    return out;
  }
  static void put(Bytes& out, std::uint64_t value) {
    if (value < 0x40) return out.push_back(static_cast<std::uint8_t>(value));
    if (value < 0x4000) {
      out.push_back(static_cast<std::uint8_t>(0x40U | value >> 8U));
      return out.push_back(static_cast<std::uint8_t>(value));
    }
    for (int i = 7; i >= 0; --i)
      out.push_back(static_cast<std::uint8_t>((i == 7 ? 0xc0U : 0U) | (value >> (8 * i) & 0xffU)));
  }
  static Bytes issue(std::uint64_t number, std::uint64_t retired, std::uint8_t fill = 0, std::uint8_t size = 8) {
    Bytes out = {0x18};
    put(out, number);
    put(out, retired);
    out.push_back(size);
    out.insert(out.end(), size, static_cast<std::uint8_t>(fill + number));
    out.insert(out.end(), 16, static_cast<std::uint8_t>(0x77 + fill));
    return out;
  }
};

constexpr std::uint64_t encoding = 0x07, limit = 0x09, violation = 0x0a;

TEST_F(FrameGuardTest, every_frame_of_rfc_9000_is_read_to_its_end) {
  const std::vector<Bytes> frames = {
      {0x00},
      {0x01},
      {0x02, 5, 0, 0, 5},
      {0x02, 9, 0, 1, 2, 1, 1},
      {0x03, 5, 0, 0, 5, 1, 2, 3},
      {0x04, 0, 1, 2},
      {0x05, 0, 1},
      {0x06, 0, 3, 4, 0, 0},
      {0x07, 1, 9},
      {0x08, 0, 'x'},
      {0x0a, 0, 2, 'x', 'y'},
      {0x0e, 0, 7, 1, 'x'},
      {0x0f, 0, 7, 0},
      {0x10, 1},
      {0x11, 0, 1},
      {0x12, 1},
      {0x13, 1},
      {0x14, 1},
      {0x15, 0, 1},
      {0x16, 1},
      {0x17, 1},
      issue(1, 0),
      {0x19, 0},
      {0x1a, 1, 2, 3, 4, 5, 6, 7, 8},
      {0x1b, 1, 2, 3, 4, 5, 6, 7, 8},
      {0x1c, 0, 0, 2, 'n', 'o'},
      {0x1d, 0, 2, 'n', 'o'},
      {0x1e},
  };
  for (const Bytes& frame : frames) {
    SCOPED_TRACE(static_cast<int>(frame[0]));
    EXPECT_EQ(code(frame), 0U);
    const bool to_the_end = frame[0] == 0x08;  // a STREAM without length takes what there is
    for (std::size_t size = 1; size < frame.size() && !to_the_end; ++size)
      EXPECT_EQ(code(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size))), encoding) << size;
    if (!to_the_end) {
      EXPECT_EQ(code(both(frame, {0x01})), 0U) << "a PING behind it";
      EXPECT_EQ(code(both(frame, {0x3f})), encoding) << "an unknown type behind it";
    }
  }
}

TEST_F(FrameGuardTest, unknown_types_and_empty_packets_are_refused) {
  for (unsigned type = 0x1f; type < 0x100; ++type) EXPECT_EQ(code({static_cast<std::uint8_t>(type), 0, 0}), encoding);
  EXPECT_EQ(code({}), violation);
}

TEST_F(FrameGuardTest, each_space_takes_its_own_frames_alone) {
  struct Case {
    Bytes frame;
    bool initial, early, handshake, application;
  };
  const std::vector<Case> cases = {
      {{0x00}, true, true, true, true},
      {{0x01}, true, true, true, true},
      {{0x02, 0, 0, 0, 0}, true, false, true, true},
      {{0x04, 0, 0, 0}, false, true, false, true},
      {{0x05, 0, 0}, false, true, false, true},
      {{0x06, 0, 0}, true, false, true, true},
      {{0x07, 1, 1}, false, false, false, true},
      {{0x0a, 0, 0}, false, true, false, true},
      {{0x10, 0}, false, true, false, true},
      {{0x11, 0, 0}, false, true, false, true},
      {{0x12, 0}, false, true, false, true},
      {{0x14, 0}, false, true, false, true},
      {{0x15, 0, 0}, false, true, false, true},
      {{0x16, 0}, false, true, false, true},
      {issue(1, 0), false, true, false, true},
      {{0x19, 0}, false, true, false, true},
      {{0x1a, 0, 0, 0, 0, 0, 0, 0, 0}, false, true, false, true},
      {{0x1b, 0, 0, 0, 0, 0, 0, 0, 0}, false, false, false, true},
      {{0x1c, 0, 0, 0}, true, true, true, true},
      {{0x1d, 0, 0}, false, true, false, true},
      {{0x1e}, false, false, false, true},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(static_cast<int>(one.frame[0]));
    EXPECT_EQ(code(PacketSpace::initial, one.frame), one.initial ? 0U : violation);
    EXPECT_EQ(code(PacketSpace::early, one.frame), one.early ? 0U : violation);
    EXPECT_EQ(code(PacketSpace::handshake, one.frame), one.handshake ? 0U : violation);
    EXPECT_EQ(code(PacketSpace::application, one.frame), one.application ? 0U : violation);
  }
}

TEST_F(FrameGuardTest, what_a_server_alone_may_send_is_refused_from_a_client) {
  EXPECT_EQ(code({0x07, 0}), encoding) << "an empty token";
  EXPECT_EQ(code({0x1e}), 0U);
  guard = FrameGuard(Side::acceptor, 1);
  EXPECT_EQ(code({0x07, 1, 1}), violation);
  EXPECT_EQ(code({0x1e}), violation);
}

TEST_F(FrameGuardTest, acknowledged_ranges_end_at_packet_zero) {
  EXPECT_EQ(code({0x02, 5, 0, 0, 6}), encoding);
  EXPECT_EQ(code({0x02, 5, 0, 1, 1, 2, 0}), 0U);  // 5..4, then 0
  EXPECT_EQ(code({0x02, 5, 0, 1, 1, 2, 1}), encoding);
  EXPECT_EQ(code({0x02, 5, 0, 1, 1, 3, 0}), encoding);
  Bytes huge = {0x02};
  put(huge, (std::uint64_t{1} << 62U) - 1);
  huge.insert(huge.end(), {0, 0});
  put(huge, (std::uint64_t{1} << 62U) - 1);
  EXPECT_EQ(code(huge), 0U);
}

TEST_F(FrameGuardTest, stream_and_crypto_offsets_are_bounded) {
  Bytes stream = {0x0e, 0};
  put(stream, (std::uint64_t{1} << 62U) - 2);
  EXPECT_EQ(code(both(stream, {1, 'x'})), 0U);
  EXPECT_EQ(code(both(stream, {2, 'x', 'y'})), encoding);
  Bytes crypto = {0x06};
  put(crypto, FrameGuard::most_crypto - 1);
  EXPECT_EQ(code(both(crypto, {1, 'x'})), 0U);
  EXPECT_EQ(code(both(crypto, {2, 'x', 'y'})), 0x0dU);
}

TEST_F(FrameGuardTest, connection_ids_have_1_to_20_bytes_and_retire_no_later_one) {
  EXPECT_EQ(code(issue(1, 0, 0, 0)), encoding);
  EXPECT_EQ(code(issue(1, 0, 0, 21)), encoding);
  EXPECT_EQ(code(issue(1, 2)), encoding);
  EXPECT_EQ(code(issue(1, 1, 0, 20)), 0U);
}

TEST_F(FrameGuardTest, the_first_copy_of_a_number_passes_and_later_ones_become_ping) {
  const Bytes frame = issue(7, 3);
  EXPECT_EQ(seen(frame), frame);
  EXPECT_EQ(seen(both(frame, {0x1e})), both(blank(frame.size(), true), {0x1e})) << "its neighbours stay";
  EXPECT_EQ(guard.ids(), 1U);
}

TEST_F(FrameGuardTest, two_copies_in_one_packet_count_like_any_others) {
  const Bytes frame = issue(7, 3);
  EXPECT_EQ(seen(both(frame, frame)), both(frame, blank(frame.size(), true)));
}

TEST_F(FrameGuardTest, a_repeated_packet_finds_its_numbers_known) {
  const Bytes frame = issue(7, 3);
  for (int i = 0; i < 3; ++i) {
    Sealed packet(PacketSpace::application, 9, frame);
    EXPECT_EQ(inspect(packet).fate, FrameGuard::Fate::pass);
    EXPECT_EQ(packet.frames, i == 0 ? frame : blank(frame.size(), true));
  }
  EXPECT_EQ(guard.ids(), 1U);
}

TEST_F(FrameGuardTest, a_number_with_another_id_token_or_retirement_ends_the_link) {
  const Bytes frame = issue(7, 3);
  ASSERT_EQ(code(frame), 0U);
  for (std::size_t at = 4; at < frame.size(); ++at) {
    Bytes changed = frame;
    changed[at] ^= 0x80;
    EXPECT_EQ(code(changed), violation) << at;
  }
  EXPECT_EQ(code(issue(7, 4)), violation);
  EXPECT_EQ(code(issue(7, 3, 0, 9)), violation);
}

TEST_F(FrameGuardTest, the_number_of_the_handshake_is_a_repetition) {
  EXPECT_EQ(seen(issue(0, 0)), blank(issue(0, 0).size(), true));
  EXPECT_EQ(guard.ids(), 0U);
}

TEST_F(FrameGuardTest, a_link_has_64_connection_ids_at_most) {
  for (std::uint64_t number = 1; number <= FrameGuard::most_ids; ++number) ASSERT_EQ(code(issue(number, number)), 0U);
  EXPECT_EQ(code(issue(5, 5)), 0U) << "known ones may come again";
  EXPECT_EQ(code(issue(65, 65)), limit);
}

// --------------------------------------------------------------------------------------------- order and keys

const Bytes acknowledge = {0x02, 0, 0, 0, 0};

TEST_F(FrameGuardTest, an_acknowledgement_in_a_late_packet_becomes_padding) {
  for (const PacketSpace space : {PacketSpace::handshake, PacketSpace::application}) {
    const int key = static_cast<int>(space);
    for (const std::uint64_t number : {std::uint64_t{10}, std::uint64_t{11}}) {
      Sealed newer(space, number, acknowledge);
      EXPECT_EQ(inspect(newer, key).fate, FrameGuard::Fate::pass);
      EXPECT_EQ(newer.frames, acknowledge);
    }
    for (const std::uint64_t number : {std::uint64_t{11}, std::uint64_t{9}, std::uint64_t{0}}) {
      Sealed late(space, number, both(acknowledge, {0x01}));
      EXPECT_EQ(inspect(late, key).fate, FrameGuard::Fate::pass);
      EXPECT_EQ(late.frames, both(blank(acknowledge.size(), false), {0x01}));
    }
  }
}

TEST_F(FrameGuardTest, late_initial_packets_are_dropped_once_one_has_acknowledged) {
  EXPECT_EQ(inspect(PacketSpace::initial, 5, {0x01}).fate, FrameGuard::Fate::pass);
  EXPECT_EQ(inspect(PacketSpace::initial, 3, {0x01}).fate, FrameGuard::Fate::pass) << "two first packets, reordered";
  EXPECT_EQ(inspect(PacketSpace::initial, 6, acknowledge).fate, FrameGuard::Fate::pass);
  EXPECT_EQ(inspect(PacketSpace::initial, 4, {0x01}).fate, FrameGuard::Fate::drop);
  EXPECT_EQ(inspect(PacketSpace::initial, 7, {0x01}).fate, FrameGuard::Fate::pass);
}

TEST_F(FrameGuardTest, numbers_are_those_of_the_nonce_whatever_the_header_says) {
  EXPECT_TRUE(inspect(PacketSpace::application, 200, {0x01}).fresh);
  // The last byte of number 100 in one byte could be 356 as well.
  Sealed low(PacketSpace::application, 100, {0x01});
  low.header.resize(6);
  low.header[0] = 0x40;
  low.header[5] = 100;
  EXPECT_FALSE(inspect(low, static_cast<int>(PacketSpace::application)).fresh);
}

TEST_F(FrameGuardTest, the_keys_of_updates_have_ivs_of_their_own) {
  EXPECT_TRUE(inspect(PacketSpace::application, 5, {0x01}).fresh);
  for (int update = 1; update <= 6; ++update) {
    const auto iv = static_cast<std::uint64_t>(update) << 40U;
    const Bytes twelve = Sealed(PacketSpace::application, 0, {}, iv).nonce;
    guard.on_updated_key(&keys[static_cast<std::size_t>(4 + update % 4)], twelve);  // memory is used again
    const auto number = static_cast<std::uint64_t>(10 * update);
    Sealed newer(PacketSpace::application, number, {0x01}, iv), older(PacketSpace::application, number - 8, {0x01}, iv);
    EXPECT_TRUE(inspect(newer, 4 + update % 4).fresh);
    EXPECT_FALSE(inspect(older, 4 + update % 4).fresh);
  }
}

TEST_F(FrameGuardTest, packet_numbers_out_of_reach_end_the_link) {
  EXPECT_EQ(inspect(PacketSpace::application, 0, {0x01}).fate, FrameGuard::Fate::pass);
  EXPECT_EQ(inspect(PacketSpace::application, FrameGuard::most_number, {0x01}).fate, FrameGuard::Fate::pass);
  EXPECT_EQ(inspect(PacketSpace::application, FrameGuard::most_number + 1, {0x01}).fate, FrameGuard::Fate::end);
}

TEST_F(FrameGuardTest, an_initiator_reads_nothing_of_the_application_before_its_finished_is_out) {
  guard = FrameGuard(Side::initiator, 1);
  EXPECT_EQ(inspect(PacketSpace::application, 0, {0x1e}).fate, FrameGuard::Fate::drop);
  EXPECT_EQ(inspect(PacketSpace::handshake, 0, {0x01}).fate, FrameGuard::Fate::pass);
  guard.on_finished_sent();
  EXPECT_TRUE(inspect(PacketSpace::application, 0, {0x1e}).fresh);
  guard = FrameGuard(Side::acceptor, 1);
  EXPECT_EQ(inspect(PacketSpace::application, 0, {0x01}).fate, FrameGuard::Fate::pass);
}

TEST_F(FrameGuardTest, what_breaks_a_rule_in_an_initial_packet_is_dropped) {
  EXPECT_EQ(inspect(PacketSpace::initial, 0, {0x1e}).fate, FrameGuard::Fate::drop);
  EXPECT_EQ(inspect(PacketSpace::initial, 0, {0x3f}).fate, FrameGuard::Fate::drop);
  EXPECT_EQ(inspect(PacketSpace::handshake, 0, {0x1e}).fate, FrameGuard::Fate::end);
}

TEST_F(FrameGuardTest, random_bytes_are_read_within_their_bounds) {
  Rng random(5);
  for (int round = 0; round < 200'000; ++round) {
    // On the heap and of its exact size, so that a sanitizer sees a read beyond it.
    Bytes frames(random.below(48));
    for (std::uint8_t& byte : frames) byte = static_cast<std::uint8_t>(random.next() & (round % 2 ? 0x1fU : 0xffU));
    guard = FrameGuard(round % 3 == 0 ? Side::acceptor : Side::initiator, random.next());
    static_cast<void>(inspect(static_cast<PacketSpace>(random.below(4)), random.below(100), std::move(frames)));
  }
}

}  // namespace
}  // namespace mosaik::quic
