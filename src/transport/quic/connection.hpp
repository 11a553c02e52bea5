#pragma once
/// One live connection: ngtcp2 and TLS below, one stream of frames above. Private to the room.
///
/// It begins with dial() or accept() and ends when ending() tells so: then its owner takes the Ending, keeps what must
/// still be answered (closing_connection.hpp) and destroys it. QUIC's callbacks only change this object and Shared.

#include <memory>
#include <optional>
#include <vector>

#include "transport/quic/address_change.hpp"
#include "transport/quic/connection_memory.hpp"
#include "transport/quic/datagram_size.hpp"
#include "transport/quic/frame_guard.hpp"
#include "transport/quic/inbox.hpp"
#include "transport/quic/outbox.hpp"
#include "transport/quic/packet_watch.hpp"
#include "transport/quic/probe_log.hpp"
#include "transport/quic/shared.hpp"
#include "transport/quic/timer_heap.hpp"
#include "transport/quic/tls_messages.hpp"

namespace mosaik::quic {

/// How a connection ended, and what it leaves behind.
struct Ending {
  CloseInfo info;
  std::vector<std::uint8_t> packet;  ///< CONNECTION_CLOSE to answer late packets with; empty: they get no answer
  DatagramPath path;                 ///< where `packet` goes
  Nanoseconds quiet{};               ///< three probe timeouts (RFC 9000 10.2), limits::farewell_quiet at most
  bool proven = false;               ///< its owner had raised the limit of its frames
  bool send_now = false;             ///< the packet has not been sent yet
};

/// A client's first datagram, with what its address validation token proved.
struct FirstPacket {
  DatagramPath path;
  ngtcp2_pkt_hd header;
  std::optional<Cid> original;  ///< from a valid Retry token
};

class Connection {
 public:
  /// Null when a library is out of memory.
  [[nodiscard]] static std::unique_ptr<Connection> dial(Shared& shared, LinkId link, const DialRequest& request,
                                                        Mono now);
  [[nodiscard]] static std::unique_ptr<Connection> accept(Shared& shared, LinkId link, const FirstPacket& first,
                                                          Mono now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_datagram(Mono now, const DatagramPath& path, BytesView bytes);
  void on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted, Refusal refusal);
  void on_too_big(Mono now, BytesView quoted, const TooBig& what);
  [[nodiscard]] bool sends_to(const SocketAddress& remote) const;
  void on_timer(Mono now);
  /// Writes datagrams; true when there is more to write at once.
  [[nodiscard]] bool write(Mono now, DatagramBatch& out);
  void close(Mono now, CloseCode code, CloseMode mode);
  /// Ends an unfinished incoming handshake whose place another one needs.
  void give_way(Mono now);
  [[nodiscard]] SendResult send(SendClass kind, const Frame& frame);
  void set_frame_limit(std::size_t bytes);
  void probe() noexcept { probe_due_ = opened_; }

  /// The frames that have arrived, and what else there is to tell.
  [[nodiscard]] Inbox& inbox() noexcept { return *inbox_; }
  /// All was taken: gives the peer its credit back.
  void on_inbox_empty();
  void on_active_taken() noexcept { active_queued_ = false; }

  [[nodiscard]] bool opened() const noexcept { return opened_; }
  [[nodiscard]] bool unfinished_incoming() const noexcept { return !is_dialer() && !opened_ && !ending_; }
  [[nodiscard]] const std::optional<Ending>& ending() const noexcept { return ending_; }
  [[nodiscard]] Ending take_ending() { return std::move(*ending_); }
  [[nodiscard]] std::vector<Cid> take_cids() { return std::move(cids_); }
  [[nodiscard]] Mono deadline() const;
  [[nodiscard]] Result<Bytes32> exporter(BytesView label) const;
  [[nodiscard]] LinkStats stats() const;

  Timer timer;
  bool dirty = false;  ///< waits in one of the endpoint's queues for write()

 private:
  // Credit of one stream: what a peer can make us hold out of order. More once its owner raised the frame limit, which
  // it does for proven members.
  static constexpr std::uint64_t stranger_window = 256U << 10U;
  static constexpr std::uint64_t member_window = 1U << 20U;

  struct Departure {
    CloseCode code;
    Mono deadline;
  };
  struct Callbacks;
  class Probing;

  Connection(Shared& shared, LinkId link, Side side, const DatagramPath& path, Mono now);
  void configure(ngtcp2_settings& settings, ngtcp2_transport_params& parameters, Mono now) const;
  void keep_alive_after(Nanoseconds silence) noexcept;
  [[nodiscard]] bool start_client(const DialRequest& request, Mono now);
  [[nodiscard]] bool start_server(const FirstPacket& first, Mono now);
  [[nodiscard]] Cid issue_cid();

