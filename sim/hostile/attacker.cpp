#include "sim/hostile/attacker.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace mosaik::sim {

namespace {
constexpr std::size_t remembered = 16;

template <class T>
void remember(std::vector<T>& list, const T& item) {
  if (list.size() >= remembered) list.erase(list.begin());
  list.push_back(item);
}
}  // namespace

std::uint64_t FuzzedChoices::below(std::uint64_t bound) {
  if (bound <= 1 || bytes_.empty()) return 0;
  std::uint64_t value = 0;
  for (std::uint64_t reach = 1; reach < bound && !bytes_.empty(); reach <<= 8U) {
    value = value << 8U | bytes_.front();
    bytes_ = bytes_.subspan(1);
    if (reach > bound >> 8U) break;
  }
  return value % bound;
}

// Integers at which decoders, windows and tables change their mind.
std::uint64_t Attacker::number() {
  constexpr std::array<std::uint64_t, 18> edges = {0,
                                                   1,
                                                   2,
                                                   3,
                                                   4,
                                                   5,
                                                   8,
                                                   63,
                                                   64,
                                                   16383,
                                                   16384,
                                                   1U << 18U,
                                                   1U << 30U,
                                                   1ULL << 31U,
                                                   1ULL << 32U,
                                                   1ULL << 61U,
                                                   (1ULL << 62U) - 2,
                                                   (1ULL << 62U) - 1};
  if (choices_.below(3) != 0) return choices_.below(12);
  return edges[choices_.below(edges.size())];
}

void Attacker::integer(std::vector<std::uint8_t>& out, std::uint64_t value) {
  unsigned size = value < (1U << 6U) ? 0U : value < (1U << 14U) ? 1U : value < (1U << 30U) ? 2U : 3U;
  if (choices_.one_in(16)) size = 3;  // longer than needed, which is legal
  for (unsigned i = 1U << size; i > 0; --i) {
    const auto byte = static_cast<std::uint8_t>(value >> (8 * (i - 1)));
    out.push_back(i == 1U << size ? static_cast<std::uint8_t>((byte & 0x3fU) | size << 6U) : byte);
  }
}

void Attacker::bytes(std::vector<std::uint8_t>& out, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<std::uint8_t>(choices_.below(256)));
}

void Attacker::new_connection_id(std::vector<std::uint8_t>& out) {
  if (!issued_.empty() && choices_.below(3) == 0) {
    std::vector<std::uint8_t> again = issued_[choices_.below(issued_.size())];
    if (choices_.one_in(8)) again[choices_.below(again.size())] ^= 0x01;
    out.insert(out.end(), again.begin(), again.end());
    return;
  }
  std::vector<std::uint8_t> one = {0x18};
  const std::uint64_t sequence = choices_.one_in(6) ? number() : choices_.below(24);
  integer(one, sequence);
  integer(one, choices_.one_in(8) ? number() : choices_.below(sequence + 1));
  const std::size_t size = choices_.one_in(16) ? choices_.below(24) : 8;
  one.push_back(static_cast<std::uint8_t>(size));
  // Ids by their number, so that a repetition is one, mostly.
  const auto fill = static_cast<std::uint8_t>(choices_.one_in(8) ? choices_.below(256) : sequence);
  one.resize(one.size() + size + 16, fill);
  remember(issued_, one);
  out.insert(out.end(), one.begin(), one.end());
}

void Attacker::tls_message(std::vector<std::uint8_t>& out) {
  constexpr std::array<std::uint8_t, 12> types = {1, 2, 4, 5, 8, 11, 13, 15, 20, 24, 0, 254};
  std::vector<std::uint8_t> message = {types[choices_.below(types.size())], 0, 0, 0};
  const std::size_t size = choices_.one_in(4) ? choices_.below(200) : choices_.below(3);
  message[3] = static_cast<std::uint8_t>(choices_.one_in(8) ? choices_.below(256) : size);
  bytes(message, size);
  if (choices_.one_in(4)) message.resize(1 + choices_.below(message.size()));
  out.push_back(0x06);
  integer(out, choices_.one_in(3) ? number() : 0);
  integer(out, message.size());
  out.insert(out.end(), message.begin(), message.end());
}

