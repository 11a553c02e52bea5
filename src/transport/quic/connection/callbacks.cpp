#include "transport/quic/connection/callbacks.hpp"

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
  const FrameGuard::Fate fate = current->inspection_.on_decrypted({.key = context->native_handle,
                                                                   .nonce = {nonce, nonce_size},
                                                                   .header = {header, header_size},
                                                                   .frames = {out, size - aead->max_overhead}});
  switch (fate) {
    case FrameGuard::Fate::pass: return 0;
    case FrameGuard::Fate::drop: return NGTCP2_ERR_DECRYPT;
    case FrameGuard::Fate::end: break;
  }
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

int Connection::Callbacks::on_encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead,
                                      const ngtcp2_crypto_aead_ctx* context, const std::uint8_t* plain,
                                      std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                                      const std::uint8_t* header, std::size_t header_size) {
  // The integrity tag of a Retry is checked by sealing nothing.
  if (current != nullptr && size > 0) current->inspection_.on_sealed(packet_space(header[0]));
  return ngtcp2_crypto_encrypt_cb(out, aead, context, plain, size, nonce, nonce_size, header, header_size);
}

// Rule G7: ngtcp2 asserts that the peer's transport parameters are there once a handshake goes on, and GnuTLS lets one
// go on without them. An address that the peer would rather have is of no use to a link that never moves.
int Connection::Callbacks::on_acceptor_key(ngtcp2_conn* quic, PacketSpace space, void* user) {
  return space == PacketSpace::handshake ? check_parameters(quic, user) : 0;
}
int Connection::Callbacks::on_initiator_key(ngtcp2_conn* quic, PacketSpace space, void* user) {
  if (space != PacketSpace::application) return 0;
  self(user).inspection_.on_tls_complete();
  return check_parameters(quic, user);
}
int Connection::Callbacks::check_parameters(ngtcp2_conn* quic, void* user) {
  constexpr std::uint64_t missing_extension = 0x100 + 109;  // RFC 9001 8.2
  const compat::PeerParameters found = compat::parameters_of(quic);
  if (found == compat::PeerParameters::usable) return 0;
  self(user).inspection_.refuse(
      found == compat::PeerParameters::missing
          ? FrameGuard::Violation{missing_extension, "a handshake without QUIC's transport parameters"}
          : FrameGuard::Violation{NGTCP2_TRANSPORT_PARAMETER_ERROR, "a preferred address, which no link moves to"});
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

int Connection::Callbacks::on_crypto(ngtcp2_conn* quic, compat::CryptoLevel level, std::uint64_t offset,
                                     const std::uint8_t* data, std::size_t size, void* user) {
  TlsMessages& messages = self(user).inspection_.messages();
  switch (messages.admit(compat::space_of(level), {data, size})) {
    case TlsMessages::Fate::to_library: return ngtcp2_crypto_recv_crypto_data_cb(quic, level, offset, data, size, user);
    case TlsMessages::Fate::discard: return 0;
    case TlsMessages::Fate::refuse: break;
  }
  ngtcp2_conn_set_tls_alert(quic, messages.alert());
  return NGTCP2_ERR_CRYPTO;
}

int Connection::Callbacks::on_retry(ngtcp2_conn* quic, const ngtcp2_pkt_hd* header, void* user) {
  const int failed = ngtcp2_crypto_recv_retry_cb(quic, header, user);
  if (failed == 0) self(user).inspection_.on_retry();
  return failed;
}

// The acceptor has seen the initiator's Finished: both keys are proven.
int Connection::Callbacks::on_completed(ngtcp2_conn*, void* user) {
  self(user).on_proven();
  return 0;
}

// Completion does not tell an initiator that its own key was accepted; confirmation does (RFC 9001 4.1.2).
int Connection::Callbacks::on_confirmed(ngtcp2_conn*, void* user) {
  self(user).on_proven();
  return 0;
}

int Connection::Callbacks::on_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t,
                                          const std::uint8_t* data, std::size_t size, void* user, void*) {
  LinkStream& link = self(user).stream_;
  if (!link.adopt(stream)) return 0;
  if (size > 0) link.inbox().on_data({data, size});
  if ((flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0) link.inbox().on_end(true);
  return 0;
}

int Connection::Callbacks::on_acknowledged(ngtcp2_conn*, std::int64_t stream, std::uint64_t offset, std::uint64_t size,
                                           void* user, void*) {
  Connection& connection = self(user);
  if (!connection.stream_.is(stream)) return 0;
  connection.stream_.outbox().acknowledged(offset + size);
  connection.size_.on_acknowledged(connection.now_, offset + size);
  return 0;
}

int Connection::Callbacks::on_stream_close(ngtcp2_conn*, std::uint32_t, std::int64_t stream, std::uint64_t, void* user,
                                           void*) {
  LinkStream& link = self(user).stream_;
  if (!link.is(stream)) return 0;
  link.inbox().on_end(false);
  link.outbox().abandon();
  return 0;
}

int Connection::Callbacks::on_stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t, void* user,
                                           void*) {
  LinkStream& link = self(user).stream_;
  if (link.adopt(stream)) link.inbox().on_end(false);
  return 0;
}

int Connection::Callbacks::on_stateless_reset(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user) {
  self(user).inspection_.on_stateless_reset();
  return 0;
}

int Connection::Callbacks::new_cid(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void* user) {
  Connection& connection = self(user);
  if (size != Cid::own_size) return NGTCP2_ERR_CALLBACK_FAILURE;
  const Cid issued = connection.ids_.issue();
  ngtcp2_cid_init(cid, issued.bytes.data(), issued.size);
  std::ranges::copy(connection.shared_.resets.token(issued.view()), token);
  return 0;
}

int Connection::Callbacks::remove_cid(ngtcp2_conn*, const ngtcp2_cid* cid, void* user) {
  self(user).ids_.retire(Cid(BytesView(cid->data, cid->datalen)));
  return 0;
}

int Connection::Callbacks::on_peer_cid(void* user, bool active, const std::uint8_t* token) {
  if (token == nullptr) return 0;
  ConnectionIds& ids = self(user).ids_;
  const Cid key(BytesView(token, NGTCP2_STATELESS_RESET_TOKENLEN));
  active ? ids.add_reset_token(key) : ids.remove_reset_token(key);
  return 0;
}

int Connection::Callbacks::on_key_update(ngtcp2_conn* quic, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                                         ngtcp2_crypto_aead_ctx* rx, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx,
                                         std::uint8_t* tx_iv, const std::uint8_t* old_rx_secret,
                                         const std::uint8_t* old_tx_secret, std::size_t size, void* user) {
  Connection& connection = self(user);
  if (connection.keys_.on_keys_wanted()) ++connection.shared_.counters.key_updates;
  const int failed = ngtcp2_crypto_update_key_cb(quic, rx_secret, tx_secret, rx, rx_iv, tx, tx_iv, old_rx_secret,
                                                 old_tx_secret, size, user);
  if (failed == 0) connection.inspection_.on_updated_key(rx->native_handle, {rx_iv, compat::iv_size});
  return failed;
}

int Connection::Callbacks::path_challenge(ngtcp2_conn*, std::uint8_t* data, void* user) {
  self(user).shared_.random.fill({data, NGTCP2_PATH_CHALLENGE_DATALEN});
  return 0;
}

}  // namespace mosaik::quic
