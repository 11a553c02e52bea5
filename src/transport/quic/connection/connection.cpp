// A connection while it lives: what arrives, what its reader takes, time. Its beginning, writing and end have files of
// their own beside this one.

#include "transport/quic/connection/connection.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/sockaddr.hpp"
#include "transport/quic/connection/callbacks.hpp"
#include "transport/quic/tls/ngtcp2_types.hpp"

namespace mosaik::quic {

Connection::Whence Connection::whence(const SocketAddress& from) const noexcept {
  if (from == path_.remote) return Whence::home;
  return is_open() ? Whence::elsewhere : Whence::nowhere;
}

void Connection::enter(State next) {
  const bool follows = [&] {
    switch (next) {
      case State::handshaking: return false;
      case State::proven: return state_ == State::handshaking;
      case State::open: return state_ == State::proven;
      case State::departing: return state_ == State::open;
      case State::ended: return state_ != State::ended;
    }
    return false;
  }();
  MOSAIK_ASSERT(follows);
  state_ = next;
}

void Connection::on_proven() {
  if (state_ == State::handshaking) enter(State::proven);
}

void Connection::on_datagram(Mono now, const DatagramPath& path, BytesView bytes) {
  if (has_ended()) return;
  const Whence from = whence(path.remote);
  if (from == Whence::nowhere) return;
  handshake_.on_datagram();
  now_ = now;
  // ngtcp2 sees one path for the whole life of a connection: it never validates another one, nor moves to it.
  const PathStorage logical(logical_local, logical_remote);
  const ngtcp2_pkt_info info{};
  inspection_.begin_datagram();
  const int failed = [&] {
    const Callbacks::Calling calling(*this);
    return ngtcp2_conn_read_pkt(quic_, &logical.path, &info, bytes.data(), bytes.size(), stamp(now));
  }();
  if (inspection_.is_authentic()) on_authentic(now, from, path.remote);
  if (has_ended()) return;
  if (inspection_.violation()) return end_by_violation(now);  // also where ngtcp2 goes on behind an error
  if (failed == 0 && state_ == State::proven) open(now);
  if (has_ended()) return;
  report();
  if (failed != 0) return on_read_error(now, failed);
  leave_if_flushed(now);
}

void Connection::on_authentic(Mono now, Whence from, const SocketAddress& remote) {
  if (!is_open() || inspection_.is_fresh()) liveness_.on_heard(now);
  if (inspection_.is_fresh()) size_.on_heard(now);
  if (from == Whence::home) {
    change_.on_home();
    return;
  }
  if (!inspection_.is_fresh()) return;  // anybody on the path can repeat a packet
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
  enter(State::open);
  if (!is_dialer()) shared_.incoming.leave(timer.owner);
  ++shared_.counters.handshakes_completed;
  keep_alive_after(keep_alive_);
  shared_.events.push_back(LinkEvent(
      LinkOpened{.link = timer.owner, .peer = *tls_->peer(), .alpn = *alpn, .side = side_, .remote = path_.remote}));
}

bool Connection::count_peer() {
  std::size_t& links = shared_.accepted[*tls_->peer()];
  if (links >= limits::links_per_peer) return false;
  ++links;
  counted_peer_ = tls_->peer();
  return true;
}

void Connection::report() {
  if (!is_open()) return;
  if (inspection_.is_fresh() && !queued_.active) {
    queued_.active = true;
    shared_.events.push_back(LinkEvent(LinkActive{timer.owner}));
  }
  if (stream_.inbox().take_news() && !queued_.frames) {
    queued_.frames = true;
    shared_.events.push_back(FramesReady{timer.owner});
  }
}

void Connection::on_inbox_empty() {
  queued_.frames = false;
  const std::uint64_t credit = stream_.take_credit();
  if (credit == 0 || !stream_.is_open()) return;
  ngtcp2_conn_extend_max_offset(quic_, credit);
  // Fails when the stream is already closed, which needs no credit.
  static_cast<void>(ngtcp2_conn_extend_max_stream_offset(quic_, stream_.id(), credit));
}

SendResult Connection::send(SendClass kind, const Frame& frame) {
  return state_ == State::open ? stream_.outbox().push(kind, frame) : SendResult::closed;
}

void Connection::on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  if (has_ended() || !is_quoted(quoted)) return;
  if (is_open() && refusal == Refusal::path) {
    shared_.events.push_back(LinkEvent(LinkLossy{timer.owner}));
  } else if (is_open()) {
    shared_.events.push_back(LinkEvent(LinkUnreachable{timer.owner, liveness_.probe_sent_at(quoted)}));
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
  if (has_ended() || !is_quoted(quoted)) return;
  const bool below_quic = what.fits > 0 ? what.fits < DatagramSize::small : what.sent <= DatagramSize::small;
  if (below_quic) handshake_.on_too_narrow();
  if (is_open()) size_.on_too_big(now, what, ngtcp2_conn_get_path_max_tx_udp_payload_size(quic_));
}

void Connection::give_way(Mono now) {
  MOSAIK_ASSERT(is_unfinished_incoming());
  end_silently(now, ClosedBy::handshake, "another handshake needed its place");
}

void Connection::on_timer(Mono now) {
  if (has_ended()) return;
  if (!is_open() && handshake_.deadline() <= now)
    return end_silently(now, ClosedBy::handshake, handshake_.explain_timeout(path_.remote));
  if (departure_ && departure_->deadline <= now) return close(now, departure_->code, CloseMode::at_once);
  watch_for_black_hole(now);
  if (is_open() && size_.is_stuck(now)) return end_stuck(now);
  if (handshake_.waits_for_answer() || ngtcp2_conn_get_expiry(quic_) > stamp(now)) return;
  watch_for_loss(now);
  const int failed = ngtcp2_conn_handle_expiry(quic_, stamp(now));
  if (failed == NGTCP2_ERR_IDLE_CLOSE && !is_open())
    return end_silently(now, ClosedBy::handshake, handshake_.explain_timeout(path_.remote));
  if (failed == NGTCP2_ERR_IDLE_CLOSE) return end_silently(now, ClosedBy::idle, "nothing was heard for the idle time");
  if (failed != 0) return end_by_error(now, failed);
}

// Other packets than large ones may arrive all the time: their acknowledgements say nothing of these.
void Connection::watch_for_black_hole(Mono now) {
  if (!is_open() || !size_.is_awaiting()) return;
  const Nanoseconds timeout(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_)));
  if (size_.is_overdue(now, timeout)) size_.on_overdue(now, stream_.outbox().sent_bytes());
}

