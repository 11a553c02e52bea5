#pragma once
/// PeerLiveness: when a link's peer was heard and spoken to last, and our probes of it. Private to the room.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <mosaik/types/bytes.hpp>

#include "base/now.hpp"

namespace mosaik::quic {

/// Remembers how the newest probes of a link began, to tell whether an ICMP error quotes one of them, and which. What
/// QUIC puts on the wire never repeats within these bytes: packet number and sealed payload are among them.
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

class PeerLiveness {
 public:
  /// A packet came that counts as a sign of life.
  void on_heard(Mono now) noexcept {
    heard_ = now;
    unanswered_ = 0;
  }
  void on_datagram_written() noexcept { ++unanswered_; }
  /// Something was written that the peer has to acknowledge.
  void on_asked(Mono now) noexcept { asked_ = now; }
  void on_probe_written(Mono now, BytesView datagram) noexcept { log_.add(now, datagram); }
  void ask_for_probe() noexcept { probe_due_ = true; }
  void end_probe_round() noexcept { probe_due_ = false; }

  [[nodiscard]] bool is_probe_due() const noexcept { return probe_due_; }
  /// Nothing was heard or asked for so long.
  [[nodiscard]] bool is_silent(Mono now, Nanoseconds time) const noexcept {
    return now - std::max(asked_, heard_) >= time;
  }
  /// Datagrams since the last sign of life.
  [[nodiscard]] std::uint32_t unanswered() const noexcept { return unanswered_; }
  [[nodiscard]] std::optional<Mono> probe_sent_at(BytesView quoted) const noexcept { return log_.sent_at(quoted); }

 private:
  Mono asked_{};
  Mono heard_{};
  std::uint32_t unanswered_ = 0;
  bool probe_due_ = false;
  ProbeLog log_;
};

}  // namespace mosaik::quic
