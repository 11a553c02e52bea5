#pragma once
/// TlsMessages: which TLS handshake messages of a peer may reach the TLS library.
///
/// Place. Bytes of CRYPTO frames pass here in the order of their stream, before GnuTLS sees them. GnuTLS obeys messages
/// that QUIC forbids: a KeyUpdate makes it install keys anew, on which ngtcp2 aborts the process (RFC 9001 6). So each
/// message must be one that the handshake has room for, and behind Finished no byte goes to the library any more. A
/// NewSessionTicket is read and discarded here: we resume no session.

#include <array>
#include <cstdint>
#include <optional>

#include <mosaik/types/bytes.hpp>

#include "transport/quic/tls/frame_guard.hpp"

namespace mosaik::quic {

class TlsMessages {
 public:
  /// Bytes of one message. A ClientHello with a post-quantum key share has some 2 KiB.
  static constexpr std::size_t longest = 16U << 10U;
  /// Bytes of all NewSessionTickets of one link; a Rust server sends two of some 200 bytes each.
  static constexpr std::size_t most_tickets = 64U << 10U;

  enum class Fate : std::uint8_t {
    to_library,  ///< messages of the handshake
    discard,     ///< read here, of no use to us
    refuse,      ///< end the link with alert()
  };

  /// `side`: ours.
  explicit TlsMessages(Side side) noexcept : side_(side) {}

  /// The next bytes of the stream of a space.
  [[nodiscard]] Fate admit(PacketSpace space, BytesView bytes) noexcept;
  /// TLS alert of the refusal (RFC 8446 6).
  [[nodiscard]] std::uint8_t alert() const noexcept { return alert_; }
  void check_invariants() const {
    // Protects memory: the library never waits for more of a message than this.
    for (const Stream* const stream : {&initial_, &handshake_, &application_})
      MOSAIK_ASSERT(stream->header_size <= stream->header.size() && stream->body_left <= most_tickets);
    MOSAIK_ASSERT(tickets_ <= most_tickets);
  }

 private:
  /// Where one stream of messages stands.
  struct Stream {
    std::array<std::uint8_t, 4> header{};  ///< type and length (RFC 8446 4)
    std::size_t header_size = 0;           ///< bytes of it that have come
    std::size_t body_left = 0;
  };
  /// A message of this type may begin. Judged by its first byte, so that no later one reaches the library.
  [[nodiscard]] bool begins(PacketSpace space, std::uint8_t type) noexcept;
  [[nodiscard]] bool has_room(PacketSpace space, std::size_t length) noexcept;
  [[nodiscard]] bool refuse(std::uint8_t alert) noexcept;

  Stream initial_;
  Stream handshake_;
  Stream application_;
  std::size_t tickets_ = 0;  ///< bytes of NewSessionTickets
  unsigned hellos_ = 0;
  std::uint32_t seen_ = 0;  ///< a bit for each type of message that came in the handshake space
  std::uint8_t alert_ = 0;
  Side side_;
};

}  // namespace mosaik::quic
