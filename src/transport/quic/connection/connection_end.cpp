/// How a connection ends: by us, by the peer, by silence, by an error.

#include <algorithm>
#include <string_view>

#include "base/limits.hpp"
#include "base/trace.hpp"
#include "transport/quic/connection/callbacks.hpp"

namespace mosaik::quic {
namespace {

constexpr std::uint64_t crypto_error = 0x100;  // RFC 9001 4.8: 0x0100 to 0x01ff carry a TLS alert

/// What a stranger wrote goes into logs and terminals: printable ASCII, bounded.
std::string printable(BytesView text) {
  std::string out;
  for (const std::uint8_t byte : text.first(std::min(text.size(), limits::close_reason))) {
    out.push_back(byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '?');
  }
  return out;
}

std::string alert_text(std::uint64_t code) {
  const char* const name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(code & 0xffU));
  return name != nullptr ? printable(bytes_of(name)) : "TLS alert " + std::to_string(code & 0xffU);
}

bool is_alert(std::uint64_t code) noexcept {
  return code >= crypto_error && code < 2 * crypto_error;
}

}  // namespace

void Connection::close(Mono now, CloseCode code, CloseMode mode) {
  if (has_ended()) return;
  if (mode == CloseMode::after_flush && is_open() && !stream_.outbox().settled()) {
    if (state_ == State::departing) return;
    departure_ = {code, now + limits::departure_flush};
    return enter(State::departing);
  }
  const std::string_view reason = reason_of(code);
  if (handshake_.is_unanswered())  // it may be nobody's business there
    return end(now, ClosedBy::us,
               {.application = true, .code = static_cast<std::uint64_t>(code), .reason = std::string(reason)}, nullptr);
  compat::CloseError error{};
  compat::set_application_error(error, static_cast<std::uint64_t>(code), bytes_of(reason).data(), reason.size());
  end(now, ClosedBy::us, {.application = true, .code = static_cast<std::uint64_t>(code), .reason = std::string(reason)},
      &error);
}

void Connection::leave_if_flushed(Mono now) {
  if (departure_ && stream_.outbox().settled()) close(now, departure_->code, CloseMode::at_once);
}

void Connection::on_draining(Mono now) {
  if (inspection_.is_reset()) return end(now, ClosedBy::stateless_reset, {.reason = "stateless reset"}, nullptr);
  const compat::CloseError error = compat::received_close(quic_);
  CloseInfo info{.application = compat::is_application(error),
                 .code = error.error_code,
                 .reason = printable(BytesView(error.reason, error.reasonlen))};
  if (info.reason.empty() && !info.application && is_alert(info.code))
    info.reason = "refused: " + alert_text(info.code);
  end(now, ClosedBy::peer, std::move(info), nullptr);
}

void Connection::end_by_error(Mono now, int error) {
  compat::CloseError close{};
  std::uint64_t code = ngtcp2_err_infer_quic_transport_error_code(error);
  std::string reason = ngtcp2_strerror(error);
  if (error == NGTCP2_ERR_CRYPTO) {
    code = crypto_error | ngtcp2_conn_get_tls_alert(quic_);
    reason = tls_->refusal().empty() ? alert_text(code) : std::string(tls_->refusal());
  }
  compat::set_transport_error(close, code);
  end(now, ClosedBy::transport, {.code = code, .reason = std::move(reason), .answered_as = tls_->answered_as()},
      &close);
}

// The guard found it before QUIC acted.
void Connection::end_by_violation(Mono now) {
  compat::CloseError close{};
  const FrameGuard::Violation& why = *inspection_.violation();
  trace([&] {
    return Decision{.component = "quic",
                    .what = "link_ended_by_guard",
                    .reason = why.reason,
                    .peer = counted_peer_.value_or(PeerId{}),
                    .fields = {{{"link", static_cast<std::int64_t>(timer.owner.value)},
                                {"code", static_cast<std::int64_t>(why.code)}}}};
  });
  compat::set_transport_error(close, why.code);
  end(now, ClosedBy::transport, {.code = why.code, .reason = std::string(why.reason)}, &close);
}

void Connection::end_moved(Mono now) {
  compat::CloseError close{};
  compat::set_transport_error(close, NGTCP2_NO_ERROR);
  end(now, ClosedBy::moved, {.reason = "address changed", .moved_to = change_.address()}, &close);
  ending_->send_now = false;  // there is nobody at the link's address
}

// The peer lives, and must not be taken for dead: its own packets and short ones of ours arrive.
void Connection::end_stuck(Mono now) {
  compat::CloseError close{};
  compat::set_transport_error(close, NGTCP2_NO_ERROR);
  end(now, ClosedBy::transport,
      {.reason = "datagrams of 1,200 bytes no longer arrive: the way has got too narrow (an MTU below 1,228)"}, &close);
}

// Nothing is sent now. When the peer still speaks to us later, it is told that the link is gone: a stateless reset
// would say that this process is.
void Connection::end_silently(Mono now, ClosedBy by, std::string reason, bool refused) {
  compat::CloseError close{};
  compat::set_transport_error(close, NGTCP2_NO_ERROR);
  end(now, by, {.reason = std::move(reason), .refused = refused}, is_open() ? &close : nullptr);
  ending_->send_now = false;
}

void Connection::end(Mono now, ClosedBy by, CloseInfo info, const compat::CloseError* error) {
  const bool was_open = is_open();
  Ending out{.was_open = was_open, .proven = stream_.is_proven()};
  // The peer's max_ack_delay, 16 s at most, is part of that: nobody may decide that we remember it for so long.
  out.quiet = std::min(3 * Nanoseconds(static_cast<std::int64_t>(ngtcp2_conn_get_pto(quic_))), limits::farewell_quiet);
  out.path = path_;
  if (error != nullptr) out.packet = close_packet(now, *error);
  out.send_now = !out.packet.empty();
  info.by = was_open || by == ClosedBy::us ? by : ClosedBy::handshake;
  info.sent = was_open ? 0 : handshake_.sent();
  out.info = info;

  if (!was_open) ++shared_.counters.handshakes_failed;
  if (!was_open && !is_dialer()) shared_.incoming.leave(timer.owner);
  if (counted_peer_ && --shared_.accepted[*counted_peer_] == 0) shared_.accepted.erase(*counted_peer_);
  counted_peer_.reset();
  departure_.reset();
  // Nobody knows of an accepted connection that never opened.
  if (was_open || is_dialer()) {
    if (by != ClosedBy::us) shared_.rests.keep(timer.owner, stream_.release_inbox(), stream_.is_proven());
    shared_.events.push_back(Ended{LinkClosed{timer.owner, std::move(info)}});
  }
  ending_ = std::move(out);
  enter(State::ended);
}

Ending Connection::take_ending() {
  MOSAIK_ASSERT(has_ended());
  return std::move(*ending_);
}

std::vector<std::uint8_t> Connection::close_packet(Mono now, const compat::CloseError& error) {
  std::vector<std::uint8_t> out(NGTCP2_MAX_UDP_PAYLOAD_SIZE);
  const ngtcp2_ssize size =
      ngtcp2_conn_write_connection_close(quic_, nullptr, nullptr, out.data(), out.size(), &error,
                                         static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()));
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  out.shrink_to_fit();
  return out;
}

}  // namespace mosaik::quic
