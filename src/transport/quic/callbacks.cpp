#include "transport/quic/callbacks.hpp"

#include <algorithm>
#include <utility>

namespace mosaik::quic {
namespace {

thread_local Connection* current = nullptr;

}  // namespace

Connection::Callbacks::Calling::Calling(Connection& connection) noexcept {
  current = &connection;
}
Connection::Callbacks::Calling::~Calling() {
  current = nullptr;
}

ngtcp2_callbacks Connection::Callbacks::table(Side side) {
  ngtcp2_callbacks out{};
  if (side == Side::initiator) {
    out.client_initial = ngtcp2_crypto_client_initial_cb;
    out.recv_retry = on_retry;
    out.handshake_confirmed = on_confirmed;
    out.encrypt = on_encrypt;
    out.recv_rx_key = compat::on_key<on_initiator_key>;
  } else {
    out.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    out.handshake_completed = on_completed;
    out.encrypt = ngtcp2_crypto_encrypt_cb;
    out.recv_tx_key = compat::on_key<on_acceptor_key>;
  }
  out.recv_crypto_data = on_crypto;
  out.decrypt = on_decrypt;
  out.hp_mask = ngtcp2_crypto_hp_mask_cb;
  out.recv_stream_data = on_stream_data;
  out.acked_stream_data_offset = on_acknowledged;
  out.stream_close = on_stream_close;
  out.stream_reset = on_stream_reset;
  out.recv_stateless_reset = on_stateless_reset;
  out.rand = random;
  out.get_new_connection_id = new_cid;
  out.remove_connection_id = remove_cid;
  out.dcid_status = compat::on_peer_cid<on_peer_cid>;
  out.update_key = on_key_update;
  out.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  out.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  out.get_path_challenge_data = path_challenge;
  out.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  return out;
}

void Connection::Callbacks::random(std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context) {
  static_cast<crypto::Drbg*>(context->native_handle)->fill({out, size});
}

int Connection::Callbacks::on_decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                                      const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* sealed,
                                      std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                                      const std::uint8_t* header, std::size_t header_size) {
  MOSAIK_ASSERT(header_size > 0);
  if (current == nullptr) return NGTCP2_ERR_DECRYPT;
  const int failed = ngtcp2_crypto_decrypt_cb(out, aead, context, sealed, size, nonce, nonce_size, header, header_size);
  if (failed != 0) return failed;
  Connection& connection = *current;
  const FrameGuard::Verdict verdict = connection.guard_.inspect({.key = context->native_handle,
                                                                 .nonce = {nonce, nonce_size},
                                                                 .header = {header, header_size},
                                                                 .frames = {out, size - aead->max_overhead}});
  switch (verdict.fate) {
    case FrameGuard::Fate::pass: connection.watch_.on_decrypted(verdict.fresh); return 0;
    case FrameGuard::Fate::drop: return NGTCP2_ERR_DECRYPT;
    case FrameGuard::Fate::end: break;
  }
  connection.violation_ = verdict.why;
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

// G6 of the guard: after TLS is complete an initiator's next Handshake packet carries its Finished.
int Connection::Callbacks::on_encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                                      const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* plain,
                                      std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                                      const std::uint8_t* header, std::size_t header_size) {
  // The integrity tag of a Retry is checked by sealing nothing.
  if (current != nullptr && current->tls_complete_ && size > 0 && packet_space(header[0]) == PacketSpace::handshake)
    current->guard_.on_finished_sent();
  return ngtcp2_crypto_encrypt_cb(out, aead, context, plain, size, nonce, nonce_size, header, header_size);
}