void Attacker::frame(std::vector<std::uint8_t>& out) {
  const std::uint64_t type = choices_.one_in(64) ? choices_.below(256) : choices_.below(0x1f);
  const auto put = [&](std::uint64_t count) {
    for (; count > 0; --count) integer(out, number());
  };
  if (type == 0x18) return new_connection_id(out);
  if (type == 0x06) return tls_message(out);
  out.push_back(static_cast<std::uint8_t>(type));
  switch (type) {
    case 0x00:
      if (choices_.one_in(4)) out.resize(out.size() + choices_.below(1100), 0);
      return;
    case 0x02:
    case 0x03: {
      const std::uint64_t largest = choices_.one_in(3) ? number() : choices_.below(40);
      integer(out, largest);
      put(1);
      const std::uint64_t ranges = choices_.one_in(4) ? choices_.below(60) : choices_.below(3);
      integer(out, choices_.one_in(16) ? number() : ranges);
      integer(out, choices_.one_in(8) ? number() : choices_.below(largest + 1));
      for (std::uint64_t i = 0; i < ranges; ++i) put(2);
      if (type == 0x03) put(3);
      return;
    }
    case 0x04: return put(3);
    case 0x05: return put(2);
    case 0x07:
    case 0x1d: {
      if (type == 0x1d) put(1);
      const std::size_t size = choices_.below(24);
      integer(out, choices_.one_in(16) ? number() : size);
      return bytes(out, size);
    }
    case 0x1c: {
      put(2);
      const std::size_t size = choices_.below(24);
      integer(out, choices_.one_in(16) ? number() : size);
      return bytes(out, size);
    }
    case 0x10:
    case 0x12:
    case 0x13:
    case 0x14:
    case 0x16:
    case 0x17:
    case 0x19: return put(1);
    case 0x11:
    case 0x15: return put(2);
    case 0x1a:
    case 0x1b: return bytes(out, 8);
    default: break;
  }
  if (type < 0x08 || type > 0x0f) return;  // PING, HANDSHAKE_DONE, and what does not exist
  integer(out, choices_.one_in(3) ? number() : 0);
  if ((type & 0x04U) != 0) put(1);
  const std::size_t size = choices_.one_in(8) ? choices_.below(400) : choices_.below(8);
  if ((type & 0x02U) != 0) integer(out, choices_.one_in(16) ? number() : size);
  bytes(out, size);
}

std::vector<std::uint8_t> Attacker::frames() {
  std::vector<std::uint8_t> out;
  const std::uint64_t count = choices_.one_in(8) ? 1 + choices_.below(40) : 1 + choices_.below(5);
  for (std::uint64_t i = 0; i < count && out.size() < 1200; ++i) frame(out);
  if (choices_.one_in(32) && !out.empty()) out.resize(choices_.below(out.size()));
  if (out.size() > 1300) out.resize(1300);
  return out;
}

RawPeer::Packet Attacker::packet() {
  RawPeer::Packet out;
  if (choices_.one_in(12)) out.space = static_cast<quic::PacketSpace>(choices_.below(4));
  if (choices_.one_in(12)) out.number = choices_.one_in(2) ? number() : 4990 + choices_.below(40);
  if (choices_.one_in(12)) out.number_size = static_cast<std::uint8_t>(1 + choices_.below(4));
  if (choices_.one_in(24)) out.flip_key_phase = true;
  if (choices_.one_in(48)) out.reserved = static_cast<std::uint8_t>(choices_.below(4));
  return out;
}

RawParameters Attacker::parameters() {
  RawParameters out;
  if (choices_.one_in(4)) out.max_data = number();
  if (choices_.one_in(4)) out.max_stream_data = number();
  if (choices_.one_in(4)) out.max_streams = choices_.one_in(8) ? 1ULL << 60U : choices_.below(5);
  if (choices_.one_in(4)) out.connection_ids = choices_.one_in(2) ? number() : 2 + choices_.below(8);
  if (choices_.one_in(4)) out.ack_delay_exponent = choices_.below(21);
  if (choices_.one_in(4)) out.udp_payload = 1200 + choices_.below(64327);
  if (choices_.one_in(4)) out.idle_timeout = Nanoseconds(static_cast<std::int64_t>(number()));
  if (choices_.one_in(4)) out.max_ack_delay = std::chrono::milliseconds(choices_.below(1U << 14U));
  if (choices_.one_in(4)) out.rotate_until = choices_.below(64);
  if (choices_.one_in(4)) out.preferred_address = true;
  return out;
}

std::string Attacker::alpn() {
  constexpr std::array<std::string_view, 4> known = {"/mosaik/groups/1", "/mosaik/discovery/sync/1.0",
                                                     "/mosaik/discovery/ping/1.0", "/mosaik/nonsense"};
  return std::string(known[choices_.below(choices_.one_in(8) ? 4 : 3)]);
}

void Attacker::meddle(RawPeer& peer) {
  if (choices_.one_in(3)) peer.replace_next(static_cast<quic::PacketSpace>(choices_.below(4)), frames());
}

std::vector<Attacker::Shot> Attacker::shoot(RawPeer& peer, Mono now) {
  std::vector<Shot> out;
  switch (choices_.below(8)) {
    case 0: return out;
    case 1: {
      std::vector<std::uint8_t> data;
      bytes(data, choices_.below(64));
      peer.write_stream(now, data);
      return out;
    }
    case 2: meddle(peer); return out;
    default: break;
  }
  const std::uint64_t count = choices_.one_in(6) ? 1 + choices_.below(12) : 1 + choices_.below(2);
  const std::size_t socket = choices_.one_in(3) ? choices_.below(sockets) : 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    RawPeer::Datagram datagram;
    if (!sent_.empty() && choices_.one_in(4)) {
      datagram = sent_[choices_.below(sent_.size())];
      if (choices_.one_in(6))
        datagram[choices_.below(datagram.size())] ^= static_cast<std::uint8_t>(1U + choices_.below(255));
    } else if (auto sealed = peer.seal(packet(), frames())) {
      datagram = std::move(*sealed);
      remember(sent_, datagram);
    }
    if (datagram.empty()) continue;
    if (!sent_.empty() && choices_.one_in(16)) {  // two packets in one datagram
      const auto& more = sent_[choices_.below(sent_.size())];
      datagram.insert(datagram.end(), more.begin(), more.end());
    }
    out.push_back({choices_.one_in(8) ? choices_.below(sockets) : socket, std::move(datagram)});
  }
  return out;
}

}  // namespace mosaik::sim
