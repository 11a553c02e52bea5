#pragma once
/// How QUIC's frames are laid out, and which packets may carry them (RFC 9000 12.4 and 19). Private to the room, and to
/// the peers that attack it in tests.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mosaik::quic {

/// Which keys protected a packet (RFC 9000 12.3, RFC 9001 4).
enum class PacketSpace : std::uint8_t { initial, early, handshake, application };

/// The space of a packet, by its first byte in the clear.
[[nodiscard]] constexpr PacketSpace packet_space(std::uint8_t first) noexcept {
  if ((first & 0x80U) == 0) return PacketSpace::application;
  return static_cast<PacketSpace>((first >> 4U) & 0x03U);
}

enum class FrameLayout : std::uint8_t {
  unknown,
  integers,  ///< variable-length integers, and no more
  bytes,     ///< integers, the last of which is the length of the bytes behind it
  eight,     ///< 8 bytes
  empty,     ///< PADDING and PING: the type is all
  ack,
  crypto,
  stream,
  new_connection_id,
};

struct FrameRule {
  FrameLayout layout = FrameLayout::unknown;
  std::uint8_t spaces = 0;    ///< a bit for each PacketSpace that may carry it (RFC 9000 table 3)
  std::uint8_t integers = 0;  ///< behind the type
};

namespace frame {
inline constexpr std::uint8_t ping = 0x01;
inline constexpr std::uint8_t ack = 0x02;
inline constexpr std::uint8_t ack_ecn = 0x03;
inline constexpr std::uint8_t new_token = 0x07;
inline constexpr std::uint8_t stream = 0x08;  ///< to 0x0f
inline constexpr std::uint8_t new_connection_id = 0x18;
inline constexpr std::uint8_t handshake_done = 0x1e;
inline constexpr std::size_t types = 0x1f;  ///< no extension that adds a frame is negotiated
inline constexpr std::size_t token_size = 16;
inline constexpr std::size_t longest_id = 20;
inline constexpr std::uint64_t longest_offset = (std::uint64_t{1} << 62U) - 1;  // RFC 9000 19.6, 19.8
}  // namespace frame

[[nodiscard]] constexpr std::uint8_t bit_of(PacketSpace space) noexcept {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(space));
}

inline constexpr std::array<FrameRule, frame::types> frame_rules = [] {
  constexpr std::uint8_t data = bit_of(PacketSpace::early) | bit_of(PacketSpace::application);
  constexpr std::uint8_t application = bit_of(PacketSpace::application);
  constexpr std::uint8_t not_early =
      bit_of(PacketSpace::initial) | bit_of(PacketSpace::handshake) | bit_of(PacketSpace::application);
  constexpr std::uint8_t anywhere = not_early | bit_of(PacketSpace::early);
  using enum FrameLayout;
  std::array<FrameRule, frame::types> out{};
  out[0x00] = out[0x01] = {empty, anywhere, 0};  // PADDING, PING
  out[0x02] = out[0x03] = {ack, not_early, 0};
  out[0x04] = {integers, data, 3};  // RESET_STREAM
  out[0x05] = {integers, data, 2};  // STOP_SENDING
  out[0x06] = {crypto, not_early, 0};
  out[0x07] = {bytes, application, 1};  // NEW_TOKEN
  for (std::size_t type = 0x08; type <= 0x0f; ++type) out[type] = {stream, data, 0};
  out[0x10] = {integers, data, 1};              // MAX_DATA
  out[0x11] = {integers, data, 2};              // MAX_STREAM_DATA
  out[0x12] = out[0x13] = {integers, data, 1};  // MAX_STREAMS
  out[0x14] = {integers, data, 1};              // DATA_BLOCKED
  out[0x15] = {integers, data, 2};              // STREAM_DATA_BLOCKED
  out[0x16] = out[0x17] = {integers, data, 1};  // STREAMS_BLOCKED
  out[0x18] = {new_connection_id, data, 2};
  out[0x19] = {integers, data, 1};         // RETIRE_CONNECTION_ID
  out[0x1a] = {eight, data, 0};            // PATH_CHALLENGE
  out[0x1b] = {eight, application, 0};     // PATH_RESPONSE
  out[0x1c] = {bytes, anywhere, 3};        // CONNECTION_CLOSE of QUIC
  out[0x1d] = {bytes, data, 2};            // CONNECTION_CLOSE of the application
  out[0x1e] = {integers, application, 0};  // HANDSHAKE_DONE
  return out;
}();

/// A cursor over the frames of one packet. Each step says whether the bytes were there.
struct FrameReader {
  std::uint8_t* at;
  std::uint8_t* end;

