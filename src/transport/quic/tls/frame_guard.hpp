#pragma once
/// FrameGuard: reads each decrypted packet before ngtcp2 acts on it.
///
/// Place. The decrypt callback hands in every packet in the clear (callbacks.cpp). Debian builds ngtcp2 with its
/// assertions, so that one that a peer could reach would end the process. The rules here keep peers from all of them;
/// docs/protocol/ngtcp2-assertions.md has the table. They are named after it:
///
///  G1 frames     a frame is whole, and stands in a packet that may carry it (RFC 9000 12.4, 19)
///  G2 ids        a NEW_CONNECTION_ID passes once; each later copy becomes PING and PADDING
///  G3 CRYPTO     ends at most at offset `most_crypto`; tls_messages.hpp does the rest
///  G4 order      a packet that comes behind a newer one acknowledges nothing
///  G5 numbers    a packet number is at most `most_number`
///  G6 Finished   an initiator reads no 1-RTT packet before its Finished is out
///
/// G2. A NEW_CONNECTION_ID may come again, and may be below the announced retirement (RFC 9000 19.15). ngtcp2 0.12
/// aborts when it retires one number twice. A copy is replaced by PING, so that its packet is still acknowledged.
/// A number that comes again with another id, token or retirement ends the link.
///
/// The guard sees a packet before ngtcp2 looks for duplicates. A repeated datagram finds its numbers known and changes
/// nothing. An Initial packet that breaks a rule is dropped and ends nothing: its keys are public.
///
/// Cost: one pass over the frames, no allocation; 1.2 KiB a link.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <mosaik/types/bytes.hpp>

#include "base/assert.hpp"

#include "link/link.hpp"
#include "transport/quic/tls/frames.hpp"

namespace mosaik::quic {

class FrameGuard {
 public:
  /// Distinct connection ids that the peer of one link may issue, besides the first.
  static constexpr std::size_t most_ids = 64;
  /// End of the CRYPTO stream of a space: a handshake has some 4 KiB, session tickets some 200 bytes each.
  static constexpr std::uint64_t most_crypto = 64U << 10U;
  static constexpr std::uint64_t most_number = std::uint64_t{1} << 60U;

  struct Violation {
    std::uint64_t code = 0;   ///< transport error code (RFC 9000 20.1, RFC 9001 4.8)
    std::string_view reason;  ///< static text
  };
  enum class Fate : std::uint8_t {
    pass,
    drop,  ///< as if it had not been decrypted: an honest peer sends its contents again
    end,   ///< the link must end with `why`
  };
  struct Verdict {
    Fate fate = Fate::pass;
    bool fresh = false;  ///< a 1-RTT packet that is newer than all before it
    Violation why{};
  };

  /// A packet in the clear.
  struct Packet {
    const void* key = nullptr;       ///< names the key that opened it
    BytesView nonce;                 ///< with which it was opened
    BytesView header;                ///< header protection taken off
    std::span<std::uint8_t> frames;  ///< may be changed
  };

  /// `side`: ours. `secret` must not be known to the peer: it protects the digests of its connection ids.
  FrameGuard(Side side, std::uint64_t secret) noexcept : secret_(secret), side_(side) {}

  [[nodiscard]] Verdict inspect(const Packet& packet) noexcept;
  /// A key that a key update has made, and its IV.
  void on_updated_key(const void* key, BytesView iv) noexcept;
  /// A Handshake packet was sealed after the TLS handshake was complete.
  void on_finished_sent() noexcept { finished_sent_ = true; }

  /// Connection ids that have passed; at most most_ids.
  [[nodiscard]] std::size_t ids() const noexcept { return id_count_; }
  void check_invariants() const {
    // Protects the library, which asserts that ids have a limit and that numbers stay below 2^62.
    MOSAIK_ASSERT(id_count_ <= most_ids);
    for (const Space& space : spaces_) MOSAIK_ASSERT(!space.most || *space.most <= most_number);
  }

 private:
  struct Issued {
    std::uint64_t number = 0;
    std::uint64_t digest = 0;  ///< of id, token and retirement
  };
  /// A nonce is the IV with the packet number mixed into its last 8 bytes (RFC 9001 5.3). What the header tells of the
  /// number alone depends on what ngtcp2 has seen, and it discards some packets after decryption.
  struct Key {
    const void* key = nullptr;
    std::uint64_t iv = 0;  ///< its last 8 bytes
  };
  struct Space {
    Key key;                            ///< the first of the space
    std::optional<std::uint64_t> most;  ///< greatest number that was decrypted
    bool acknowledged = false;          ///< an ACK has passed
  };

  [[nodiscard]] std::uint64_t number_of(Space& space, const Packet& packet) noexcept;
  [[nodiscard]] std::optional<Violation> read(PacketSpace space, std::span<std::uint8_t> frames, bool late) noexcept;
  [[nodiscard]] std::optional<Violation> on_new_connection_id(std::span<std::uint8_t> frame, std::uint64_t number,
                                                              std::uint64_t retired, BytesView id_and_token) noexcept;
  [[nodiscard]] std::uint64_t digest_of(std::uint64_t retired, BytesView id_and_token) const noexcept;

  std::array<Issued, most_ids> issued_{};
  std::size_t id_count_ = 0;
  std::array<Space, 4> spaces_{};  ///< by PacketSpace
  std::array<Key, 4> updated_{};   ///< the newest keys of key updates, newest last; ngtcp2 holds three at a time
  std::uint64_t secret_;
  Side side_;
  bool finished_sent_ = false;
};

}  // namespace mosaik::quic
