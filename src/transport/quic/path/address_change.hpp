#pragma once
/// AddressChange: whether the peer of an open link still sends from the address that the link was opened with.
///
/// A link never moves. Somebody on the path can copy packets and send them from an address of its own; an answer to
/// that address would hand the link to it (RFC 9000 9.3.3). So datagrams from elsewhere are read, and never answered
/// there. When authentic packets come only from elsewhere for `patience`, the peer has another address: the link ends,
/// and whoever owns it dials anew. One copied packet, whose original was lost, is not enough: a packet must come from
/// elsewhere after that time as well.

#include <optional>

#include <mosaik/types/address.hpp>

#include "base/assert.hpp"
#include "base/now.hpp"

namespace mosaik::quic {

class AddressChange {
 public:
  static constexpr Nanoseconds patience = std::chrono::milliseconds(250);

  /// An authentic packet came from the link's own address. It may be a repetition: its copy may have been faster.
  void on_home() noexcept { since_.reset(); }
  /// A new authentic packet came from another address. True when it is the first one since on_home(): worth a question
  /// to the link's own address.
  [[nodiscard]] bool on_elsewhere(Mono now, const SocketAddress& from) noexcept {
    const bool first = !since_;
    if (first) since_ = now;
    lately_ = now;
    address_ = from;
    return first;
  }
  /// The peer has moved.
  [[nodiscard]] bool complete() const noexcept { return since_ && lately_ - *since_ >= patience; }
  /// Where its packets came from last.
  [[nodiscard]] const SocketAddress& address() const noexcept { return address_; }
  void check_invariants() const {
    // Protects a link that has not moved: the time counts from the first packet from elsewhere to the last one.
    MOSAIK_ASSERT(!since_ || *since_ <= lately_);
  }

 private:
  std::optional<Mono> since_;
  Mono lately_{};
  SocketAddress address_;
};

}  // namespace mosaik::quic
