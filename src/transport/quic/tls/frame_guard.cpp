#include "transport/quic/tls/frame_guard.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace mosaik::quic {
namespace {

// RFC 9000 20.1.
constexpr std::uint64_t frame_encoding_error = 0x07;
constexpr std::uint64_t connection_id_limit_error = 0x09;
constexpr std::uint64_t protocol_violation = 0x0a;
constexpr std::uint64_t crypto_buffer_exceeded = 0x0d;

constexpr std::size_t nonce_size = 12;

std::uint64_t last_word(BytesView bytes) noexcept {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : bytes.last(8)) out = out << 8U | byte;
  return out;
}

}  // namespace

FrameGuard::Verdict FrameGuard::inspect(const Packet& packet) noexcept {
  MOSAIK_ASSERT(!packet.header.empty() && packet.nonce.size() >= nonce_size);
  const PacketSpace name = packet_space(packet.header[0]);
  Space& space = spaces_[static_cast<std::size_t>(name)];
  const std::uint64_t number = number_of(space, packet);
  if (name == PacketSpace::application && side_ == Side::initiator && !finished_sent_) return {Fate::drop};
  const bool late = space.most && number <= *space.most;
  // ngtcp2 goes on behind an error in an Initial packet, so that what it has forgotten must not come at all.
  if (name == PacketSpace::initial && late && space.acknowledged) return {Fate::drop};
  std::optional<Violation> broken;
  if (number > most_number)
    broken = Violation{protocol_violation, "a packet number out of reach"};
  else
    broken = read(name, packet.frames, late);
  if (broken) return {name == PacketSpace::initial ? Fate::drop : Fate::end, false, *broken};
  if (!late) space.most = number;
  return {Fate::pass, name == PacketSpace::application && !late};
}

std::uint64_t FrameGuard::number_of(Space& space, const Packet& packet) noexcept {
  const std::uint64_t mixed = last_word(packet.nonce);
  for (const Key& each : updated_)
    if (each.key == packet.key) return mixed ^ each.iv;
  if (space.key.key == nullptr) {
    // The first packet of a space tells its number in full (RFC 9000 A.3 with nothing received).
    const std::size_t size = std::min<std::size_t>((packet.header[0] & 0x03U) + 1U, packet.header.size());
    std::uint64_t number = 0;
    for (const std::uint8_t byte : packet.header.last(size)) number = number << 8U | byte;
    space.key = {packet.key, mixed ^ number};
  }
  return mixed ^ space.key.iv;
}

void FrameGuard::on_updated_key(const void* key, BytesView iv) noexcept {
  // Newest last. A key whose memory was used before stands for another one now.
  const auto same = std::ranges::find(updated_, key, &Key::key);
  const auto leaving = same != updated_.end() ? same : updated_.begin();
  std::move(leaving + 1, updated_.end(), leaving);
  updated_.back() = {key, last_word(iv)};
}

std::optional<FrameGuard::Violation> FrameGuard::read(PacketSpace space, std::span<std::uint8_t> frames,
                                                      bool late) noexcept {
  if (frames.empty()) return Violation{protocol_violation, "a packet without frames"};
  FrameReader reader{frames.data(), frames.data() + frames.size()};
  while (reader.at != reader.end) {
    std::uint8_t* const start = reader.at;
    const std::uint8_t type = *reader.at++;
    if (type >= frame::types) return Violation{frame_encoding_error, "a frame of unknown type"};
    const FrameRule& rule = frame_rules[type];
    if ((rule.spaces & bit_of(space)) == 0)
      return Violation{protocol_violation, "a frame that its packet may not carry"};
    std::uint64_t last = 0;
    FrameReader::NewConnectionId issued;
    if (!reader.rest_of(type, rule, last, issued))
      return Violation{frame_encoding_error, "a frame that cannot be read"};
    switch (rule.layout) {
      case FrameLayout::ack:
        if (late)
          std::fill(start, reader.at, std::uint8_t{0});
        else
          spaces_[static_cast<std::size_t>(space)].acknowledged = true;
        break;
      case FrameLayout::crypto:
        if (last > most_crypto) return Violation{crypto_buffer_exceeded, "more CRYPTO than a handshake has"};
        break;
      case FrameLayout::new_connection_id:
        if (const auto found =
                on_new_connection_id({start, reader.at}, issued.number, issued.retired, {issued.id, issued.size}))
          return found;
        break;
      default: break;
    }
    if (type == frame::new_token || type == frame::handshake_done) {
      // Both come from a server alone, and a token has at least one byte (RFC 9000 19.7, 19.20).
      if (side_ == Side::acceptor) return Violation{protocol_violation, "a frame that only a server may send"};
      if (type == frame::new_token && last == 0) return Violation{frame_encoding_error, "an empty token"};
    }
  }
  return std::nullopt;
}

std::optional<FrameGuard::Violation> FrameGuard::on_new_connection_id(std::span<std::uint8_t> bytes,
                                                                      std::uint64_t number, std::uint64_t retired,
                                                                      BytesView id_and_token) noexcept {
  const auto replace = [&] {
    std::ranges::fill(bytes, std::uint8_t{0});
    bytes[0] = frame::ping;
  };
  // The handshake gave number 0, so that this is a repetition; honest peers do not send it.
  if (number == 0) {
    replace();
    return std::nullopt;
  }
  const std::uint64_t digest = digest_of(retired, id_and_token);
  const auto known = std::span(issued_).first(id_count_);
  const auto found = std::ranges::find(known, number, &Issued::number);
  if (found == known.end()) {
    if (id_count_ == most_ids) return Violation{connection_id_limit_error, "the peer issued too many connection ids"};
    issued_[id_count_++] = {number, digest};
    return std::nullopt;
  }
  if (found->digest != digest)
    return Violation{protocol_violation, "one number for two connection ids (RFC 9000 19.15)"};
  replace();
  return std::nullopt;
}

// Keyed, and each word is mixed in by a multiplication over 128 bits: a peer cannot look for collisions, which would
// only let a repetition pass as the same.
std::uint64_t FrameGuard::digest_of(std::uint64_t retired, BytesView id_and_token) const noexcept {
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  };
  std::uint64_t out = mix(secret_ ^ retired, 0x9e3779b97f4a7c15U) + id_and_token.size();
  while (!id_and_token.empty()) {
    const std::size_t size = std::min<std::size_t>(id_and_token.size(), 8);
    std::uint64_t word = 0;
    std::memcpy(&word, id_and_token.data(), size);
    out = mix(out ^ word, 0xd6e8feb86659fd93U ^ std::rotl(secret_, 17));
    id_and_token = id_and_token.subspan(size);
  }
  return out;
}

}  // namespace mosaik::quic
