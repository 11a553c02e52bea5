#pragma once
/// How large a link's datagrams may be. Between two processes of one host there is no wire: the loopback device takes
/// 64 KiB, and a datagram that is ten times as large moves the same bytes with a tenth of the work. Everywhere else
/// QUIC's own path MTU discovery decides.
///
/// A loopback path may still be narrow: its MTU was lowered, or a relay stands behind the port. So whenever what was
/// sent is overdue, small datagrams carry on until the peer is heard again; and a path that has swallowed large ones
/// `patience` times without delivering one keeps small ones for good.

#include <cstddef>
#include <cstdint>

namespace mosaik::quic {

class DatagramSize {
 public:
  static constexpr std::size_t small = 1200;  ///< every path of QUIC carries it (RFC 9000 14)

  /// `most`: of a loopback path; 0 for any other, which this class then has no say in.
  explicit DatagramSize(std::size_t most) noexcept : most_(most) {}

  [[nodiscard]] bool decides() const noexcept { return most_ > 0; }
  /// What the next datagram may have. `settled`: the link is open, and its peer still lives on this host.
  [[nodiscard]] std::size_t limit(bool settled) const noexcept { return settled && !narrow_ ? most_ : small; }

  /// A datagram of `bytes` was written; the stream now ends at `stream_end`.
  void on_written(std::size_t bytes, std::uint64_t stream_end) noexcept {
    if (bytes <= ordinary || awaiting_) return;
    awaiting_ = true;
    proof_at_ = stream_end;
  }
  /// The peer has everything before `offset` of the stream.
  void on_acknowledged(std::uint64_t offset) noexcept {
    if (!awaiting_ || narrow_ || offset < proof_at_) return;
    awaiting_ = false;
    swallowed_ = 0;
  }
  /// What was sent is overdue.
  void on_overdue() noexcept {
    if (awaiting_ && !narrow_) ++swallowed_;
    narrow_ = true;
    awaiting_ = false;
  }
  /// The peer was heard.
  void on_heard() noexcept { narrow_ = swallowed_ >= patience; }

 private:
  static constexpr unsigned patience = 3;
  static constexpr std::size_t ordinary = 1500;  // any path of today

  std::size_t most_;
  std::uint64_t proof_at_ = 0;
  unsigned swallowed_ = 0;
  bool awaiting_ = false;  // a large datagram is on its way, and nothing was overdue since
  bool narrow_ = false;
};

}  // namespace mosaik::quic
