#pragma once
/// What a node asks of its transport: datagrams, errors and Now in; datagrams, link events and one deadline out.
/// In production it is the endpoint of transport/quic; the simulator's fast tier has one without cryptography.

#include <cstdint>
#include <optional>

#include <mosaik/types/result.hpp>

#include "base/datagram.hpp"
#include "link/links.hpp"

namespace mosaik {

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

class Transport : public Links {
 public:
  virtual ~Transport() = default;

  /// Connections with the ALPN are accepted from now on. Those of known_alpns always are.
  virtual void serve(const Alpn&) {}
  /// One datagram (already split from a GRO batch).
  virtual void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) = 0;
  /// An ICMP unreachable (port, host or net) for a datagram that we sent to `remote`; `quoted` is the start of that
  /// datagram.
  virtual void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) = 0;
  /// A datagram that we sent to `remote` was too big for the way; `quoted` is its start.
  virtual void on_too_big(const Now&, const SocketAddress& /*remote*/, BytesView /*quoted*/, const TooBig&) {}
  /// Call when next_deadline() has passed and every datagram that had arrived by then was handed in.
  virtual void on_timer(const Now& now) = 0;
  /// Takes up waiting handshakes, at most limits::handshakes_per_step; true when more are waiting.
  virtual bool advance(const Now& now) = 0;
  /// Sends something that the peer's transport answers (a PING) with the next round of writing, whatever the back-off
  /// of earlier ones says. A full congestion window keeps it back: then there is unanswered data of ours out there.
  virtual void probe(LinkId link) = 0;
  /// The next event, oldest first.
  [[nodiscard]] virtual std::optional<LinkEvent> next_event() = 0;
  /// Writes what may be sent now into `out`. Call it after inputs and sends; when `out` is full, send it and call
  /// again: returns true when there is more to write at once.
  virtual bool transmit(const Now& now, DatagramBatch& out) = 0;
  /// When on_timer is due; `never` when there is nothing to wait for.
  [[nodiscard]] virtual Mono next_deadline() const = 0;

  [[nodiscard]] virtual const EndpointCounters& counters() const noexcept = 0;
  /// Connections that have not ended; those in their closing period are not counted.
  [[nodiscard]] virtual std::size_t connections() const noexcept = 0;
  /// For tests and the simulator, after each step.
  virtual void check_invariants() const {}
};

}  // namespace mosaik
