#include <algorithm>
#include <array>
#include <utility>

#include "base/limits.hpp"
#include "base/sockaddr.hpp"
#include "transport/quic/connection/callbacks.hpp"
#include "transport/quic/tls/ngtcp2_types.hpp"

namespace mosaik::quic {
namespace {

// Bytes that may leave at once (RFC 9002 7.7).
constexpr std::size_t burst = std::size_t{10} * NGTCP2_MAX_UDP_PAYLOAD_SIZE;

}  // namespace

// ngtcp2 has no call that sends a PING. Its keep-alive sends one whatever the probe timeout's back-off says, when
// nothing was sent or heard for the keep-alive time: for the length of a round that time is next to nothing.
class Connection::Probing {
 public:
  Probing(Connection& connection) noexcept : connection_(connection) {
    if (connection_.liveness_.is_probe_due()) connection_.keep_alive_after(1ns);
  }
  Probing(const Probing&) = delete;
  Probing& operator=(const Probing&) = delete;
  ~Probing() {
    if (!connection_.liveness_.is_probe_due()) return;
    connection_.liveness_.end_probe_round();
    connection_.keep_alive_after(connection_.keep_alive_);
  }

 private:
  Connection& connection_;
};

bool Connection::write(Mono now, DatagramBatch& out) {
  if (has_ended() || handshake_.waits_for_answer()) return false;
  const Callbacks::Calling calling(*this);
  const Probing probing(*this);
  watch_for_black_hole(now);
  const std::size_t largest = datagram_limit();
  // Stopping at the quantum is not "blocked": the rest goes as soon as the other connections had their turn.
  const std::size_t quantum = std::max(ngtcp2_conn_get_send_quantum(quic_), largest);
  std::size_t written = 0;
  bool more = false;
  for (;;) {
    // A packet that ngtcp2 has written must go, so there must be room for it before.
    if (written + largest > quantum || out.room().size() < largest) {
      more = true;
      break;
    }
    // A probe asks whether the peer lives: what the path does to large datagrams is another question.
    const std::size_t most =
        liveness_.is_probe_due() && written == 0 ? std::min(largest, DatagramSize::small) : largest;
    const std::optional<std::size_t> packet = write_packet(now, out.room().first(most));
    if (!packet) break;
    written += *packet;
    size_.on_written(now, *packet, stream_.outbox().sent_bytes());
    liveness_.on_datagram_written();
    if (liveness_.is_probe_due()) liveness_.on_probe_written(now, out.room().first(*packet));
    out.commit(path_, *packet);
    ++shared_.counters.datagrams_sent;
    if (!is_open()) handshake_.on_written(*packet);
    if (handshake_.waits_for_answer()) break;
  }
  if (has_ended() || written == 0) return more && !has_ended();
  if (compat::facts_of(quic_).in_flight > 0) liveness_.on_asked(now);
  pace(now, written);
  return more;
}

std::size_t Connection::datagram_limit() const {
  return size_.limit(is_open(), ngtcp2_conn_get_max_tx_udp_payload_size(quic_));
}

// A pacing timer for every small write would wake the node once more for each Ping that it sends or answers.
void Connection::pace(Mono now, std::size_t written) {
  unpaced_ += written;
  if (unpaced_ < burst || ngtcp2_conn_get_handshake_completed(quic_) == 0 || !compat::may_pace(quic_)) return;
  unpaced_ = 0;
  ngtcp2_conn_update_pkt_tx_time(quic_, stamp(now));
}

BytesView Connection::next_stream_bytes() {
  if (!is_open()) return {};
  const BytesView bytes = stream_.outbox().next();
  if (bytes.empty()) return {};
  if (!stream_.is_open()) {
    // The initiator's stream begins with its first frame; the acceptor has to wait for that.
    std::int64_t id = -1;
    if (!is_dialer() || ngtcp2_conn_open_bidi_stream(quic_, &id, nullptr) != 0) return {};
    MOSAIK_ASSERT(stream_.adopt(id));
  }
  if (ngtcp2_conn_get_max_data_left(quic_) == 0 || ngtcp2_conn_get_max_stream_data_left(quic_, stream_.id()) == 0)
    return {};
  return bytes;
}

std::optional<std::size_t> Connection::write_packet(Mono now, std::span<std::uint8_t> room) {
  ngtcp2_pkt_info info{};
  bool blocked = false;
  for (;;) {
    const BytesView bytes = blocked ? BytesView() : next_stream_bytes();
    // ngtcp2_vec is not const; the library only reads.
    const ngtcp2_vec vector{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        quic_, nullptr, &info, room.data(), room.size(), &taken,
        bytes.empty() ? NGTCP2_WRITE_STREAM_FLAG_NONE : NGTCP2_WRITE_STREAM_FLAG_MORE,
        bytes.empty() ? -1 : stream_.id(), bytes.empty() ? nullptr : &vector, bytes.empty() ? 0 : 1, stamp(now));
    if (taken > 0) stream_.outbox().sent(static_cast<std::size_t>(taken));
    switch (size) {
      case 0: return std::nullopt;
      case NGTCP2_ERR_WRITE_MORE: continue;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED: blocked = true; continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        stream_.outbox().abandon();
        blocked = true;
        continue;
      default: break;
    }
    if (size < 0) {
      end_by_error(now, static_cast<int>(size));
      return std::nullopt;
    }
    // Refused while an earlier update is not yet confirmed; then the next round does it.
    if (is_open() && keys_.on_packet()) static_cast<void>(ngtcp2_conn_initiate_key_update(quic_, stamp(now)));
    return static_cast<std::size_t>(size);
  }
}

}  // namespace mosaik::quic
