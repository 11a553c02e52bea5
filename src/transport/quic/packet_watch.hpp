#pragma once
/// What a datagram held: an authentic packet, and one that is newer than all before. ngtcp2 does not tell. A replayed
/// 1-RTT packet decrypts as well, so that only a fresh one counts as a sign of life.

namespace mosaik::quic {

class PacketWatch {
 public:
  void begin() noexcept { authenticated_ = fresh_ = false; }
  /// A packet was decrypted, and may pass. `fresh`: FrameGuard::Verdict.
  void on_decrypted(bool fresh) noexcept {
    authenticated_ = true;
    fresh_ = fresh_ || fresh;
  }
  /// A Retry was accepted: its integrity tag proves that the server saw our first packet.
  void on_retry() noexcept { authenticated_ = true; }

  [[nodiscard]] bool authenticated() const noexcept { return authenticated_; }
  [[nodiscard]] bool fresh() const noexcept { return fresh_; }

 private:
  bool authenticated_ = false;
  bool fresh_ = false;
};

}  // namespace mosaik::quic
