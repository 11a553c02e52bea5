#pragma once
/// The addresses that the peer of an accepted connection has left.
///
/// ngtcp2 follows a peer to a new address, and aborts the process when the peer returns to the old one at the wrong
/// moment: once the new one has answered a challenge that was not of full size, or, on a connection without path MTU
/// discovery, at any time before that (conn_recv_non_probing_pkt_on_new_path in 0.12 and 1.x). So a proven move is for
/// good, and what still comes from the old address is dropped: a peer that goes back dials anew. Before the proof the
/// way back is open, or a packet that somebody copied and sent from elsewhere would cost the link.

#include <algorithm>
#include <vector>

#include <mosaik/address.hpp>

#include "base/limits.hpp"

namespace mosaik::quic {

class FormerAddresses {
 public:
  /// `unproven_too`: every move is for good.
  FormerAddresses(const SocketAddress& current, bool unproven_too) : current_(current), unproven_too_(unproven_too) {}

  /// QUIC sends to `address` now.
  void on_current(const SocketAddress& address) {
    if (address == current_) return;
    const auto before = std::ranges::find(left_, address, &Left::address);
    const bool returned = before != left_.end();
    left_.erase(before, left_.end());
    if (!returned) left_.push_back({current_, unproven_too_});
    current_ = address;
  }
  /// The peer has answered a challenge at its current address.
  void on_proven() {
    for (Left& each : left_) each.for_good = true;
  }
  /// Nothing is taken from there any more.
  [[nodiscard]] bool closed(const SocketAddress& from) const {
    return std::ranges::any_of(left_, [&](const Left& each) { return each.for_good && each.address == from; });
  }
  [[nodiscard]] bool none() const noexcept { return left_.empty(); }
  [[nodiscard]] bool full() const noexcept { return left_.size() > limits::peer_moves; }

 private:
  struct Left {
    SocketAddress address;
    bool for_good = false;
  };
  SocketAddress current_;
  std::vector<Left> left_;
  bool unproven_too_;
};

}  // namespace mosaik::quic
