#pragma once
/// Endpoint: leads each datagram to its connection, lets each connection write in its turn, and keeps what they share.
/// Private to the room; quic.hpp is its face.

#include "transport/quic/admission/accept_queue.hpp"
#include "transport/quic/admission/replies.hpp"
#include "transport/quic/endpoint/closing_connections.hpp"
#include "transport/quic/endpoint/event_reader.hpp"

namespace mosaik::quic {

class Endpoint final : public Transport {
 public:
  Endpoint(const crypto::SecretKey& key, const EndpointConfig& config) : shared_(key, config), self_(key.id()) {}

  // Transport and Links: see there.
  void serve(const Alpn& alpn) override { shared_.tls.serve(alpn); }
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override;
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) override;
  void on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) override;
  void on_timer(const Now& now) override;
  bool advance(const Now& now) override;
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override;
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override;
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override;
  void set_frame_limit(LinkId link, std::size_t bytes) override;
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override;
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override;
  void probe(LinkId link) override;
  [[nodiscard]] std::optional<LinkEvent> next_event() override;
  bool transmit(const Now& now, DatagramBatch& out) override;
  [[nodiscard]] Mono next_deadline() const override { return std::min(timers_.next(), reader_.due()); }
  [[nodiscard]] const EndpointCounters& counters() const noexcept override { return shared_.counters; }
  [[nodiscard]] std::size_t connections() const noexcept override { return connections_.size(); }
  void check_invariants() const override;

 private:
  static constexpr std::size_t least_reset = 21;  // RFC 9000 10.3

  /// ngtcp2 asserts that time never runs backwards.
  Mono advance_clock(const Now& now) noexcept { return last_now_ = std::max(last_now_, now.mono); }
  void lead(Mono now, const DatagramPath& path, BytesView bytes);
  /// Something about the connection changed: it wants to write, or it has ended.
  void settle(Mono now, Connection& connection);
  /// The connection that this datagram with an unknown id resets.
  [[nodiscard]] Connection* reset_target(BytesView bytes) const;
  void adopt(Mono now, std::unique_ptr<Connection> connection, const DatagramPath& path, BytesView bytes);
  [[nodiscard]] bool has_room() const noexcept { return connections_.size() < limits::links; }
  void admit_handshake(Mono now, LinkId link, const SocketAddress& from);
  [[nodiscard]] bool write_connections(Mono now, Ring<LinkId>& queue, DatagramBatch& out);

  Shared shared_;
  PeerId self_;
  TimerHeap<LinkId> timers_;
  ConnectionTable connections_;
  ClosingConnections closing_{shared_, timers_};
  EventReader reader_{shared_, connections_};
  Replies replies_{shared_};
  AcceptQueue accept_queue_{shared_, replies_};
  std::uint64_t last_link_ = 0;
  Mono last_now_{};
};

}  // namespace mosaik::quic
