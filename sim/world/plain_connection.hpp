#pragma once
/// One connection of the fast tier: handshake, one reliable stream of frames, acknowledgements, probe timeouts,
/// keep-alive and idle time, as quic::Connection has them. Frames wait in quic's own Outbox and arrive through its
/// Inbox, so that classes, limits and the order of frames are those of production.

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/datagram.hpp"
#include "base/limits.hpp"
#include "sim/world/plain_packet.hpp"
#include "transport/quic/connection/inbox.hpp"
#include "transport/quic/connection/outbox.hpp"
#include "transport/quic/path/address_change.hpp"

namespace mosaik::sim {

class PlainConnection {
 public:
  enum class State : std::uint8_t { opening, open, ended };

  struct Birth {
    LinkId link;
    Side side{};
    PlainCid own;
    Alpn alpn{};
    PeerId self;
    PeerId peer;  ///< as dialer: whom we mean
    Bytes32 random{};
    std::uint64_t reset_token = 0;  ///< what we would reset it with
    DatagramPath path;
    bool once = false;  ///< as dialer: DialRequest::once
  };
  PlainConnection(Birth birth, Mono now);

  /// The dialer's Initial, as acceptor.
  void on_initial(const PlainPacket& initial);
  /// A packet for this connection, its check value not yet looked at.
  void on_packet(Mono now, const DatagramPath& path, const PlainPacket& packet, BytesView datagram);
  void on_reset(Mono now) { end(now, ClosedBy::stateless_reset, {.reason = "stateless reset"}); }
  void on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted);
  void on_timer(Mono now);
  [[nodiscard]] Mono deadline() const;
  void close(Mono now, std::uint64_t code, CloseMode mode);
  SendResult send(SendClass kind, const Frame& frame);
  void probe() { ping_due_ = state_ == State::open; }
  void set_frame_limit(std::size_t bytes) { inbox_->set_limit(bytes); }
  [[nodiscard]] Bytes32 exporter(BytesView label) const;
  [[nodiscard]] LinkStats stats() const;

  struct Outgoing {
    DatagramPath path;
    std::vector<std::uint8_t> bytes;
  };
  /// Writes all that may be sent now.
  void write(Mono now, std::vector<Outgoing>& out);
  /// What late packets are answered with once it has ended.
  [[nodiscard]] std::vector<std::uint8_t> close_packet() const;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Birth& birth() const noexcept { return birth_; }
  [[nodiscard]] const PeerId& peer() const noexcept { return birth_.peer; }
  [[nodiscard]] std::uint64_t peer_token() const noexcept { return peer_token_; }
  [[nodiscard]] bool was_open() const noexcept { return was_open_; }
  [[nodiscard]] bool heard_close() const noexcept { return heard_close_; }

  std::vector<LinkEvent> news;  ///< since the owner last took them; frames are told of by `has_frames`
  std::unique_ptr<quic::Inbox>& inbox() noexcept { return inbox_; }
  void on_active_taken() noexcept { active_told_ = false; }

 private:
  static constexpr std::size_t chunk_bytes = 1200;
  static constexpr Nanoseconds ack_delay = 25ms;
  static constexpr Nanoseconds first_timeout =
      999ms;  ///< three times QUIC's first guess of a round trip (RFC 9002 6.2.2)

  struct Sent {
    Mono time;
    std::uint64_t offset = 0;
    bool carries = false;
  };

  void end(Mono now, ClosedBy by, CloseInfo info);
  void on_data(Mono now, const PlainPacket& packet);
  void on_ack(Mono now, const PlainPacket& packet);
  void take_stream(std::uint64_t offset, BytesView bytes);
  [[nodiscard]] bool note_number(std::uint64_t number);
  void open(Mono now);
  void lose(std::uint64_t number);
  void write_handshake(Mono now, std::vector<Outgoing>& out);
  void write_data(Mono now, std::vector<Outgoing>& out);
  void put(PlainPacket packet, std::vector<Outgoing>& out) const;
  [[nodiscard]] Nanoseconds timeout() const;
  [[nodiscard]] Mono probe_due() const;
  void measure(Nanoseconds rtt);
  [[nodiscard]] std::uint64_t key() const;
  void leave_if_flushed(Mono now);

  quic::AddressChange change_;
  Birth birth_;
  State state_ = State::opening;
  bool was_open_ = false;
  bool heard_close_ = false;
  bool believed_ = false;   ///< dialer: the reply came
  bool say_hello_ = false;  ///< an initial, reply, finished or done is to be sent
  Mono born_;
  Mono hello_at_{};
  unsigned hellos_ = 0;
  PlainCid peer_cid_;
  std::uint64_t peer_token_ = 0;
  Bytes32 secret_{};
  std::uint64_t close_code_ = 0;
  bool close_application_ = false;
  bool send_close_ = false;

  quic::Outbox outbox_;
  std::map<std::uint64_t, BytesView> unacked_;  ///< by offset
  std::set<std::uint64_t> resend_;              ///< offsets
  std::map<std::uint64_t, Sent> flying_;        ///< by packet number
  std::uint64_t next_number_ = 1;
  std::uint64_t next_offset_ = 0;
  unsigned backoff_ = 0;
  bool ping_due_ = false;
  std::size_t unanswered_ = 0;  ///< packets since the last one heard
  Mono last_sent_{};
  Nanoseconds srtt_{};
  Nanoseconds rttvar_{};
  Nanoseconds least_rtt_{};

  std::unique_ptr<quic::Inbox> inbox_ = std::make_unique<quic::Inbox>();
  std::map<std::uint64_t, std::vector<std::uint8_t>> early_;  ///< of the stream, ahead of a gap
  std::uint64_t expected_ = 0;
  std::uint64_t largest_ = 0;
  std::uint64_t seen_ = 0;
  unsigned owed_acks_ = 0;
  Mono ack_at_ = never;
  Mono last_heard_{};
  bool active_told_ = false;
  std::optional<std::pair<std::uint64_t, Mono>> departure_;
};

}  // namespace mosaik::sim
