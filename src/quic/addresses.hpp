#pragma once
/// Where a connection's datagrams really go. QUIC sees one fixed path for a connection that we dialled, and the peer's
/// address alone for one that we accepted; which of a peer's addresses answers is settled here. Our own address is left
/// to the kernel, so that a host that moves to another network keeps the links that it dialled.

#include <cstddef>
#include <vector>

#include "base/datagram.hpp"

namespace mosaik::quic {

class DialAddresses {
 public:
  /// Tried together, in this order; repeated ones count once, at most limits::dial_addresses are kept.
  explicit DialAddresses(const std::vector<SocketAddress>& addresses);

  /// RFC 9000 9: a client takes packets only from addresses that it dialled.
  [[nodiscard]] bool admits(const SocketAddress& from) const noexcept;
  /// An authenticated packet came from `remote`; the first selects the address.
  void on_answer(const SocketAddress& remote) noexcept;
  /// Nobody listens there. True when no address is left to hope for.
  [[nodiscard]] bool on_unreachable(const SocketAddress& remote) noexcept;

  [[nodiscard]] bool selected() const noexcept { return selected_; }
  /// Where to send a datagram: the selected address, else every one that is not known to be dead.
  [[nodiscard]] const std::vector<DatagramPath>& targets() const noexcept { return targets_; }

 private:
  std::vector<SocketAddress> candidates_;
  std::vector<DatagramPath> targets_;
  bool selected_ = false;
};

}  // namespace mosaik::quic
