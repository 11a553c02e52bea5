#pragma once
/// Datagrams of the fast tier: what QUIC's packets say, without its cryptography. A check value keyed with the
/// connection's secret stands for the AEAD: a packet that was corrupted, or of another connection, does not open.

#include <cstdint>
#include <optional>
#include <vector>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/id.hpp>

#include "wire/alpn.hpp"

namespace mosaik::sim {

/// The kinds of the handshake have QUIC's long header bit, so that whoever only looks tells them apart in both tiers.
enum class PacketKind : std::uint8_t {
  initial = 0x80,   ///< the dialer's first
  reply = 0x81,     ///< the acceptor's answer: both keys are known
  finished = 0x82,  ///< the dialer believes the acceptor
  done = 0x83,      ///< the acceptor believes the dialer: the link is open at both ends
  data = 0x01,
  close = 0x02,
  reset = 0x03,  ///< stateless: whoever had the connection has forgotten it
};

/// A connection id; the acceptor's and the dialer's are different.
struct PlainCid {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const PlainCid&, const PlainCid&) noexcept = default;
};

struct PlainPacket {
  PacketKind kind{};
  PlainCid to{};    ///< zero in an initial
  PlainCid from{};  ///< in handshake packets
  // initial and reply
  PeerId wanted{};  ///< initial: whom the dialer means
  PeerId self{};
  Bytes32 random{};
  std::uint64_t reset_token = 0;  ///< initial, reply, reset
  Alpn alpn{};
  // data
  std::uint64_t number = 0;
  std::uint64_t largest = 0;  ///< newest packet received, 0: none
  std::uint64_t seen = 0;     ///< bit i: largest - i was received
  bool wants_ack = false;
  std::uint64_t offset = 0;
  BytesView bytes{};  ///< of the stream; a view into the datagram
  // close
  bool application = false;
  std::uint64_t code = 0;
};

/// `key`: the connection's secret as a number; handshake packets and resets use 0.
[[nodiscard]] std::vector<std::uint8_t> encode(const PlainPacket& packet, std::uint64_t key);
/// Empty when the bytes are no such packet.
[[nodiscard]] std::optional<PlainPacket> decode(BytesView datagram);
/// True when the check value at the datagram's end is right.
[[nodiscard]] bool opens(BytesView datagram, std::uint64_t key);

}  // namespace mosaik::sim
