#pragma once
/// The digest of a trace: FNV-1a over 64 bits. Two runs of one seed must have the same, whatever compiled them.

#include <cstdint>
#include <string_view>

#include <mosaik/types/bytes.hpp>

namespace mosaik::sim {

class TraceDigest {
 public:
  TraceDigest& add(std::uint64_t value) noexcept {
    for (int i = 0; i < 8; ++i) step(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  TraceDigest& add(BytesView bytes) noexcept {
    for (const std::uint8_t byte : bytes) step(byte);
    return add(bytes.size());
  }
  TraceDigest& add(std::string_view text) noexcept { return add(bytes_of(text)); }
  [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

 private:
  void step(std::uint8_t byte) noexcept { state_ = (state_ ^ byte) * 0x100000001b3U; }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace mosaik::sim
