#pragma once
/// Learns from each decryption whether a datagram held an authenticated packet, which ngtcp2 does not tell. A replayed
/// 1-RTT packet decrypts as well, so only a packet number beyond all earlier ones counts as a sign of life.

#include <cstdint>

#include <mosaik/bytes.hpp>

namespace mosaik::quic {

class PacketWatch {
 public:
  void begin() noexcept { authenticated_ = fresh_ = false; }
  /// A packet with this header (with header protection taken off) was decrypted.
  void on_decrypted(BytesView header) noexcept {
    authenticated_ = true;
    if (header.empty() || (header[0] & 0x80U) != 0) return;
    const std::size_t length = (header[0] & 0x03U) + 1U;
    if (header.size() < length) return;
    std::uint64_t truncated = 0;
    for (const std::uint8_t byte : header.last(length)) truncated = truncated << 8U | byte;
    const std::uint64_t number = expand(truncated, 8 * length);
    if (number < expected_) return;
    expected_ = number + 1;
    fresh_ = true;
  }
  /// A Retry was accepted: its integrity tag proves that the server saw our first packet.
  void on_retry() noexcept { authenticated_ = true; }

  [[nodiscard]] bool authenticated() const noexcept { return authenticated_; }
  [[nodiscard]] bool fresh() const noexcept { return fresh_; }

 private:
  /// RFC 9000 A.3.
  [[nodiscard]] std::uint64_t expand(std::uint64_t truncated, std::size_t bits) const noexcept {
    const std::uint64_t window = std::uint64_t{1} << bits;
    const std::uint64_t half = window / 2;
    const std::uint64_t candidate = (expected_ & ~(window - 1)) | truncated;
    if (candidate + half <= expected_ && candidate < (std::uint64_t{1} << 62U) - window) return candidate + window;
    if (candidate > expected_ + half && candidate >= window) return candidate - window;
    return candidate;
  }

  std::uint64_t expected_ = 0;
  bool authenticated_ = false;
  bool fresh_ = false;
};

}  // namespace mosaik::quic
