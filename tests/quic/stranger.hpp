#pragma once
/// A QUIC client that does not play by our rules: any protocol name, with or without a key. Only for what an Endpoint
/// would never do itself.

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>
#include <vector>

#include "quic/wire.hpp"
#include "transport/quic/tls/ngtcp2_compat.hpp"

namespace mosaik::quic::test {

class Stranger {
 public:
  enum class Key : std::uint8_t { none, ed25519 };

  Stranger(const std::string& alpn, Key key) {
    gnutls_certificate_allocate_credentials(&credentials_);
    if (key == Key::ed25519) give_key();
    gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_ENABLE_RAWPK | GNUTLS_NO_TICKETS | GNUTLS_KEY_SHARE_TOP);
    gnutls_priority_set_direct(session_,
                               "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK:"
                               "%DISABLE_TLS13_COMPAT_MODE",
                               nullptr);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    ngtcp2_crypto_gnutls_configure_client_session(session_);
    gnutls_datum_t name{reinterpret_cast<unsigned char*>(const_cast<char*>(alpn.data())),
                        static_cast<unsigned>(alpn.size())};
    gnutls_alpn_set_protocols(session_, &name, 1, 0);
    reference_ = {[](ngtcp2_crypto_conn_ref* ref) { return static_cast<Stranger*>(ref->user_data)->quic_; }, this};
    gnutls_session_set_ptr(session_, &reference_);
    connect();
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  ~Stranger() {
    ngtcp2_conn_del(quic_);
    gnutls_deinit(session_);
    gnutls_certificate_free_credentials(credentials_);
  }

  /// Talks to the endpoint until it is told to go away, or `rounds` are over. The transport close code, if one came.
  std::optional<std::uint64_t> talk_to(Endpoint& endpoint, Wire& wire, int rounds = 10) {
    DatagramBatch batch(64U << 10U);
    for (int round = 0; round < rounds; ++round) {
      send_to(endpoint, wire.now());
      static_cast<void>(endpoint.advance(wire.now()));
      batch.clear();
      while (endpoint.transmit(wire.now(), batch)) {
      }
      for (const DatagramBatch::Item& item : batch.items()) {
        for (BytesView rest = batch.bytes(item); !rest.empty();
             rest = rest.subspan(std::min(rest.size(), item.segment))) {
          if (const auto code = take(rest.first(std::min(rest.size(), item.segment)), wire.now())) return code;
        }
      }
    }
    return std::nullopt;
  }

  /// After talk_to(): opens its stream, sends these bytes, and takes the rest back (RESET_STREAM).
  void send_and_reset(Endpoint& endpoint, const Now& now, BytesView bytes) {
    std::int64_t stream = -1;
    ngtcp2_conn_open_bidi_stream(quic_, &stream, nullptr);
    std::vector<std::uint8_t> room(1500);
    ngtcp2_pkt_info info{};
    const ngtcp2_ssize size = ngtcp2_conn_write_stream(quic_, nullptr, &info, room.data(), room.size(), nullptr, 0,
                                                       stream, bytes.data(), bytes.size(), stamp(now));
    if (size > 0)
      endpoint.on_datagram(now, {Wire::address(2), Wire::address(77)},
                           BytesView(room).first(static_cast<std::size_t>(size)));
    ngtcp2_conn_shutdown_stream_write(quic_, stream, 7);
    send_to(endpoint, now);
  }

 private:
  static ngtcp2_tstamp stamp(const Now& now) { return static_cast<ngtcp2_tstamp>(now.mono.time_since_epoch().count()); }

  void give_key() {
    const auto secret = crypto::SecretKey::from_seed(Host::seed_of(77, 7));
    std::vector<std::uint8_t> spki = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    spki.insert(spki.end(), secret.id().bytes().begin(), secret.id().bytes().end());
    std::vector<std::uint8_t> der = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    der.insert(der.end(), secret.seed().begin(), secret.seed().end());
    const gnutls_datum_t key{der.data(), static_cast<unsigned>(der.size())};
    const gnutls_datum_t spki_datum{spki.data(), static_cast<unsigned>(spki.size())};
    gnutls_pcert_st certificate{};
    gnutls_pcert_import_rawpk_raw(&certificate, &spki_datum, GNUTLS_X509_FMT_DER, 0, 0);
    gnutls_privkey_t imported = nullptr;
    gnutls_privkey_init(&imported);
    gnutls_privkey_import_x509_raw(imported, &key, GNUTLS_X509_FMT_DER, nullptr, 0);
    gnutls_certificate_set_key(credentials_, nullptr, 0, &certificate, 1, imported);
  }

  void connect() {
    ngtcp2_callbacks callbacks{};
    callbacks.client_initial = ngtcp2_crypto_client_initial_cb;
    callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
    callbacks.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
    callbacks.decrypt = ngtcp2_crypto_decrypt_cb;
    callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
    callbacks.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx*) { std::fill_n(out, size, 0x42); };
    callbacks.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size,
                                         void* user) {
      const std::vector<std::uint8_t> bytes(size, ++static_cast<Stranger*>(user)->cids_);
      ngtcp2_cid_init(cid, bytes.data(), size);
      std::fill_n(token, NGTCP2_STATELESS_RESET_TOKENLEN, 1);
      return 0;
    };
    callbacks.update_key = ngtcp2_crypto_update_key_cb;
    callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    callbacks.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = stamp(Wire().now());
    ngtcp2_transport_params parameters;
    ngtcp2_transport_params_default(&parameters);
    const std::vector<std::uint8_t> chosen(18, 0x99), own(8, 0x88);
    ngtcp2_cid dcid, scid;
    ngtcp2_cid_init(&dcid, chosen.data(), chosen.size());
    ngtcp2_cid_init(&scid, own.data(), own.size());
    path_.local = {reinterpret_cast<ngtcp2_sockaddr*>(&address_), sizeof address_};
    path_.remote = path_.local;
    ngtcp2_conn_client_new(&quic_, &dcid, &scid, &path_, NGTCP2_PROTO_VER_V1, &callbacks, &settings, &parameters,
                           nullptr, this);
    ngtcp2_conn_set_tls_native_handle(quic_, session_);
  }

  void send_to(Endpoint& endpoint, const Now& now) {
    std::vector<std::uint8_t> room(1500);
    for (;;) {
      ngtcp2_pkt_info info{};
      const ngtcp2_ssize size = ngtcp2_conn_writev_stream(quic_, nullptr, &info, room.data(), room.size(), nullptr, 0,
                                                          -1, nullptr, 0, stamp(now));
      if (size <= 0) return;
      endpoint.on_datagram(now, {Wire::address(2), Wire::address(77)},
                           BytesView(room).first(static_cast<std::size_t>(size)));
    }
  }

  std::optional<std::uint64_t> take(BytesView datagram, const Now& now) {
    ngtcp2_pkt_info info{};
    if (ngtcp2_conn_read_pkt(quic_, &path_, &info, datagram.data(), datagram.size(), stamp(now)) !=
        NGTCP2_ERR_DRAINING) {
      return std::nullopt;
    }
    return compat::received_close(quic_).error_code;
  }

  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* quic_ = nullptr;
  sockaddr_in address_{.sin_family = AF_INET, .sin_port = 1, .sin_addr = {}, .sin_zero = {}};
  ngtcp2_path path_{};
  std::uint8_t cids_ = 0;
};

}  // namespace mosaik::quic::test
