#pragma once
/// Answers to datagrams that belong to no connection: version negotiation, Retry, stateless reset. Each is smaller than
/// what asked for it, there is room for a few, and resets have a rate: a flood of questions gets few answers.

#include <array>

#include "base/datagram.hpp"
#include "transport/quic/ring.hpp"
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

 private:
  static constexpr std::size_t most = 128;
  static constexpr std::size_t most_resets = 64;       // at once,
  static constexpr Nanoseconds reset_interval = 10ms;  // and one in this time after that
  struct Reply {
    DatagramPath path;
    std::size_t size = 0;
    std::array<std::uint8_t, 256> bytes{};
  };

  void push(const DatagramPath& path, Reply& reply, ngtcp2_ssize size);
  [[nodiscard]] bool may_reset(Mono now) noexcept;

  Shared& shared_;
  Ring<Reply> waiting_;
  std::size_t resets_left_ = most_resets;
  Mono reset_refill_{};
};

}  // namespace mosaik::quic
