#pragma once
/// What remains of connections that ended: RFC 9000 10.2's closing and draining periods, without keys.
///
/// A connection that we closed, or that fell silent, answers late packets with its CONNECTION_CLOSE for as long as the
/// peer may still believe in it (its idle time), not just for three probe timeouts: after that only a stateless reset
/// could answer, and a reset tells the peer that our process is another one. There are limits::closing_connections at
/// most: those of strangers make room first, and then the older.

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/datagram.hpp"
#include "base/limits.hpp"
#include "transport/quic/connection/connection.hpp"

namespace mosaik::quic {

class ClosingConnection {
 public:
  ClosingConnection(LinkId link, Mono now, Ending ending, std::vector<Cid> routes)
      : timer(link),
        routes_(std::move(routes)),
        packet_(std::move(ending.packet)),
        path_(ending.path),
        quiet_until_(now + ending.quiet),
        proven_(ending.proven),
        end_(ending.was_open && !packet_.empty() ? std::max(quiet_until_, now + limits::quic_idle_timeout)
                                                 : quiet_until_),
        due_(ending.send_now && !packet_.empty()) {}

  /// A late packet. Answers become rarer, so that two closing ends fall silent (RFC 9000 10.2.1).
  void on_datagram() noexcept {
    const std::uint32_t count = ++late_packets_;
    if (!packet_.empty() && (count & (count - 1)) == 0) due_ = true;
  }
  [[nodiscard]] bool is_due() const noexcept { return due_; }
  /// Writes the answer; false when there was no room.
  [[nodiscard]] bool write(DatagramBatch& out);

  [[nodiscard]] Mono end() const noexcept { return end_; }
  /// The lower one makes room first: strangers before members, and then the older.
  [[nodiscard]] std::tuple<bool, Mono, LinkId> worth() const noexcept { return {proven_, quiet_until_, timer.owner}; }
  [[nodiscard]] const std::vector<Cid>& routes() const noexcept { return routes_; }

  Timer<LinkId> timer;
  bool dirty = false;  ///< waits in the queue of those that have an answer to write

 private:
  std::vector<Cid> routes_;
  std::vector<std::uint8_t> packet_;
  DatagramPath path_;
  Mono quiet_until_;
  bool proven_;
  Mono end_;
  std::uint32_t late_packets_ = 0;
  bool due_ = false;
};

/// All of an endpoint.
class ClosingConnections {
 public:
  /// `timers` has the end of each, by its link.
  ClosingConnections(Shared& shared, TimerHeap<LinkId>& timers) noexcept : shared_(shared), timers_(timers) {}

  void add(Mono now, LinkId link, Ending ending, std::vector<Cid> routes);
  /// A late packet of the link; nothing when the link is not one of these.
  void on_datagram(LinkId link);
  /// The time of the link is over; nothing when it is not one of these.
  void on_timer(LinkId link);
  /// Writes what is due; false when not all found room.
  [[nodiscard]] bool write(DatagramBatch& out);

  [[nodiscard]] std::size_t size() const noexcept { return closing_.size(); }
  /// Connection ids that lead here.
  [[nodiscard]] std::size_t routes() const noexcept;
  void check_invariants() const;

 private:
  using Map = std::map<LinkId, ClosingConnection>;
  void mark(ClosingConnection& closing);
  void forget(Map::iterator closing);

  Shared& shared_;
  TimerHeap<LinkId>& timers_;
  Map closing_;
  std::set<std::tuple<bool, Mono, LinkId>> by_worth_;
  Ring<LinkId> due_;
};

}  // namespace mosaik::quic
