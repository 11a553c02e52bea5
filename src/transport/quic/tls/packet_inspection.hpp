#pragma once
/// PacketInspection: what is done with a packet's contents before ngtcp2 acts on them, and what the datagram under way
/// has shown. Private to the room.
///
/// ngtcp2 does not tell whether a datagram held an authentic packet, nor whether one was newer than all before. A
/// replayed 1-RTT packet decrypts as well, so that only a fresh one counts as a sign of life.

#include <optional>

#include "transport/quic/tls/frame_guard.hpp"
#include "transport/quic/tls/tls_messages.hpp"

namespace mosaik::quic {

class PacketInspection {
 public:
  /// `secret`: see FrameGuard.
  PacketInspection(Side side, std::uint64_t secret) noexcept : guard_(side, secret), messages_(side) {}

  void begin_datagram() noexcept { authentic_ = fresh_ = reset_ = false; }
  /// A packet was decrypted.
  [[nodiscard]] FrameGuard::Fate on_decrypted(const FrameGuard::Packet& packet) noexcept {
    const FrameGuard::Verdict verdict = guard_.inspect(packet);
    if (verdict.fate == FrameGuard::Fate::end) refuse(verdict.why);
    if (verdict.fate == FrameGuard::Fate::pass) {
      authentic_ = true;
      fresh_ = fresh_ || verdict.fresh;
    }
    return verdict.fate;
  }
  /// A Retry was accepted: its integrity tag proves that the server saw our first packet.
  void on_retry() noexcept { authentic_ = true; }
  void on_stateless_reset() noexcept { reset_ = true; }
  /// The initiator's TLS handshake is complete: its Finished is the next thing that is sealed.
  void on_tls_complete() noexcept { tls_complete_ = true; }
  /// Rule G6 of the guard: after TLS is complete an initiator's next Handshake packet carries its Finished.
  void on_sealed(PacketSpace space) noexcept {
    if (tls_complete_ && space == PacketSpace::handshake) guard_.on_finished_sent();
  }
  void on_updated_key(const void* key, BytesView iv) noexcept { guard_.on_updated_key(key, iv); }
  /// The connection must end for this, before ngtcp2 acts on it.
  void refuse(const FrameGuard::Violation& why) noexcept { violation_ = why; }
  [[nodiscard]] TlsMessages& messages() noexcept { return messages_; }

  // Of the datagram under way.
  [[nodiscard]] bool is_authentic() const noexcept { return authentic_; }
  [[nodiscard]] bool is_fresh() const noexcept { return fresh_; }
  [[nodiscard]] bool is_reset() const noexcept { return reset_; }
  [[nodiscard]] const std::optional<FrameGuard::Violation>& violation() const noexcept { return violation_; }
  void check_invariants() const {
    // Protects the failure detector: a fresh packet is an authentic one.
    MOSAIK_ASSERT(authentic_ || !fresh_);
    guard_.check_invariants();
    messages_.check_invariants();
  }

 private:
  FrameGuard guard_;
  TlsMessages messages_;
  std::optional<FrameGuard::Violation> violation_;
  bool authentic_ = false;
  bool fresh_ = false;
  bool reset_ = false;
  bool tls_complete_ = false;
};

}  // namespace mosaik::quic
