#pragma once
/// What remains of a connection that ended: RFC 9000 10.2's closing and draining periods, without keys.
///
/// A connection that we closed, or that fell silent, answers late packets with its CONNECTION_CLOSE for as long as the
/// peer may still believe in it (its idle time), not just for three probe timeouts: after that only a stateless reset
/// could answer, and a reset tells the peer that our process is another one. There are
/// limits::closing_connections at most: those of strangers make room first, and then the older.

#include <utility>
#include <vector>

#include "base/datagram.hpp"
#include "base/limits.hpp"
#include "transport/quic/cid.hpp"
#include "transport/quic/connection.hpp"

namespace mosaik::quic {

class ClosingConnection {
 public:
  ClosingConnection(LinkId link, Mono now, Ending ending, std::vector<Cid> cids, bool was_open)
      : timer(link),
        cids_(std::move(cids)),
        packet_(std::move(ending.packet)),
        path_(ending.path),
        quiet_until_(now + ending.quiet),
        proven_(ending.proven),
        end_(was_open && !packet_.empty() ? std::max(quiet_until_, now + limits::quic_idle_timeout) : quiet_until_),
        due_(ending.send_now && !packet_.empty()) {}

  /// A late packet. Answers become rarer, so that two closing ends fall silent (RFC 9000 10.2.1).
  void on_datagram() noexcept {
    const std::uint32_t count = ++late_packets_;
    if (!packet_.empty() && (count & (count - 1)) == 0) due_ = true;
  }
  [[nodiscard]] bool due() const noexcept { return due_; }
  /// Writes the answer; false when there was no room.
  [[nodiscard]] bool write(DatagramBatch& out);

  [[nodiscard]] Mono end() const noexcept { return end_; }
  /// Whose place is given up first: the lower one's. Strangers before members, and then the older.
  [[nodiscard]] std::pair<bool, Mono> worth() const noexcept { return {proven_, quiet_until_}; }
  [[nodiscard]] const std::vector<Cid>& cids() const noexcept { return cids_; }

  Timer timer;
  bool dirty = false;

 private:
  std::vector<Cid> cids_;
  std::vector<std::uint8_t> packet_;
  DatagramPath path_;
  Mono quiet_until_;
  bool proven_;
  Mono end_;
  std::uint32_t late_packets_ = 0;
  bool due_ = false;
};

}  // namespace mosaik::quic
