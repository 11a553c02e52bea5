// A connection while it lives: what arrives, what its reader takes, time. Its beginning, writing and end have files of
// their own beside this one.

#include "transport/quic/connection.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/sockaddr.hpp"
#include "transport/quic/callbacks.hpp"
#include "transport/quic/ngtcp2_types.hpp"

namespace mosaik::quic {

Connection::Whence Connection::whence(const SocketAddress& from) const noexcept {
  if (from == path_.remote) return Whence::home;
  return opened_ ? Whence::elsewhere : Whence::nowhere;
}

void Connection::on_datagram(Mono now, const DatagramPath& path, BytesView bytes) {
  if (ending_) return;
  const Whence from = whence(path.remote);
  if (from == Whence::nowhere) return;
  answered_ = true;
  now_ = now;
  // ngtcp2 sees one path for the whole life of a connection: it never validates another one, nor moves to it.
  const PathStorage logical(logical_local, logical_remote);
  const ngtcp2_pkt_info info{};
  watch_.begin();
  const int failed = [&] {
    const Callbacks::Calling calling(*this);
    return ngtcp2_conn_read_pkt(quic_, &logical.path, &info, bytes.data(), bytes.size(), stamp(now));
  }();
  if (watch_.authenticated()) on_authentic(now, from, path.remote);
  if (ending_) return;
  if (violation_) return end_by_violation(now);  // also where ngtcp2 goes on behind an error
  if (failed == 0 && ready_ && !opened_) open(now);
  if (ending_) return;
  report();
  if (failed != 0) return on_read_error(now, failed);
  leave_if_flushed(now);
}

void Connection::on_authentic(Mono now, Whence from, const SocketAddress& remote) {
  if (!opened_ || watch_.fresh()) {
    last_heard_ = now;
    unanswered_ = 0;
  }
  if (watch_.fresh()) size_.on_heard(now);
  if (from == Whence::home) {
    change_.on_home();
    return;
  }
  if (!watch_.fresh()) return;  // anybody on the path can repeat a packet
  if (change_.on_elsewhere(now, remote)) probe();
  if (change_.complete()) end_moved(now);
}

void Connection::on_read_error(Mono now, int error) {
  switch (error) {
    case NGTCP2_ERR_DRAINING: return on_draining(now);
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY: return end_silently(now, ClosedBy::handshake, "no valid first packet");
    default: return end_by_error(now, error);
  }
}

void Connection::open(Mono now) {
  const std::optional<Alpn> alpn = tls_->alpn();
  if (!tls_->peer() || !alpn) return end_by_error(now, NGTCP2_ERR_INTERNAL);
  if (!is_dialer() && !count_peer()) {
    compat::CloseError error{};
    compat::set_transport_error(error, NGTCP2_CONNECTION_REFUSED);
    return end(now, ClosedBy::handshake, {.code = NGTCP2_CONNECTION_REFUSED, .reason = "too many links of one peer"},
               &error);
  }
  opened_ = true;
  if (!is_dialer()) shared_.incoming.leave(timer.link);
  ++shared_.counters.handshakes_completed;
  keep_alive_after(keep_alive_);
  shared_.events.push_back(LinkEvent(
      LinkOpened{.link = timer.link, .peer = *tls_->peer(), .alpn = *alpn, .side = side_, .remote = path_.remote}));
}

bool Connection::count_peer() {
  std::size_t& links = shared_.accepted[*tls_->peer()];
  if (links >= limits::links_per_peer) return false;
  ++links;
  counted_peer_ = tls_->peer();
  return true;
}

void Connection::report() {
  if (!opened_) return;
  if (watch_.fresh() && !active_queued_) {
    active_queued_ = true;
    shared_.events.push_back(LinkEvent(LinkActive{timer.link}));
  }
  if (inbox_->take_news() && !frames_queued_) {
    frames_queued_ = true;
    shared_.events.push_back(FramesReady{timer.link});
  }
}

void Connection::on_inbox_empty() {
  frames_queued_ = false;
  std::uint64_t credit = inbox_->take_credit();
  if (wide_ && !widened_ && stream_ >= 0) {
    widened_ = true;
    credit += member_window - stranger_window;
  }
  if (credit == 0 || stream_ < 0) return;
  ngtcp2_conn_extend_max_offset(quic_, credit);
  // Fails when the stream is already closed, which needs no credit.
  static_cast<void>(ngtcp2_conn_extend_max_stream_offset(quic_, stream_, credit));
}

void Connection::set_frame_limit(std::size_t bytes) {
  inbox_->set_limit(bytes);
  wide_ = wide_ || bytes > limits::handshake_frame;
}

SendResult Connection::send(SendClass kind, const Frame& frame) {
  if (!opened_ || departure_ || ending_) return SendResult::closed;
  return outbox_.push(kind, frame);
}

void Connection::on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  if (ending_ || !is_quoted(quoted)) return;
  if (opened_ && refusal == Refusal::path) {
    shared_.events.push_back(LinkEvent(LinkLossy{timer.link}));
  } else if (opened_) {
    shared_.events.push_back(LinkEvent(LinkUnreachable{timer.link, probes_.sent_at(quoted)}));
  } else if (is_dialer() && remote == path_.remote) {
    const bool nobody = refusal == Refusal::port;
    end_silently(now, ClosedBy::handshake,
                 nobody ? "no one listens at " + remote.text()
                        : "no way leads to " + remote.text() + " (its host or network is unreachable)",
                 nobody);
  }
}

