#pragma once
/// One live connection: ngtcp2 and TLS below, one stream of frames above. Private to the room.
///
/// It begins with dial() or accept() and ends when ending() tells so: then its owner takes the Ending, keeps what must
/// still be answered (closing_connection.hpp) and destroys it. QUIC's callbacks only change this object and Shared.

#include <memory>
#include <optional>
#include <vector>

#include "base/timer_heap.hpp"
#include "transport/quic/connection/connection_ids.hpp"
#include "transport/quic/connection/handshake_progress.hpp"
#include "transport/quic/connection/link_stream.hpp"
#include "transport/quic/path/address_change.hpp"
#include "transport/quic/path/datagram_size.hpp"
#include "transport/quic/path/peer_liveness.hpp"
#include "transport/quic/tls/connection_memory.hpp"
#include "transport/quic/tls/packet_inspection.hpp"

namespace mosaik::quic {

/// How a connection ended, and what it leaves behind.
struct Ending {
  CloseInfo info{};
  std::vector<std::uint8_t> packet{};  ///< CONNECTION_CLOSE to answer late packets with; empty: they get no answer
  DatagramPath path{};                 ///< where `packet` goes
  Nanoseconds quiet{};                 ///< three probe timeouts (RFC 9000 10.2), limits::farewell_quiet at most
  bool was_open = false;
  bool proven = false;    ///< its owner had raised the limit of its frames
  bool send_now = false;  ///< the packet has not been sent yet
};

/// A client's first datagram, with what its address validation token proved.
struct FirstPacket {
  DatagramPath path;
  ngtcp2_pkt_hd header;
  std::optional<Cid> original;  ///< from a valid Retry token
};

/// When the keys of one connection are changed (RFC 9001 6).
class KeySchedule {
 public:
  /// `every`: packets with the same keys; 0: only the peer changes them.
  explicit KeySchedule(std::uint32_t every) noexcept : every_(every), left_(every) {}

  /// A packet of the open link was written. True when the keys are to be changed now.
  [[nodiscard]] bool on_packet() noexcept {
    if (every_ == 0 || --left_ > 0) return false;
    left_ = every_;
    return true;
  }
  /// ngtcp2 asks for the next keys when it has begun to use those that it had prepared, so the first call is no
  /// update. True when it is one.
  [[nodiscard]] bool on_keys_wanted() noexcept { return std::exchange(prepared_, true); }

 private:
  std::uint32_t every_;
  std::uint32_t left_;
  bool prepared_ = false;
};

class Connection {
 public:
  enum class State : std::uint8_t {
    handshaking,
    proven,     ///< both keys are proven; LinkOpened is due
    open,       ///< frames come and go
    departing,  ///< open, and closed as soon as all that is queued has been acknowledged
    ended,      ///< there is an Ending
  };

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
  [[nodiscard]] const SocketAddress& remote() const noexcept { return path_.remote; }
  void on_timer(Mono now);
  /// Writes datagrams; true when there is more to write at once.
  [[nodiscard]] bool write(Mono now, DatagramBatch& out);
  void close(Mono now, CloseCode code, CloseMode mode);
  /// Ends an unfinished incoming handshake whose place another one needs.
  void give_way(Mono now);
  [[nodiscard]] SendResult send(SendClass kind, const Frame& frame);
  void set_frame_limit(std::size_t bytes) noexcept { stream_.set_frame_limit(bytes); }
  void probe() noexcept {
    if (is_open()) liveness_.ask_for_probe();
  }

  /// The frames that have arrived, and what else there is to tell.
  [[nodiscard]] Inbox& inbox() noexcept { return stream_.inbox(); }
  /// All was taken: gives the peer its credit back.
  void on_inbox_empty();
  void on_active_taken() noexcept { queued_.active = false; }

  [[nodiscard]] bool is_open() const noexcept { return state_ == State::open || state_ == State::departing; }
  [[nodiscard]] bool has_ended() const noexcept { return state_ == State::ended; }
  [[nodiscard]] bool is_unfinished_incoming() const noexcept { return !is_dialer() && !is_open() && !has_ended(); }
  [[nodiscard]] Ending take_ending();
  [[nodiscard]] ConnectionIds& ids() noexcept { return ids_; }
  [[nodiscard]] const ConnectionIds& ids() const noexcept { return ids_; }
  /// The peer whose number of accepted links this one is counted in.
  [[nodiscard]] const std::optional<PeerId>& counted_peer() const noexcept { return counted_peer_; }
  [[nodiscard]] Mono deadline() const;
  [[nodiscard]] Result<Bytes32> exporter(BytesView label) const;
  [[nodiscard]] LinkStats stats() const;
  void check_invariants() const;

  Timer<LinkId> timer;
  bool dirty = false;  ///< waits in one of the endpoint's queues for write()

 private:
  struct Departure {
    CloseCode code;
    Mono deadline;
  };
  struct Callbacks;
  class Probing;

  Connection(Shared& shared, LinkId link, HandshakeProgress::Begun begun, const DatagramPath& path, Mono now);
  void configure(ngtcp2_settings& settings, ngtcp2_transport_params& parameters, Nanoseconds idle_timeout,
                 Mono now) const;
  void keep_alive_after(Nanoseconds silence) noexcept;
  [[nodiscard]] bool start_client(const DialRequest& request, Mono now);
  [[nodiscard]] bool start_server(const FirstPacket& first, Mono now);
  /// The one way to another state. Asserts that `next` may follow.
  void enter(State next);
  void on_proven();

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
  [[nodiscard]] bool count_peer();
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

  /// Events of this link that wait in the endpoint's queue: one of each kind is enough.
  struct Queued {
    bool frames = false;
    bool active = false;
  };

  Shared& shared_;
  std::optional<TlsSession> tls_;
  ConnectionMemory memory_;
  ngtcp2_conn* quic_ = nullptr;
  Side side_;
  State state_ = State::handshaking;
  // Where its datagrams go; QUIC sees one fixed path. Of one that we dialled our own address is left to the kernel, so
  // that a host that moves to another network keeps it; of one that we accepted it is that of the first datagram.
  DatagramPath path_;
  AddressChange change_;
  DatagramSize size_;
  HandshakeProgress handshake_;
  ConnectionIds ids_;
  PacketInspection inspection_;
  PeerLiveness liveness_;
  KeySchedule keys_;
  LinkStream stream_;
  Queued queued_;
  std::optional<Departure> departure_;
  std::optional<PeerId> counted_peer_;
  std::optional<Ending> ending_;
  Mono now_{};               // of the call that is under way
  std::size_t unpaced_ = 0;  // bytes written since the pace was last set
  Nanoseconds keep_alive_ = limits::quic_keep_alive;
};

}  // namespace mosaik::quic
