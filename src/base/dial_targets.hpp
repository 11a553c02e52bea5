#pragma once
/// DialTargets: which addresses a dial may go to, whoever names them.
///
/// Never to many receivers at once, never to nowhere, never to ourselves under another name; and to loopback only when
/// it is sure to mean this computer for the one who told: we are reachable there alone, or the peer has spoken to us
/// from this computer. An entry from afar could otherwise aim us at services that listen for this computer alone.

#include <cstdint>
#include <string_view>
#include <vector>

#include <mosaik/types/address.hpp>

namespace mosaik {

/// Where a peer is, as far as a handshake with it has shown.
enum class PeerPlace : std::uint8_t { unknown, this_computer };

/// An IPv4 address that is written as an IPv6 one (RFC 4291 2.5.5.2) leads to the same place.
[[nodiscard]] SocketAddress unmapped(const SocketAddress& address);

class DialTargets {
 public:
  /// `listening`: our sockets as bound; `reachable`: where others dial us.
  void set_own(const std::vector<SocketAddress>& listening, const std::vector<SocketAddress>& reachable);

  /// Why the address may not be dialed, in words; empty: it may.
  [[nodiscard]] std::string_view objection(const SocketAddress& address, PeerPlace place) const;
  /// A datagram to the address comes to one of our sockets.
  [[nodiscard]] bool is_own(const SocketAddress& address) const;
  /// A peer that speaks to us from there is on this computer.
  [[nodiscard]] bool is_here(const SocketAddress& remote) const;

 private:
  std::vector<SocketAddress> listening_;
  std::vector<SocketAddress> reachable_;
  bool local_ = false;  ///< we have no other address than loopback
};

}  // namespace mosaik
