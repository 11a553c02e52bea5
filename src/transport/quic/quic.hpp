#pragma once
/// quic: one endpoint that dials and accepts, all of its connections, and nothing that touches a socket or a clock.
///
/// Place. Datagrams and Now go in; datagrams, link events and one deadline come out. The rooms above see links
/// (link.hpp) and never QUIC. ngtcp2 with GnuTLS does the protocol; both are included in .cpp files only.
///
/// Life of a connection. A dial, or a client's Initial, makes a connection; it is reported with LinkOpened when the
/// peer's key is proven in both directions, and then owns one bidirectional stream (the initiator's first). It ends
/// with LinkClosed. What remains of it answers late packets with its close for as long as the peer may believe in it
/// (30 s; a connection that the peer closed is only remembered for 3 PTO, RFC 9000 10.2), because a stateless reset
/// would say that this process is another one.
///
/// Order of work. Datagrams of established links are processed as they come. First datagrams of new connections wait
/// in a bounded backlog and are taken up by `advance`, a few at a time, so that a storm of handshakes never delays a
/// bond. The caller hands in all datagrams of a socket read, then pulls events until none is left, then calls
/// `transmit`. Events caused inside one call are queued; nothing calls back.
///
/// Limits: base/limits.hpp, "links". Hostile input costs its sender the link; see docs/THREATS.md.

#include <cstdint>
#include <memory>

#include "base/limits.hpp"
#include "crypto/ed25519.hpp"
#include "link/transport.hpp"

namespace mosaik::quic {

struct EndpointConfig {
  Bytes32 random_seed{};  ///< for connection ids, path challenges and tokens: must not be guessable
  /// Packets of one link after which its keys are changed (RFC 9001 6); 0: only when the peer changes them.
  std::uint32_t key_update_packets = 0;
  /// Bytes of a datagram to a peer on this host; 0: no larger than to any other.
  std::size_t loopback_datagram = limits::loopback_datagram;
};

/// An endpoint for the identity of `key`.
[[nodiscard]] std::unique_ptr<Transport> make_endpoint(const crypto::SecretKey& key, const EndpointConfig& config);

}  // namespace mosaik::quic
