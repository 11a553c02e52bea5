#pragma once
/// HandshakeProgress: a connection before it is open. Its deadline, what was sent without an answer, and why it may
/// have failed. Private to the room.

#include <string>

#include <mosaik/types/address.hpp>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik::quic {

class HandshakeProgress {
 public:
  enum class Begun : std::uint8_t {
    accepted,
    dialed,
    dialed_once,  ///< the first packet is not repeated until something answers
  };

  HandshakeProgress(Begun begun, Mono now) noexcept : begun_(begun), deadline_(now + limits::quic_handshake_timeout) {}

  void on_datagram() noexcept { answered_ = true; }
  void on_written(std::size_t bytes) noexcept {
    MOSAIK_ASSERT(bytes > 0 && !waits_for_answer());  // a careful dialer sends one packet to an unproven address
    sent_ += bytes;
  }
  /// A router says that the path carries no datagrams of the size that QUIC begins with.
  void on_too_narrow() noexcept { too_narrow_ = true; }

  [[nodiscard]] Mono deadline() const noexcept { return deadline_; }
  /// Bytes of datagrams that were sent.
  [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
  /// A dialer's packets are out, and nothing at all has come back.
  [[nodiscard]] bool is_unanswered() const noexcept { return begun_ != Begun::accepted && !answered_ && sent_ > 0; }
  /// The same of a dialer that does not repeat its first packet: it sends nothing more.
  [[nodiscard]] bool waits_for_answer() const noexcept { return begun_ == Begun::dialed_once && is_unanswered(); }

  /// The first datagrams of both sides have 1,200 bytes (RFC 9000 14.1), what comes after them may be shorter. So a
  /// path that carries less looks like a peer that begins and never ends.
  [[nodiscard]] std::string explain_timeout(const SocketAddress& peer) const {
    const std::string remote = peer.text();
    if (too_narrow_) return "datagrams of 1,200 bytes do not fit on the way to " + remote + " (its MTU is below 1,228)";
    if (begun_ != Begun::accepted && !answered_) return "no answer from " + remote;
    return "the handshake with " + remote +
           " began and did not end: full-sized datagrams may be lost on the way (MTU below 1,228)";
  }

 private:
  Begun begun_;
  Mono deadline_;
  std::size_t sent_ = 0;
  bool answered_ = false;
  bool too_narrow_ = false;
};

}  // namespace mosaik::quic
