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
#include <optional>
#include <span>
#include <vector>

#include <mosaik/result.hpp>

#include "base/datagram.hpp"
#include "crypto/ed25519.hpp"
#include "quic/link.hpp"
#include "quic/links.hpp"

namespace mosaik::quic {

struct EndpointConfig {
  Bytes32 random_seed{};  ///< for connection ids, path challenges and tokens: must not be guessable
  bool count_handshakes = false;
  /// Packets of one link after which its keys are changed (RFC 9001 6); 0: only when the peer changes them.
  std::uint32_t key_update_packets = 0;
};

struct EndpointCounters {
  std::uint64_t handshakes_completed = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t retries_sent = 0;
  std::uint64_t dropped_initials = 0;  ///< backlog or connection limit reached
  std::uint64_t stateless_resets_sent = 0;
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_sent = 0;
  std::uint64_t key_updates = 0;  ///< changes of 1-RTT keys, by either side
};

class Endpoint final : public Links {
 public:
  Endpoint(const crypto::SecretKey& key, const EndpointConfig& config);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  /// One datagram (already split from a GRO batch).
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes);
  /// An ICMP unreachable (port, host or net) for a datagram that we sent to `remote`; `quoted` is the start of that
  /// datagram.
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted);
  /// Call when next_deadline() has passed and every datagram that had arrived by then was handed in.
  void on_timer(const Now& now);
  /// Takes up waiting handshakes, at most limits::handshakes_per_step; true when more are waiting.
  bool advance(const Now& now);

  // Links: see there.
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override;
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override;
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override;
  void set_frame_limit(LinkId link, std::size_t bytes) override;
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override;
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override;

  /// The next event, oldest first.
  [[nodiscard]] std::optional<LinkEvent> next_event();
  /// Writes what may be sent now into `out`. Call it after inputs and sends; when `out` is full, send it and call
  /// again: returns true when there is more to write at once.
  bool transmit(const Now& now, DatagramBatch& out);
  /// When on_timer is due; `never` when there is nothing to wait for.
  [[nodiscard]] Mono next_deadline() const;

  [[nodiscard]] const EndpointCounters& counters() const noexcept;
  /// Connections that have not ended; those in their closing period are not counted.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mosaik::quic