  [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end - at); }
  [[nodiscard]] bool integer(std::uint64_t& out) noexcept {
    if (at == end) return false;
    const unsigned first = *at;
    const std::size_t size = std::size_t{1} << (first >> 6U);
    if (left() < size) return false;
    std::uint64_t value = first & 0x3fU;
    for (std::size_t i = 1; i < size; ++i) value = value << 8U | at[i];
    at += size;
    out = value;
    return true;
  }
  [[nodiscard]] bool skip_integer() noexcept {
    if (at == end) return false;
    const std::size_t size = std::size_t{1} << (*at >> 6U);
    if (left() < size) return false;
    at += size;
    return true;
  }
  [[nodiscard]] bool skip(std::uint64_t size) noexcept {
    if (size > left()) return false;
    at += size;
    return true;
  }
  /// `count` integers, the last of which is `last`.
  [[nodiscard]] bool integers(unsigned count, std::uint64_t& last) noexcept {
    for (; count > 1; --count)
      if (!skip_integer()) return false;
    return count == 0 || integer(last);
  }
  /// Eight bytes at a time: most handshake packets are filled up with PADDING.
  void skip_empty() noexcept {
    constexpr std::uint64_t neither = 0xfefefefefefefefeU;
    for (; left() >= 8; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, 8);
      if ((word & neither) != 0) break;
    }
    while (at != end && *at <= frame::ping) ++at;
  }
  /// The ranges must not reach below packet number 0 (RFC 9000 19.3.1).
  [[nodiscard]] bool ack(bool with_counts) noexcept {
    std::uint64_t largest = 0, ranges = 0, first = 0, last = 0;
    if (!integer(largest) || !skip_integer() || !integer(ranges) || !integer(first) || first > largest) return false;
    std::uint64_t smallest = largest - first;
    if (ranges > left()) return false;
    for (; ranges > 0; --ranges) {
      std::uint64_t gap = 0, length = 0;
      if (!integer(gap) || !integer(length)) return false;
      if (smallest < gap + 2 || smallest - gap - 2 < length) return false;
      smallest -= gap + 2 + length;
    }
    return !with_counts || integers(3, last);
  }
  /// `end_offset`: of the stream, behind the frame.
  [[nodiscard]] bool crypto(std::uint64_t& end_offset) noexcept {
    std::uint64_t offset = 0, length = 0;
    if (!integer(offset) || !integer(length) || length > frame::longest_offset - offset) return false;
    end_offset = offset + length;
    return skip(length);
  }
  [[nodiscard]] bool stream(std::uint8_t type) noexcept {
    constexpr std::uint8_t has_length = 0x02, has_offset = 0x04;
    std::uint64_t offset = 0, length = 0;
    if (!skip_integer() || ((type & has_offset) != 0 && !integer(offset))) return false;
    if ((type & has_length) == 0)
      length = left();
    else if (!integer(length))
      return false;
    return length <= frame::longest_offset - offset && skip(length);
  }
  struct NewConnectionId {
    std::uint64_t number = 0;
    std::uint64_t retired = 0;   ///< all numbers below it
    std::uint8_t* id = nullptr;  ///< the token stands behind it
    std::size_t size = 0;        ///< of id and token
  };
  [[nodiscard]] bool new_connection_id(NewConnectionId& out) noexcept {
    if (!integer(out.number) || !integer(out.retired) || out.retired > out.number || at == end) return false;
    const std::size_t id_size = *at++;
    out.id = at;
    out.size = id_size + frame::token_size;
    return id_size != 0 && id_size <= frame::longest_id && skip(out.size);
  }
  /// Reads a frame behind its type. `last`: its last integer, where it has integers; of CRYPTO the end of its bytes.
  [[nodiscard]] bool rest_of(std::uint8_t type, const FrameRule& rule, std::uint64_t& last,
                             NewConnectionId& issued) noexcept {
    switch (rule.layout) {
      case FrameLayout::empty: skip_empty(); return true;
      case FrameLayout::integers: return integers(rule.integers, last);
      case FrameLayout::bytes: return integers(rule.integers, last) && skip(last);
      case FrameLayout::eight: return skip(8);
      case FrameLayout::ack: return ack(type == frame::ack_ecn);
      case FrameLayout::crypto: return crypto(last);
      case FrameLayout::stream: return stream(type);
      case FrameLayout::new_connection_id: return new_connection_id(issued);
      case FrameLayout::unknown: break;
    }
    return false;
  }
};

}  // namespace mosaik::quic
