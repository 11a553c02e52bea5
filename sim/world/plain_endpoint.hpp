#pragma once
/// The fast tier's transport: the services of transport/quic over simulated datagrams, without cryptography. It keeps
/// what the rooms above rely on: links prove keys in both directions, the acceptor's end opens half a round trip before
/// the dialer's, frames are whole and in order, exporter values are equal at both ends and of one session alone, an end
/// that is gone answers late packets with its close, and a process that is gone with a stateless reset made from its
/// key.

#include <deque>
#include <memory>
#include <optional>
#include <variant>

#include "base/random.hpp"
#include "crypto/ed25519.hpp"
#include "link/transport.hpp"
#include "sim/world/plain_connection.hpp"

namespace mosaik::sim {

class PlainEndpoint final : public Transport {
 public:
  PlainEndpoint(const crypto::SecretKey& key, const Rng& rng);

  // Transport and Links: see there.
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override;
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) override;
  void probe(LinkId link) override;
  void on_timer(const Now& now) override;
  bool advance(const Now& now) override;
  [[nodiscard]] std::optional<LinkEvent> next_event() override;
  bool transmit(const Now& now, DatagramBatch& out) override;
  [[nodiscard]] Mono next_deadline() const override;
  [[nodiscard]] const EndpointCounters& counters() const noexcept override { return counters_; }
  [[nodiscard]] std::size_t connections() const noexcept override { return live_.size(); }
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override;
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override;
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override;
  void set_frame_limit(LinkId link, std::size_t bytes) override;
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override;
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override;

 private:
  using Connection = PlainConnection;
  struct ClosingConnection {
    Mono until;
    std::vector<std::uint8_t> packet;  ///< empty: late packets get no answer
    DatagramPath path;
    unsigned late = 0;
  };
  struct FramesReady {
    LinkId link;
  };
  struct Ended {
    LinkClosed closed;
    std::unique_ptr<quic::Inbox> rest;
  };
  struct Waiting {
    DatagramPath path;
    std::vector<std::uint8_t> bytes;
  };
  using Queued = std::variant<LinkEvent, FramesReady, Ended>;

  [[nodiscard]] Connection* find(LinkId link) const;
  void accept(Mono now, const DatagramPath& path, const PlainPacket& initial);
  void on_reset(Mono now, const PlainPacket& packet);
  void answer_stranger(const DatagramPath& path, const PlainPacket& packet, std::size_t size);
  /// Takes over what the connection has to tell, and buries it when it has ended.
  void settle(Mono now, Connection& connection);
  void bury(Mono now, Connection& connection);
  [[nodiscard]] Connection::Birth birth(Side side);
  [[nodiscard]] std::uint64_t token_of(PlainCid cid) const;

  PeerId self_;
  Bytes32 reset_key_;
  Rng rng_;
  std::map<LinkId, std::unique_ptr<Connection>> live_;
  std::map<PlainCid, LinkId> cids_;
  std::map<std::pair<SocketAddress, PlainCid>, LinkId> accepted_;  ///< by where an Initial came from
  std::map<PlainCid, ClosingConnection> closing_connections_;
  std::deque<Waiting> backlog_;
  std::deque<Queued> events_;
  std::vector<std::unique_ptr<Connection>> buried_;
  std::unique_ptr<quic::Inbox> told_;  ///< whose last frame may be in somebody's hands
  std::vector<Connection::Outgoing> outgoing_;
  std::size_t written_ = 0;  ///< of outgoing_
  std::uint64_t last_link_ = 0;
  EndpointCounters counters_;
};

}  // namespace mosaik::sim
