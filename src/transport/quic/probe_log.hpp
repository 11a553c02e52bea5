#pragma once
/// Remembers how the newest probes of a link began, to tell whether an ICMP error quotes one of them, and which. What
/// QUIC puts on the wire never repeats within these bytes: packet number and sealed payload are among them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <mosaik/types/bytes.hpp>

#include "base/now.hpp"

namespace mosaik::quic {

class ProbeLog {
 public:
  void add(Mono now, BytesView datagram) noexcept {
    if (datagram.size() < prefix) return;
    Probe& probe = probes_[next_++ % probes_.size()];
    std::ranges::copy(datagram.first(prefix), probe.start.begin());
    probe.sent = now;
  }
  /// When the datagram that begins as `quoted` was sent; empty when it is none of these.
  [[nodiscard]] std::optional<Mono> sent_at(BytesView quoted) const noexcept {
    if (quoted.size() < prefix) return std::nullopt;
    for (const Probe& probe : probes_)
      if (probe.sent != Mono{} && std::ranges::equal(probe.start, quoted.first(prefix))) return probe.sent;
    return std::nullopt;
  }

 private:
  // One byte, a connection id of at most 20, a packet number of up to 4, and some of what is sealed; no datagram with
  // an id of 8 bytes is shorter than 30.
  static constexpr std::size_t prefix = 28;
  struct Probe {
    std::array<std::uint8_t, prefix> start{};
    Mono sent{};
  };
  std::array<Probe, 8> probes_{};
  std::size_t next_ = 0;
};

}  // namespace mosaik::quic