// Rule G7: ngtcp2 asserts that the peer's transport parameters are there once a handshake goes on, and GnuTLS lets one
// go on without them. An address that the peer would rather have is of no use to a link that never moves.
int Connection::Callbacks::on_acceptor_key(ngtcp2_conn* quic, PacketSpace space, void* user) {
  return space == PacketSpace::handshake ? check_parameters(quic, user) : 0;
}
int Connection::Callbacks::on_initiator_key(ngtcp2_conn* quic, PacketSpace space, void* user) {
  if (space != PacketSpace::application) return 0;
  self(user).tls_complete_ = true;
  return check_parameters(quic, user);
}
int Connection::Callbacks::check_parameters(ngtcp2_conn* quic, void* user) {
  constexpr std::uint64_t missing_extension = 0x100 + 109;  // RFC 9001 8.2
  const compat::PeerParameters found = compat::parameters_of(quic);
  if (found == compat::PeerParameters::usable) return 0;
  self(user).violation_ =
      found == compat::PeerParameters::missing
          ? FrameGuard::Violation{missing_extension, "a handshake without QUIC's transport parameters"}
          : FrameGuard::Violation{NGTCP2_TRANSPORT_PARAMETER_ERROR, "a preferred address, which no link moves to"};
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

int Connection::Callbacks::on_crypto(ngtcp2_conn* quic, compat::CryptoLevel level, std::uint64_t offset,
                                     const std::uint8_t* data, std::size_t size, void* user) {
  Connection& connection = self(user);
  switch (connection.messages_.admit(compat::space_of(level), {data, size})) {
    case TlsMessages::Fate::to_library: return ngtcp2_crypto_recv_crypto_data_cb(quic, level, offset, data, size, user);
    case TlsMessages::Fate::discard: return 0;
    case TlsMessages::Fate::refuse: break;
  }
  ngtcp2_conn_set_tls_alert(quic, connection.messages_.alert());
  return NGTCP2_ERR_CRYPTO;
}

int Connection::Callbacks::on_retry(ngtcp2_conn* quic, const ngtcp2_pkt_hd* header, void* user) {
  const int failed = ngtcp2_crypto_recv_retry_cb(quic, header, user);
  if (failed == 0) self(user).watch_.on_retry();
  return failed;
}

// The acceptor has seen the initiator's Finished: both keys are proven.
int Connection::Callbacks::on_completed(ngtcp2_conn*, void* user) {
  self(user).ready_ = true;
  return 0;
}

// Completion does not tell an initiator that its own key was accepted; confirmation does (RFC 9001 4.1.2).
int Connection::Callbacks::on_confirmed(ngtcp2_conn*, void* user) {
  self(user).ready_ = true;
  return 0;
}

int Connection::Callbacks::on_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t,
                                          const std::uint8_t* data, std::size_t size, void* user, void*) {
  Connection& connection = self(user);
  if (connection.stream_ < 0) connection.stream_ = stream;
  // Our transport parameters allow no other stream; ngtcp2 refuses them.
  if (connection.stream_ != stream) return 0;
  if (size > 0) connection.inbox_->on_data({data, size});
  if ((flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0) connection.inbox_->on_end(true);
  return 0;
}

int Connection::Callbacks::on_acknowledged(ngtcp2_conn*, std::int64_t stream, std::uint64_t offset, std::uint64_t size,
                                           void* user, void*) {
  Connection& connection = self(user);
  if (connection.stream_ != stream) return 0;
  connection.outbox_.acknowledged(offset + size);
  connection.size_.on_acknowledged(connection.now_, offset + size);
  return 0;
}

int Connection::Callbacks::on_stream_close(ngtcp2_conn*, std::uint32_t, std::int64_t stream, std::uint64_t, void* user,
                                           void*) {
  Connection& connection = self(user);
  if (connection.stream_ != stream) return 0;
  connection.inbox_->on_end(false);
  connection.outbox_.abandon();
  return 0;
}

int Connection::Callbacks::on_stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t, void* user,
                                           void*) {
  Connection& connection = self(user);
  if (connection.stream_ < 0) connection.stream_ = stream;
  if (connection.stream_ == stream) connection.inbox_->on_end(false);
  return 0;
}

int Connection::Callbacks::on_stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) {
  self(user).reset_received_ = true;
  return 0;
}

int Connection::Callbacks::new_cid(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void* user) {
  Connection& connection = self(user);
  if (size != Cid::own_size) return NGTCP2_ERR_CALLBACK_FAILURE;
  const Cid issued = connection.issue_cid();
  ngtcp2_cid_init(cid, issued.bytes.data(), issued.size);
  std::ranges::copy(connection.shared_.resets.token(issued.view()), token);
  return 0;
}

int Connection::Callbacks::remove_cid(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
  Connection& connection = self(user);
  const Cid retired(BytesView(cid->data, cid->datalen));
  connection.shared_.cids.remove(retired);
  std::erase(connection.cids_, retired);
  return 0;
}

// A stateless reset carries no connection id of ours: it is found by its token (RFC 9000 10.3.1).
int Connection::Callbacks::on_peer_cid(void* user, bool active, const std::uint8_t* token) {
  if (token == nullptr) return 0;
  Connection& connection = self(user);
  const Cid key(BytesView(token, NGTCP2_STATELESS_RESET_TOKENLEN));
  if (active) {
    if (connection.shared_.reset_tokens.add(key, connection.timer.link)) connection.reset_tokens_.push_back(key);
  } else if (std::erase(connection.reset_tokens_, key) > 0) {
    connection.shared_.reset_tokens.remove(key);
  }
  return 0;
}

// ngtcp2 asks for the next keys when it has begun to use those that it had prepared, so the first call is no update.
int Connection::Callbacks::on_key_update(ngtcp2_conn* quic, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                                         ngtcp2_crypto_aead_ctx* rx, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx,
                                         std::uint8_t* tx_iv, const std::uint8_t* old_rx_secret,
                                         const std::uint8_t* old_tx_secret, std::size_t size, void* user) {
  Connection& connection = self(user);
  if (std::exchange(connection.keys_prepared_, true)) ++connection.shared_.counters.key_updates;
  const int failed = ngtcp2_crypto_update_key_cb(quic, rx_secret, tx_secret, rx, rx_iv, tx, tx_iv, old_rx_secret,
                                                 old_tx_secret, size, user);
  if (failed == 0) connection.guard_.on_updated_key(rx->native_handle, {rx_iv, compat::iv_size});
  return failed;
}

int Connection::Callbacks::path_challenge(ngtcp2_conn*, std::uint8_t* data, void* user) {
  self(user).shared_.random.fill({data, NGTCP2_PATH_CHALLENGE_DATALEN});
  return 0;
}

}  // namespace mosaik::quic