// What was sent is overdue by a whole probe timeout, and nothing else was heard since.
void Connection::watch_for_loss(Mono now) {
  if (!is_open() || compat::facts_of(quic_).in_flight == 0) return;
  const Nanoseconds timeout(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_)));
  if (!liveness_.is_silent(now, timeout)) return;
  size_.on_overdue(now, stream_.outbox().sent_bytes());
  shared_.events.push_back(LinkEvent(LinkLossy{timer.owner}));
}

Mono Connection::deadline() const {
  const ngtcp2_tstamp expiry = handshake_.waits_for_answer() ? UINT64_MAX : ngtcp2_conn_get_expiry(quic_);
  Mono out = expiry >= static_cast<ngtcp2_tstamp>(never.time_since_epoch().count())
                 ? never
                 : Mono(Nanoseconds(static_cast<std::int64_t>(expiry)));
  if (!is_open()) out = std::min(out, handshake_.deadline());
  if (departure_) out = std::min(out, departure_->deadline);
  return out;
}

Result<Bytes32> Connection::exporter(BytesView label) const {
  const std::optional<Alpn> alpn = tls_->alpn();
  if (!is_open() || !alpn) return fail(Errc::not_found, "the link is not open");
  return tls_->exporter(label, bytes_of(alpn->text()));
}

LinkStats Connection::stats() const {
  const compat::PathFacts facts = compat::facts_of(quic_);
  const Outbox& outbox = stream_.outbox();
  return {.smoothed_rtt = Nanoseconds(static_cast<std::int64_t>(facts.sampled ? facts.smoothed_rtt : 0)),
          .least_rtt = Nanoseconds(static_cast<std::int64_t>(facts.least_rtt)),
          .bytes_sent = outbox.sent_bytes(),
          .bytes_received = stream_.inbox().received(),
          .queued = outbox.unsent(),
          .queued_consensus = outbox.waiting(SendClass::consensus),
          .queued_bulk = outbox.waiting(SendClass::bulk),
          .unanswered = liveness_.unanswered(),
          .remote = path_.remote};
}

void Connection::check_invariants() const {
  // Protects the endpoint: a connection without an Ending is never buried, and one with it is never written again.
  MOSAIK_ASSERT(has_ended() == ending_.has_value());
  // Protects what is queued at the end: it is flushed only where a time limit is set for it.
  MOSAIK_ASSERT(departure_.has_value() == (state_ == State::departing));
  // Protects limits::links_per_peer: only an open, accepted link takes one of its peer's places.
  MOSAIK_ASSERT(counted_peer_.has_value() == (is_open() && !is_dialer()));
  // Protects the library: what the guard found ends the link in the same step.
  MOSAIK_ASSERT(!inspection_.violation() || has_ended());
  if (has_ended()) return;
  // Protects strangers' memory bound: nothing is queued for a peer that has proven nothing.
  MOSAIK_ASSERT(is_open() || stream_.outbox().unsent() == 0);
  // Protects the peer: a connection that lives has its keys.
  MOSAIK_ASSERT(quic_ != nullptr && tls_.has_value());
  // Protects strangers' handshakes from waiting for ever.
  MOSAIK_ASSERT(is_open() || handshake_.deadline() != never);
  stream_.check_invariants();
  ids_.check_invariants();
  inspection_.check_invariants();
  size_.check_invariants();
  change_.check_invariants();
}

}  // namespace mosaik::quic
