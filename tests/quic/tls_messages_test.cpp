/// Only messages that a handshake has room for reach the TLS library, and none after Finished.

#include "transport/quic/tls/tls_messages.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace mosaik::quic {
namespace {

using Fate = TlsMessages::Fate;
using Bytes = std::vector<std::uint8_t>;

Bytes message(std::uint8_t type, std::size_t length = 3) {
  Bytes out(4 + length, 0xaa);
  out[0] = type;
  for (std::size_t i = 1; i < 4; ++i) out[i] = static_cast<std::uint8_t>(length >> (8 * (3 - i)));
  return out;
}

TEST(TlsMessages, the_handshake_of_a_server_passes_at_the_client) {
  TlsMessages messages(Side::initiator);
  EXPECT_EQ(messages.admit(PacketSpace::initial, message(2)), Fate::to_library);
  for (const std::uint8_t type : Bytes{8, 13, 11, 15, 20})
    EXPECT_EQ(messages.admit(PacketSpace::handshake, message(type, 300)), Fate::to_library) << int{type};
}

TEST(TlsMessages, the_handshake_of_a_client_passes_at_the_server_whatever_its_pieces) {
  TlsMessages messages(Side::acceptor);
  Bytes all = message(1, 2000);
  for (const std::uint8_t byte : all) ASSERT_EQ(messages.admit(PacketSpace::initial, {&byte, 1}), Fate::to_library);
  ASSERT_EQ(messages.admit(PacketSpace::initial, message(1)), Fate::to_library) << "after a HelloRetryRequest";
  for (const std::uint8_t type : Bytes{11, 15, 20})
    for (const std::uint8_t byte : message(type, 70))
      ASSERT_EQ(messages.admit(PacketSpace::handshake, {&byte, 1}), Fate::to_library) << int{type};
}

TEST(TlsMessages, every_other_type_is_refused_by_its_first_byte) {
  for (unsigned type = 0; type < 256; ++type) {
    const auto byte = static_cast<std::uint8_t>(type);
    const auto fate = [&](Side side, PacketSpace space) {
      TlsMessages messages(side);
      const Fate out = messages.admit(space, {&byte, 1});
      EXPECT_TRUE(out != Fate::refuse || messages.alert() == 10);
      return out;
    };
    EXPECT_EQ(fate(Side::acceptor, PacketSpace::initial) == Fate::to_library, type == 1) << type;
    EXPECT_EQ(fate(Side::initiator, PacketSpace::initial) == Fate::to_library, type == 2) << type;
    const bool both = type == 11 || type == 15 || type == 20;
    EXPECT_EQ(fate(Side::acceptor, PacketSpace::handshake) == Fate::to_library, both) << type;
    EXPECT_EQ(fate(Side::initiator, PacketSpace::handshake) == Fate::to_library, both || type == 8 || type == 13);
    EXPECT_EQ(fate(Side::acceptor, PacketSpace::application), Fate::refuse) << type;
    EXPECT_EQ(fate(Side::initiator, PacketSpace::application), type == 4 ? Fate::discard : Fate::refuse) << type;
  }
}

TEST(TlsMessages, nothing_passes_behind_finished) {
  TlsMessages messages(Side::acceptor);
  Bytes both = message(20);
  both.push_back(24);  // a KeyUpdate in the same bytes
  EXPECT_EQ(messages.admit(PacketSpace::handshake, both), Fate::refuse);
  TlsMessages split(Side::acceptor);
  ASSERT_EQ(split.admit(PacketSpace::handshake, message(20)), Fate::to_library);
  for (const std::uint8_t type : Bytes{11, 15, 20, 24, 4})
    EXPECT_EQ(split.admit(PacketSpace::handshake, {&type, 1}), Fate::refuse);
}

TEST(TlsMessages, no_message_of_the_handshake_comes_twice) {
  TlsMessages messages(Side::initiator);
  ASSERT_EQ(messages.admit(PacketSpace::handshake, message(8)), Fate::to_library);
  EXPECT_EQ(messages.admit(PacketSpace::handshake, message(8)), Fate::refuse);
}

TEST(TlsMessages, lengths_are_bounded) {
  TlsMessages messages(Side::acceptor);
  const Bytes longer = {1, 0x00, 0x40, 0x01};
  EXPECT_EQ(messages.admit(PacketSpace::initial, longer), Fate::refuse);
  EXPECT_EQ(messages.alert(), 50);
}

TEST(TlsMessages, tickets_are_discarded_up_to_their_limit) {
  TlsMessages messages(Side::initiator);
  std::size_t bytes = 0;
  for (; bytes + 1000 <= TlsMessages::most_tickets; bytes += 1000)
    ASSERT_EQ(messages.admit(PacketSpace::application, message(4, 1000)), Fate::discard);
  EXPECT_EQ(messages.admit(PacketSpace::application, message(4, 1000)), Fate::refuse);
}

}  // namespace
}  // namespace mosaik::quic
