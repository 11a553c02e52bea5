#pragma once
/// How large a link's datagrams may be. Between two processes of one host there is no wire: the loopback device takes
/// 64 KiB, and a datagram that is ten times as large moves the same bytes with a tenth of the work. Everywhere else
/// QUIC's own path MTU discovery finds what the path carries (RFC 9000 14.3), once, after the handshake.
///
/// A path may get narrower afterwards: a VPN comes up, a route changes, a relay stands behind the port. QUIC's library
/// would go on with large datagrams for ever, since it repeats what was lost in the same size. So this class detects
/// the black hole (RFC 8899 4.3), on every path:
///  * When what was sent is overdue, small datagrams carry on until all that was out has arrived.
///  * A path that has swallowed large ones `patience` times without delivering one keeps small ones, and is tried again
///    after `raise_after`.
///  * If small ones bring the stream no further either, the path carries less than QUIC needs: the link has to end.
///  * When a router or our own host says that a datagram of a size that used to pass is too big, that size is not sent
///    again before `raise_after`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/assert.hpp"
#include "base/datagram.hpp"
#include "base/now.hpp"

namespace mosaik::quic {

class DatagramSize {
 public:
  static constexpr std::size_t small = 1200;  ///< every path of QUIC carries it (RFC 9000 14)

  /// `loopback`: what a loopback path is given; 0 for any other path.
  explicit DatagramSize(std::size_t loopback) noexcept : loopback_(loopback) {}

  [[nodiscard]] bool is_loopback() const noexcept { return loopback_ > 0; }
  /// What the next datagram may have. `settled`: the link is open, and its peer still lives on this host. `library`:
  /// what QUIC's library would take at most, which shapes it to what it has found.
  [[nodiscard]] std::size_t limit(bool settled, std::size_t library) const noexcept {
    if (narrow_ || (is_loopback() && !settled)) return small;
    return std::min(is_loopback() ? loopback_ : library, cap_);
  }

  /// A datagram of `bytes` was written; the stream now ends at `stream_end`.
  void on_written(Mono now, std::size_t bytes, std::uint64_t stream_end) noexcept {
    // A probe of QUIC's path MTU discovery may get lost without harm; only what carries the stream is waited for.
    if (bytes <= small || stream_end <= acknowledged_) return;
    if (!awaiting_) since_ = now;
    awaiting_ = true;
    if (bytes <= awaited_) return;
    awaited_ = bytes;
    proof_at_ = stream_end;
  }
  /// The peer has everything before `offset` of the stream.
  void on_acknowledged(Mono now, std::uint64_t offset) noexcept {
    acknowledged_ = std::max(acknowledged_, offset);
    since_ = now;
    heard_since_ = never;
    if (awaiting_ && offset >= proof_at_) {
      if (awaited_ >= swallowed_size_) forgive();
      stop_waiting();
    }
    widen(now);
  }
  /// A large datagram has brought the stream no further for two probe timeouts, whatever else is heard of the peer.
  [[nodiscard]] bool is_overdue(Mono now, Nanoseconds probe_timeout) const noexcept {
    return awaiting_ && now - since_ >= 2 * probe_timeout;
  }
  [[nodiscard]] bool is_awaiting() const noexcept { return awaiting_; }
  /// What was sent is overdue; the stream ends at `stream_end`.
  void on_overdue(Mono now, std::uint64_t stream_end) noexcept {
    if (awaiting_) {
      ++swallowed_;
      swallowed_size_ = std::max(swallowed_size_, awaited_);
    }
    if (!narrow_) carried_until_ = stream_end;
    if (!narrow_) in_hole_ = awaiting_;
    narrow_ = true;
    if (awaiting_ && swallowed_ >= patience) raise_at_ = now + raise_after;
    stop_waiting();
  }
  /// The peer was heard.
  void on_heard(Mono now) noexcept {
    if (cap_ != unlimited && raise_at_ <= now) cap_ = unlimited;
    if (narrow_ && heard_since_ == never) heard_since_ = now;
    widen(now);
  }
  /// Small datagrams have not brought the stream further either, while the peer is heard: the path carries less than
  /// QUIC needs.
  [[nodiscard]] bool is_stuck(Mono now) const noexcept {
    return narrow_ && in_hole_ && acknowledged_ < carried_until_ && heard_since_ != never &&
           now - heard_since_ >= stuck_after;
  }
  void check_invariants() const {
    // Protects the detection of a black hole: only a large datagram is waited for, and its size is known.
    MOSAIK_ASSERT(awaiting_ == (awaited_ > small));
    // Protects QUIC: no path is given less than it needs, and none swallows what was not sent.
    MOSAIK_ASSERT(cap_ >= small);
    MOSAIK_ASSERT((swallowed_ == 0) == (swallowed_size_ == 0));
  }
  /// Somebody says that a datagram was too big. `found`: what this path was known to carry.
  void on_too_big(Mono now, const TooBig& what, std::size_t found) noexcept {
    // While QUIC looks for the MTU it goes too far now and then; that is no news.
    const bool shrunk = what.fits > 0 ? what.fits < found : what.sent <= found;
    if (!shrunk) return;
    cap_ = std::max(small, what.fits);
    raise_at_ = now + raise_after;
  }

 private:
  static constexpr unsigned patience = 3;
  static constexpr Nanoseconds raise_after = 10min;  // PMTU_RAISE_TIMER (RFC 8899 5.1.1)
  static constexpr Nanoseconds stuck_after =
      2s;  // longer than a back-off of a living link, shorter than missed heartbeats
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  void forgive() noexcept {
    swallowed_ = 0;
    swallowed_size_ = 0;
  }
  void stop_waiting() noexcept {
    awaiting_ = false;
    awaited_ = 0;
  }
  // All that was out when the path became narrow has arrived, or the time has come to look again.
  void widen(Mono now) noexcept {
    if (!narrow_ || acknowledged_ < carried_until_) return;
    if (swallowed_ >= patience) {
      if (now < raise_at_) return;
      swallowed_ = patience - 1;  // one more is enough
    }
    narrow_ = false;
  }

  std::size_t loopback_;
  std::size_t cap_ = unlimited;  // by what a router says
  std::uint64_t acknowledged_ = 0;
  std::uint64_t proof_at_ = 0;       // acknowledged so far, the largest datagram of these has arrived
  std::uint64_t carried_until_ = 0;  // acknowledged so far, nothing is out of what was when the path became narrow
  Mono since_{};                     // of the wait, or of the last progress in it
  Mono raise_at_ = never;
  Mono heard_since_ = never;        // the peer is heard, and nothing has arrived there
  std::size_t awaited_ = 0;         // the largest size under way
  std::size_t swallowed_size_ = 0;  // the largest that got lost
  unsigned swallowed_ = 0;
  bool awaiting_ = false;  // a large datagram is on its way, and nothing was overdue since
  bool narrow_ = false;
  bool in_hole_ = false;  // it became narrow by a large datagram
};

}  // namespace mosaik::quic
