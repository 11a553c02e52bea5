#pragma once
/// Answers to datagrams that belong to no connection: version negotiation, Retry, stateless reset. Each is smaller than
/// what asked for it, there is room for a few, and resets have a rate: a flood of questions gets few answers.

#include <array>

#include "base/datagram.hpp"
#include "base/token_bucket.hpp"
#include "transport/quic/connection/ring.hpp"
#include "transport/quic/shared.hpp"

namespace mosaik::quic {

class Replies {
 public:
  explicit Replies(Shared& shared) : shared_(shared) {}

  /// RFC 9000 6.1; `asked` has an unknown version and at least 1200 bytes.
  void negotiate_version(const DatagramPath& path, const ngtcp2_version_cid& asked);
  /// RFC 9000 8.1.2.
  void ask_to_retry(Mono now, const DatagramPath& path, const ngtcp2_pkt_hd& first);
  /// RFC 9000 10.3; `size` is that of the packet whose connection nobody knows.
  void reset(Mono now, const DatagramPath& path, BytesView cid, std::size_t size);

  /// False when not all found room.
  [[nodiscard]] bool write(DatagramBatch& out);
  void check_invariants() const {
    // Protects others: a flood of questions with forged addresses gets few answers.
    MOSAIK_ASSERT(waiting_.size() <= most);
  }

 private:
  static constexpr std::size_t most = 128;
  static constexpr std::size_t most_resets = 64;   // at once,
  static constexpr std::size_t resets_rate = 100;  // and a second after that
  struct Reply {
    DatagramPath path;
    std::size_t size = 0;
    std::array<std::uint8_t, 256> bytes{};
  };

  void push(const DatagramPath& path, Reply& reply, ngtcp2_ssize size);

  Shared& shared_;
  Ring<Reply> waiting_;
  TokenBucket resets_{most_resets, resets_rate, Mono{}};
};

}  // namespace mosaik::quic