  /// Where a datagram came from, as far as this link is concerned.
  enum class Whence : std::uint8_t {
    home,       ///< the link's address, or one that was dialled and may still become it
    elsewhere,  ///< another one: read, and never answered there
    nowhere,    ///< another one, before the link is open: not read (RFC 9000 9)
  };
  [[nodiscard]] Whence whence(const SocketAddress& from) const noexcept;
  /// The datagram held an authentic packet.
  void on_authentic(Mono now, Whence from, const SocketAddress& remote);
  void on_read_error(Mono now, int error);
  void on_draining(Mono now);
  void open(Mono now);
  void report();
  void leave_if_flushed(Mono now);
  void watch_for_loss(Mono now);
  void watch_for_black_hole(Mono now);
  /// `quoted` begins as a datagram of this link does: only who has seen one can know.
  [[nodiscard]] bool is_quoted(BytesView quoted) const;
  [[nodiscard]] std::string explain_timeout() const;
  [[nodiscard]] bool count_peer();
  /// As a dialer: packets are out, and nothing at all has come back.
  [[nodiscard]] bool unanswered_dial() const noexcept { return is_dialer() && !answered_ && sent_ > 0; }
  /// As a careful one, that does not repeat its first packet.
  [[nodiscard]] bool waits_for_answer() const noexcept { return once_ && unanswered_dial(); }

  /// Size of the next datagram, written into `room`; empty when there is none.
  [[nodiscard]] std::optional<std::size_t> write_packet(Mono now, std::span<std::uint8_t> room);
  [[nodiscard]] BytesView next_stream_bytes();
  void pace(Mono now, std::size_t written);
  [[nodiscard]] std::size_t datagram_limit() const;

  void end(Mono now, ClosedBy by, CloseInfo info, const compat::CloseError* error);
  void end_by_error(Mono now, int error);
  void end_by_violation(Mono now);
  void end_moved(Mono now);
  void end_stuck(Mono now);
  void end_silently(Mono now, ClosedBy by, std::string reason, bool refused = false);
  [[nodiscard]] std::vector<std::uint8_t> close_packet(Mono now, const compat::CloseError& error);
  [[nodiscard]] bool is_dialer() const noexcept { return side_ == Side::initiator; }

  Shared& shared_;
  std::optional<TlsSession> tls_;
  ConnectionMemory memory_;
  ngtcp2_conn* quic_ = nullptr;
  Side side_;
  // Where its datagrams go; QUIC sees one fixed path. Of one that we dialled our own address is left to the kernel, so
  // that a host that moves to another network keeps it; of one that we accepted it is that of the first datagram.
  DatagramPath path_;
  AddressChange change_;
  FrameGuard guard_;
  TlsMessages messages_;
  std::optional<FrameGuard::Violation> violation_;  // for which the link must end
  std::vector<Cid> cids_;                           // that lead here, the client's first one included
  std::vector<Cid> reset_tokens_;                   // with which the peer could reset this connection
  PacketWatch watch_;
  DatagramSize size_;
  ProbeLog probes_;
  std::unique_ptr<Inbox> inbox_;
  Outbox outbox_;
  std::optional<Ending> ending_;
  std::optional<Departure> departure_;
  std::optional<PeerId> counted_peer_;
  std::int64_t stream_ = -1;
  Mono handshake_deadline_;
  Mono last_sent_{};
  Mono last_heard_{};
  Mono now_{};  // of the call that is under way
  std::uint32_t packets_until_key_update_ = 0;
  std::size_t unpaced_ = 0;       // bytes written since the pace was last set
  std::uint32_t unanswered_ = 0;  // datagrams since last_heard_
  Nanoseconds idle_timeout_ = limits::quic_idle_timeout;
  Nanoseconds keep_alive_ = limits::quic_keep_alive;
  std::size_t sent_ = 0;  // bytes of datagrams, until the link is open
  bool once_ = false;
  bool too_narrow_ = false;  // somebody said that the path carries no datagrams of the size that QUIC begins with
  bool answered_ = false;
  bool probe_due_ = false;
  bool opened_ = false;
  bool ready_ = false;  // both keys are proven, LinkOpened is due
  bool frames_queued_ = false;
  bool active_queued_ = false;
  bool wide_ = false;
  bool widened_ = false;
  bool reset_received_ = false;
  bool keys_prepared_ = false;
  bool tls_complete_ = false;  // as initiator: its Finished is the next thing to be sent
};

}  // namespace mosaik::quic