bool Connection::is_quoted(BytesView quoted) const {
  const ngtcp2_cid* const peer = ngtcp2_conn_get_dcid(quic_);
  const bool is_long = !quoted.empty() && (quoted[0] & 0x80U) != 0;
  const std::size_t at = is_long ? 6 : 1;
  if (quoted.size() < at + peer->datalen || (is_long && quoted[5] != peer->datalen)) return false;
  return std::ranges::equal(quoted.subspan(at, peer->datalen), BytesView(peer->data, peer->datalen));
}

void Connection::on_too_big(Mono now, BytesView quoted, const TooBig& what) {
  if (ending_ || !is_quoted(quoted)) return;
  const bool below_quic = what.fits > 0 ? what.fits < DatagramSize::small : what.sent <= DatagramSize::small;
  too_narrow_ = too_narrow_ || below_quic;
  if (opened_) size_.on_too_big(now, what, ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_));
}

bool Connection::sends_to(const SocketAddress& remote) const {
  return path_.remote == remote;
}

void Connection::give_way(Mono now) {
  MOSAIK_ASSERT(unfinished_incoming());
  end_silently(now, ClosedBy::handshake, "another handshake needed its place");
}

void Connection::on_timer(Mono now) {
  if (ending_) return;
  if (!opened_ && handshake_deadline_ <= now) {
    return end_silently(now, ClosedBy::handshake, explain_timeout());
  }
  if (departure_ && departure_->deadline <= now) return close(now, departure_->code, CloseMode::at_once);
  watch_for_black_hole(now);
  if (opened_ && size_.is_stuck(now)) return end_stuck(now);
  if (waits_for_answer() || ngtcp2_conn_get_expiry(quic_) > stamp(now)) return;
  watch_for_loss(now);
  const int failed = ngtcp2_conn_handle_expiry(quic_, stamp(now));
  if (failed == NGTCP2_ERR_IDLE_CLOSE && !opened_) return end_silently(now, ClosedBy::handshake, explain_timeout());
  if (failed == NGTCP2_ERR_IDLE_CLOSE) return end_silently(now, ClosedBy::idle, "nothing was heard for the idle time");
  if (failed != 0) return end_by_error(now, failed);
}

// The first datagrams of both sides have 1,200 bytes (RFC 9000 14.1), what comes after them may be shorter. So a path
// that carries less looks like a peer that begins and never ends.
std::string Connection::explain_timeout() const {
  const std::string remote = path_.remote.text();
  if (too_narrow_) return "datagrams of 1,200 bytes do not fit on the way to " + remote + " (its MTU is below 1,228)";
  if (is_dialer() && !answered_) return "no answer from " + remote;
  return "the handshake with " + remote +
         " began and did not end: full-sized datagrams may be lost on the way (MTU below 1,228)";
}

// Other packets than large ones may arrive all the time: their acknowledgements say nothing of these.
void Connection::watch_for_black_hole(Mono now) {
  if (!opened_ || !size_.is_awaiting()) return;
  const Nanoseconds timeout(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_)));
  if (size_.is_overdue(now, timeout)) size_.on_overdue(now, outbox_.sent_bytes());
}

// What was sent is overdue by a whole probe timeout, and nothing else was heard since.
void Connection::watch_for_loss(Mono now) {
  if (!opened_ || compat::facts_of(quic_).in_flight == 0) return;
  const Nanoseconds timeout(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_)));
  if (now - std::max(last_sent_, last_heard_) < timeout) return;
  size_.on_overdue(now, outbox_.sent_bytes());
  shared_.events.push_back(LinkEvent(LinkLossy{timer.link}));
}

Mono Connection::deadline() const {
  const ngtcp2_tstamp expiry = waits_for_answer() ? UINT64_MAX : ngtcp2_conn_get_expiry(quic_);
  Mono out = expiry >= static_cast<ngtcp2_tstamp>(never.time_since_epoch().count())
                 ? never
                 : Mono(Nanoseconds(static_cast<std::int64_t>(expiry)));
  if (!opened_) out = std::min(out, handshake_deadline_);
  if (departure_) out = std::min(out, departure_->deadline);
  return out;
}

Result<Bytes32> Connection::exporter(BytesView label) const {
  const std::optional<Alpn> alpn = tls_->alpn();
  if (!opened_ || !alpn) return fail(Errc::not_found, "the link is not open");
  return tls_->exporter(label, bytes_of(text_of(*alpn)));
}

LinkStats Connection::stats() const {
  const compat::PathFacts events = compat::facts_of(quic_);
  return {.smoothed_rtt = Nanoseconds(static_cast<std::int64_t>(events.sampled ? events.smoothed_rtt : 0)),
          .least_rtt = Nanoseconds(static_cast<std::int64_t>(events.least_rtt)),
          .bytes_sent = outbox_.sent_bytes(),
          .bytes_received = inbox_->received(),
          .queued = outbox_.unsent(),
          .queued_consensus = outbox_.waiting(SendClass::consensus),
          .queued_bulk = outbox_.waiting(SendClass::bulk),
          .unanswered = unanswered_,
          .remote = path_.remote};
}

}  // namespace mosaik::quic
