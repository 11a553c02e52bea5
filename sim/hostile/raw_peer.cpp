#include "sim/hostile/raw_peer.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>

#include "base/assert.hpp"
#include "base/random.hpp"
#include "transport/quic/tls/ngtcp2_compat.hpp"

namespace mosaik::sim {

using quic::PacketSpace;

namespace {

// One cipher, so that packets can be sealed here without asking which was chosen.
constexpr const char* priorities =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK:"
    "%DISABLE_TLS13_COMPAT_MODE";
constexpr std::size_t id_size = 8;
// Its own packets are numbered from here, so that they do not collide with those of ngtcp2.
constexpr std::uint64_t first_number = 5000;

ngtcp2_tstamp stamp(Mono now) {
  return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count());
}

void append(std::vector<std::uint8_t>& out, BytesView bytes) {
  const std::size_t size = out.size();
  out.resize(size + bytes.size());
  std::ranges::copy(bytes, out.begin() + static_cast<std::ptrdiff_t>(size));
}

void put_integer(std::vector<std::uint8_t>& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i > 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * (i - 1))));
}

using Secret = std::vector<std::uint8_t>;

gnutls_datum_t datum_of(BytesView bytes) {
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

Secret expand_label(BytesView secret, std::string_view label, std::size_t size) {
  const std::string full = "tls13 " + std::string(label);
  Secret info = {0, static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(full.size())};
  append(info, bytes_of(full));
  info.push_back(0);
  const gnutls_datum_t key = datum_of(secret), data = datum_of(info);
  Secret out(size);
  gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &data, out.data(), out.size());
  return out;
}

/// Keys that protect packets with AES-128-GCM (RFC 9001 5).
struct PacketKeys {
  static constexpr std::size_t tag_size = 16;
  Secret key, iv, mask;

  [[nodiscard]] static PacketKeys of(BytesView secret) {
    return {expand_label(secret, "quic key", 16), expand_label(secret, "quic iv", 12),
            expand_label(secret, "quic hp", 16)};
  }
  /// RFC 9001 5.2: from the id that the client chose.
  [[nodiscard]] static PacketKeys of_initial(BytesView chosen, bool of_client) {
    constexpr std::array<std::uint8_t, 20> salt = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                                   0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    Secret secret(32);
    const gnutls_datum_t key = datum_of(chosen), salted = datum_of(salt);
    gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &key, &salted, secret.data());
    return of(expand_label(secret, of_client ? "client in" : "server in", 32));
  }
  /// Puts the sealed frames behind the header and hides the packet number that it ends with.
  [[nodiscard]] std::vector<std::uint8_t> seal(BytesView header, std::uint64_t number, std::size_t number_size,
                                               BytesView plain) const {
    Secret nonce = iv;
    for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::uint8_t>(number >> (8 * (7 - i)));
    std::vector<std::uint8_t> out(header.size() + plain.size() + tag_size);
    std::ranges::copy(header, out.begin());
    std::size_t sealed = plain.size() + tag_size;
    gnutls_aead_cipher_hd_t cipher = nullptr;
    const gnutls_datum_t packet_key = datum_of(key);
    gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_128_GCM, &packet_key);
    gnutls_aead_cipher_encrypt(cipher, nonce.data(), nonce.size(), header.data(), header.size(), tag_size, plain.data(),
                               plain.size(), out.data() + header.size(), &sealed);
    gnutls_aead_cipher_deinit(cipher);
    const std::size_t number_at = header.size() - number_size;
    // AES-ECB of one block is AES-CBC with an IV of zeros.
    std::array<std::uint8_t, 16> zeros{}, hidden{};
    gnutls_cipher_hd_t block = nullptr;
    const gnutls_datum_t mask_key = datum_of(mask), none = datum_of(zeros);
    gnutls_cipher_init(&block, GNUTLS_CIPHER_AES_128_CBC, &mask_key, &none);
    gnutls_cipher_encrypt2(block, out.data() + number_at + 4, hidden.size(), hidden.data(), hidden.size());
    gnutls_cipher_deinit(block);
    out[0] ^= static_cast<std::uint8_t>(hidden[0] & ((out[0] & 0x80U) != 0 ? 0x0fU : 0x1fU));
    for (std::size_t i = 0; i < number_size; ++i) out[number_at + i] ^= hidden[1 + i];
    return out;
  }
};

}  // namespace

class RawPeer::Body {
 public:
  Body(const Identity& identity, bool client)
      : client_(client), random_(identity.seed), parameters_(identity.parameters) {
    begin_tls(identity);
  }
  ~Body() {
    if (quic != nullptr) ngtcp2_conn_del(quic);
    if (session_ != nullptr) gnutls_deinit(session_);
    if (credentials_ != nullptr) gnutls_certificate_free_credentials(credentials_);
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  [[nodiscard]] bool begin_client(Mono now) {
    ngtcp2_settings settings;
    ngtcp2_transport_params parameters;
    configure(settings, parameters, now);
    ngtcp2_cid chosen{}, own{};
    make_id(chosen, 18);
    make_id(own, id_size);
    note_own(own);
    set_initial_keys({chosen.data, chosen.datalen});
    const ngtcp2_callbacks calls = callbacks();
    if (ngtcp2_conn_client_new(&quic, &chosen, &own, &path_, NGTCP2_PROTO_VER_V1, &calls, &settings, &parameters,
                               nullptr, this) != 0)
      return false;
    ngtcp2_conn_set_tls_native_handle(quic, session_);
    return true;
  }
  [[nodiscard]] bool begin_server(Mono now, BytesView first) {
    ngtcp2_pkt_hd header{};
    if (ngtcp2_accept(&header, first.data(), first.size()) != 0) return false;
    ngtcp2_settings settings;
    ngtcp2_transport_params parameters;
    configure(settings, parameters, now);
    quic::compat::set_original_cid(parameters, header.dcid);
    parameters.stateless_reset_token_present = 1;
    if (parameters_.preferred_address) offer_address(parameters);
    ngtcp2_cid own{};
    make_id(own, id_size);
    note_own(own);
    set_initial_keys({header.dcid.data, header.dcid.datalen});
    const ngtcp2_callbacks calls = callbacks();
    if (ngtcp2_conn_server_new(&quic, &header.scid, &own, &path_, NGTCP2_PROTO_VER_V1, &calls, &settings, &parameters,
                               nullptr, this) != 0)
      return false;
    ngtcp2_conn_set_tls_native_handle(quic, session_);
    return true;
  }

  [[nodiscard]] std::optional<Datagram> seal(const Packet& packet, BytesView frames) {
    const auto found = keys_.find(packet.space);
    if (found == keys_.end()) return std::nullopt;
    std::uint64_t& next = next_number_.try_emplace(packet.space, first_number).first->second;
    const std::uint64_t number = packet.number.value_or(next);
    if (!packet.number) ++next;
    const std::size_t number_size = std::clamp<std::size_t>(packet.number_size, 1, 4);
    std::vector<std::uint8_t> plain(frames.begin(), frames.end());
    if (plain.size() < 4) plain.resize(4);  // enough for the sample that hides the number
    if (packet.space == PacketSpace::initial && plain.size() < 1200) plain.resize(1200);
    Datagram before = header(packet, number_size, plain.size() + PacketKeys::tag_size);
    put_integer(before, number, number_size);
    return found->second.seal(before, number, number_size, plain);
  }
  [[nodiscard]] std::optional<std::uint64_t> heard_number(PacketSpace space) const {
    const auto found = heard_.find(space);
    return found == heard_.end() ? std::nullopt : std::optional(found->second);
  }

  void replace_next(PacketSpace space, std::vector<std::uint8_t> frames) { replacements_[space] = std::move(frames); }

  ngtcp2_conn* quic = nullptr;
  std::vector<std::vector<std::uint8_t>> own_ids;
  std::deque<std::vector<std::uint8_t>> written;  // what the stream carries; ngtcp2 keeps pointers into it
  std::size_t unsent = 0;                         // bytes of the newest that ngtcp2 has not taken
  std::int64_t stream = -1;

  [[nodiscard]] const ngtcp2_path& path() const noexcept { return path_; }

 private:
  void begin_tls(const Identity& identity) {
    gnutls_certificate_allocate_credentials(&credentials_);
    // RFC 8410: SubjectPublicKeyInfo and OneAsymmetricKey of an Ed25519 key, each a prefix and 32 bytes.
    std::array<std::uint8_t, 12 + 32> spki = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    std::ranges::copy(identity.key.id().bytes(), spki.begin() + 12);
    std::array<std::uint8_t, 16 + 32> der = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                             0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    std::ranges::copy(identity.key.seed(), der.begin() + 16);
    const gnutls_datum_t key{der.data(), static_cast<unsigned>(der.size())};
    const gnutls_datum_t spki_datum{spki.data(), static_cast<unsigned>(spki.size())};
    gnutls_pcert_st certificate{};
    gnutls_pcert_import_rawpk_raw(&certificate, &spki_datum, GNUTLS_X509_FMT_DER, 0, 0);
    gnutls_privkey_t imported = nullptr;
    gnutls_privkey_init(&imported);
    gnutls_privkey_import_x509_raw(imported, &key, GNUTLS_X509_FMT_DER, nullptr, 0);
    gnutls_certificate_set_key(credentials_, nullptr, 0, &certificate, 1, imported);

    gnutls_init(&session_, (client_ ? GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP : GNUTLS_SERVER) | GNUTLS_ENABLE_RAWPK |
                               GNUTLS_NO_TICKETS | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA);
    gnutls_priority_set_direct(session_, priorities, nullptr);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    gnutls_handshake_set_secret_function(session_, on_secret);
    gnutls_handshake_set_read_function(session_, on_tls_message);
    gnutls_alert_set_read_function(session_, [](gnutls_session_t, gnutls_record_encryption_level_t,
                                                gnutls_alert_level_t, gnutls_alert_description_t) { return 0; });
    constexpr unsigned transport_parameters = 0x39;  // RFC 9001 8.2
    gnutls_session_ext_register(session_, "transport parameters", transport_parameters, GNUTLS_EXT_TLS,
                                on_their_parameters, write_our_parameters, nullptr, nullptr, nullptr,
                                GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO | GNUTLS_EXT_FLAG_EE);
    if (!client_) gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUEST);
    alpn_ = identity.alpn;
    const gnutls_datum_t name{reinterpret_cast<unsigned char*>(alpn_.data()), static_cast<unsigned>(alpn_.size())};
    gnutls_alpn_set_protocols(session_, &name, 1, 0);
    reference_.get_conn = [](ngtcp2_crypto_conn_ref* ref) { return static_cast<Body*>(ref->user_data)->quic; };
    reference_.user_data = this;
    gnutls_session_set_ptr(session_, &reference_);
    address_.sin_family = AF_INET;
    address_.sin_port = 1;
    path_.local = {reinterpret_cast<ngtcp2_sockaddr*>(&address_), sizeof address_};
    path_.remote = path_.local;
  }

  // What ngtcp2's own GnuTLS helper does, but the secrets are kept, and the parameters may be left out.
  static Body& of(gnutls_session_t session) {
    return *static_cast<Body*>(static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session))->user_data);
  }
  static int on_secret(gnutls_session_t session, gnutls_record_encryption_level_t at, const void* read,
                       const void* write, std::size_t size) {
    Body& body = of(session);
    const bool handshake = at == GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE;
    const quic::compat::CryptoLevel level =
        quic::compat::level_of(handshake ? PacketSpace::handshake : PacketSpace::application);
    const auto* const from = static_cast<const std::uint8_t*>(read);
    const auto* const to = static_cast<const std::uint8_t*>(write);
    std::array<std::uint8_t, 64> key{}, iv{}, mask{};
    if (from != nullptr &&
        ngtcp2_crypto_derive_and_install_rx_key(body.quic, key.data(), iv.data(), mask.data(), level, from, size) != 0)
      return -1;
    if (to == nullptr) return 0;
    if (ngtcp2_crypto_derive_and_install_tx_key(body.quic, key.data(), iv.data(), mask.data(), level, to, size) != 0)
      return -1;
    body.keys_[handshake ? PacketSpace::handshake : PacketSpace::application] = PacketKeys::of({to, size});
    return 0;
  }
  static int on_tls_message(gnutls_session_t session, gnutls_record_encryption_level_t at,
                            gnutls_handshake_description_t type, const void* data, std::size_t size) {
    if (type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC) return 0;
    const PacketSpace space = at == GNUTLS_ENCRYPTION_LEVEL_INITIAL     ? PacketSpace::initial
                              : at == GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE ? PacketSpace::handshake
                                                                        : PacketSpace::application;
    return ngtcp2_conn_submit_crypto_data(of(session).quic, quic::compat::level_of(space),
                                          static_cast<const std::uint8_t*>(data), size);
  }
  static int on_their_parameters(gnutls_session_t session, const unsigned char* data, std::size_t size) {
    return ngtcp2_conn_decode_remote_transport_params(of(session).quic, data, size) == 0 ? 0 : -1;
  }
  static int write_our_parameters(gnutls_session_t session, gnutls_buffer_t out) {
    Body& body = of(session);
    if (body.parameters_.none) return 0;
    // What is announced is not what ngtcp2 was given, which it checks with assertions.
    ngtcp2_transport_params told = *ngtcp2_conn_get_local_transport_params(body.quic);
    body.exaggerate(told);
    std::array<std::uint8_t, 512> room{};
    const ngtcp2_ssize size = quic::compat::encode_parameters(told, body.client_, room);
    return size < 0 ? -1 : gnutls_buffer_append_data(out, room.data(), static_cast<std::size_t>(size));
  }
  void exaggerate(ngtcp2_transport_params& told) const {
    const RawParameters& wanted = parameters_;
    told.initial_max_data = wanted.max_data.value_or(told.initial_max_data);
    told.initial_max_stream_data_bidi_local = wanted.max_stream_data.value_or(told.initial_max_stream_data_bidi_local);
    told.initial_max_stream_data_bidi_remote = told.initial_max_stream_data_bidi_local;
    told.initial_max_streams_bidi = wanted.max_streams.value_or(told.initial_max_streams_bidi);
    told.initial_max_streams_uni = wanted.max_streams.value_or(told.initial_max_streams_uni);
    told.active_connection_id_limit = wanted.connection_ids.value_or(told.active_connection_id_limit);
    told.ack_delay_exponent = wanted.ack_delay_exponent.value_or(told.ack_delay_exponent);
    told.max_udp_payload_size = wanted.udp_payload.value_or(told.max_udp_payload_size);
    if (wanted.idle_timeout) told.max_idle_timeout = static_cast<ngtcp2_duration>(wanted.idle_timeout->count());
    if (wanted.max_ack_delay) told.max_ack_delay = static_cast<ngtcp2_duration>(wanted.max_ack_delay->count());
  }
  void set_initial_keys(BytesView chosen) { keys_[PacketSpace::initial] = PacketKeys::of_initial(chosen, client_); }

  void configure(ngtcp2_settings& settings, ngtcp2_transport_params& parameters, Mono now) {
    ngtcp2_settings_default(&settings);
    settings.initial_ts = stamp(now);
    settings.no_pmtud = 1;
    ngtcp2_transport_params_default(&parameters);
    parameters.initial_max_data = 1U << 20U;
    parameters.initial_max_stream_data_bidi_local = 1U << 18U;
    parameters.initial_max_stream_data_bidi_remote = 1U << 18U;
    parameters.initial_max_streams_bidi = 1;
    parameters.active_connection_id_limit = 4;
    parameters.max_idle_timeout = 30 * NGTCP2_SECONDS;
  }

  void offer_address(ngtcp2_transport_params& parameters) {
#if NGTCP2_VERSION_NUM >= 0x010000
    parameters.preferred_addr_present = 1;
    ngtcp2_preferred_addr& offered = parameters.preferred_addr;
#else
    parameters.preferred_address_present = 1;
    ngtcp2_preferred_addr& offered = parameters.preferred_address;
#endif
    offered.ipv4_present = 1;
    const std::array<std::uint8_t, 4> elsewhere = {203, 0, 113, 7};
    std::memcpy(&offered.ipv4.sin_addr, elsewhere.data(), elsewhere.size());
    offered.ipv4.sin_port = 7;
    make_id(offered.cid, id_size);
    note_own(offered.cid);
  }

  void make_id(ngtcp2_cid& out, std::size_t size) {
    out.datalen = size;
    for (std::size_t i = 0; i < size; ++i) out.data[i] = static_cast<std::uint8_t>(random_.next());
  }
  void note_own(const ngtcp2_cid& id) { own_ids.emplace_back(id.data, id.data + id.datalen); }

  [[nodiscard]] Datagram header(const Packet& packet, std::size_t number_size, std::size_t sealed) {
    const ngtcp2_cid& peer = *ngtcp2_conn_get_dcid(quic);
    const auto low = static_cast<std::uint8_t>(
        (number_size - 1) | (packet.reserved & 0x03U) << (packet.space == PacketSpace::application ? 3U : 2U));
    Datagram out;
    if (packet.space == PacketSpace::application) {
      out.push_back(static_cast<std::uint8_t>(0x40U | low | ((phase_ != packet.flip_key_phase) ? 0x04U : 0U)));
      append(out, {peer.data, peer.datalen});
      return out;
    }
    out.push_back(static_cast<std::uint8_t>(0xc0U | static_cast<unsigned>(packet.space) << 4U | low));
    put_integer(out, NGTCP2_PROTO_VER_V1, 4);
    out.push_back(static_cast<std::uint8_t>(peer.datalen));
    append(out, {peer.data, peer.datalen});
    out.push_back(static_cast<std::uint8_t>(own_ids.front().size()));
    append(out, own_ids.front());
    if (packet.space == PacketSpace::initial) out.push_back(0);  // no token
    put_integer(out, 0x4000U | (number_size + sealed), 2);
    return out;
  }

  // ---------------------------------------------------------------------------------------------- callbacks

  static Body& self(void* user) { return *static_cast<Body*>(user); }
  // The encrypt and mask callbacks get no context; only one peer writes at a time on a thread.
  static thread_local Body* writing;

 public:
  /// While it lives, keys that are used on this thread are this peer's.
  struct Writing {
    explicit Writing(Body& body) { writing = &body; }
    ~Writing() { writing = nullptr; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
  };

 private:
  static int encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                     const std::uint8_t* plain, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* header, std::size_t header_size) {
    if (writing == nullptr)
      return ngtcp2_crypto_encrypt_cb(out, aead, context, plain, size, nonce, nonce_size, header, header_size);
    return writing->on_encrypt(out, *aead, *context, {plain, size}, {nonce, nonce_size}, {header, header_size});
  }
  int on_encrypt(std::uint8_t* out, const ngtcp2_crypto_aead& aead, const ngtcp2_crypto_aead_ctx& context,
                 BytesView plain, BytesView nonce, BytesView header) {
    const PacketSpace space = quic::packet_space(header[0]);
    if (space == PacketSpace::application) phase_ = (header[0] & 0x04U) != 0;
    std::vector<std::uint8_t> replaced;
    if (space == PacketSpace::application && parameters_.rotate_until > 0) {
      replaced.assign(plain.begin(), plain.end());
      rotate_ids(replaced);
      plain = replaced;
    }
    if (const auto found = replacements_.find(space); found != replacements_.end()) {
      replaced = std::move(found->second);
      replacements_.erase(found);
      replaced.resize(plain.size());
      plain = replaced;
    }
    return ngtcp2_crypto_encrypt_cb(out, &aead, &context, plain.data(), plain.size(), nonce.data(), nonce.size(),
                                    header.data(), header.size());
  }
  // ngtcp2 writes it first, and would take the acknowledgement of a packet that it has not sent for an error of the
  // other side.
  static int decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                     const std::uint8_t* sealed, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                     const std::uint8_t* header, std::size_t header_size) {
    const int failed =
        ngtcp2_crypto_decrypt_cb(out, aead, context, sealed, size, nonce, nonce_size, header, header_size);
    if (failed != 0) return failed;
    if (writing != nullptr) {
      const std::size_t number_size = (header[0] & 0x03U) + 1U;
      std::uint64_t number = 0;
      for (std::size_t i = header_size - number_size; i < header_size; ++i) number = number << 8U | header[i];
      writing->heard_[quic::packet_space(header[0])] = number;
    }
    hide_acknowledgement({out, size - aead->max_overhead});
    return failed;
  }
  static void hide_acknowledgement(std::span<std::uint8_t> frames) {
    if (frames.empty() || (frames[0] != quic::frame::ack && frames[0] != quic::frame::ack_ecn)) return;
    quic::FrameReader reader{frames.data() + 1, frames.data() + frames.size()};
    std::uint64_t largest = 0;
    quic::FrameReader peek = reader;
    if (!peek.integer(largest) || largest < first_number || !reader.ack(frames[0] == quic::frame::ack_ecn)) return;
    std::fill(frames.data(), reader.at, std::uint8_t{0});
  }
  // Each connection id that ngtcp2 issues retires those before it: the other side takes the new one into use, and gives
  // the old ones back, for which ngtcp2 issues others.
  void rotate_ids(std::vector<std::uint8_t>& frames) const {
    quic::FrameReader reader{frames.data(), frames.data() + frames.size()};
    while (reader.at != reader.end) {
      const std::uint8_t type = *reader.at++;
      if (type >= quic::frame::types) return;
      std::uint8_t* const body = reader.at;
      std::uint64_t last = 0;
      quic::FrameReader::NewConnectionId issued;
      if (!reader.rest_of(type, quic::frame_rules[type], last, issued)) return;
      constexpr std::uint64_t one_byte = 0x3f;
      if (type != quic::frame::new_connection_id || issued.number > std::min(parameters_.rotate_until, one_byte))
        continue;
      body[1] = static_cast<std::uint8_t>(issued.number);  // an integer of one byte, as its 0 was
    }
  }
  [[nodiscard]] ngtcp2_callbacks callbacks() const {
    ngtcp2_callbacks out{};
    if (client_) {
      out.client_initial = ngtcp2_crypto_client_initial_cb;
      out.recv_retry = [](ngtcp2_conn* conn, const ngtcp2_pkt_hd* retry, void* user) {
        self(user).set_initial_keys({retry->scid.data, retry->scid.datalen});
        return ngtcp2_crypto_recv_retry_cb(conn, retry, user);
      };
    } else {
      out.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    }
    out.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    out.encrypt = encrypt;
    out.decrypt = decrypt;
    out.hp_mask = ngtcp2_crypto_hp_mask_cb;
    out.rand = [](std::uint8_t* bytes, std::size_t size, const ngtcp2_rand_ctx*) { std::fill_n(bytes, size, 0x42); };
    out.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t size, void* user) {
      self(user).make_id(*id, size);
      self(user).note_own(*id);
      std::fill_n(token, NGTCP2_STATELESS_RESET_TOKENLEN, static_cast<std::uint8_t>(self(user).own_ids.size()));
      return 0;
    };
    out.update_key = ngtcp2_crypto_update_key_cb;
    out.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    out.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    out.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    out.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    return out;
  }

  bool client_;
  Rng random_;
  RawParameters parameters_;
  std::string alpn_;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  sockaddr_in address_{};
  ngtcp2_path path_{};
  std::map<PacketSpace, PacketKeys> keys_;
  std::map<PacketSpace, std::uint64_t> next_number_;
  std::map<PacketSpace, std::uint64_t> heard_;  // the number of the newest packet, as far as its header tells it
  std::map<PacketSpace, std::vector<std::uint8_t>> replacements_;
  bool phase_ = false;
};

thread_local RawPeer::Body* RawPeer::Body::writing = nullptr;

RawPeer::RawPeer(std::unique_ptr<Body> body) : body_(std::move(body)) {}
RawPeer::~RawPeer() = default;

std::unique_ptr<RawPeer> RawPeer::dial(const Identity& identity, Mono now) {
  auto body = std::make_unique<Body>(identity, true);
  if (!body->begin_client(now)) return nullptr;
  return std::unique_ptr<RawPeer>(new RawPeer(std::move(body)));
}

std::unique_ptr<RawPeer> RawPeer::accept(const Identity& identity, Mono now, BytesView first) {
  auto body = std::make_unique<Body>(identity, false);
  if (!body->begin_server(now, first)) return nullptr;
  auto out = std::unique_ptr<RawPeer>(new RawPeer(std::move(body)));
  out->receive(now, first);
  return out;
}

void RawPeer::receive(Mono now, BytesView datagram) {
  if (closed_) return;
  const ngtcp2_pkt_info info{};
  const Body::Writing writing(*body_);
  const int failed =
      ngtcp2_conn_read_pkt(body_->quic, &body_->path(), &info, datagram.data(), datagram.size(), stamp(now));
  if (failed == NGTCP2_ERR_DRAINING)
    closed_ = quic::compat::received_close(body_->quic).error_code;
  else if (failed != 0)
    closed_ = ngtcp2_err_infer_quic_transport_error_code(failed);
}

std::vector<RawPeer::Datagram> RawPeer::send(Mono now) {
  std::vector<Datagram> out;
  if (closed_) return out;
  const Body::Writing writing(*body_);
  if (deadline() <= now && ngtcp2_conn_handle_expiry(body_->quic, stamp(now)) != 0) {
    closed_ = 0;
    return out;
  }
  for (int packets = 0; packets < 64; ++packets) {
    Datagram room(1472);
    ngtcp2_pkt_info info{};
    ngtcp2_ssize taken = -1;
    const bool streaming = body_->unsent > 0 && body_->stream >= 0;
    const BytesView bytes = streaming ? BytesView(body_->written.back()).last(body_->unsent) : BytesView();
    const ngtcp2_ssize size = ngtcp2_conn_write_stream(body_->quic, nullptr, &info, room.data(), room.size(), &taken,
                                                       NGTCP2_WRITE_STREAM_FLAG_NONE, streaming ? body_->stream : -1,
                                                       streaming ? bytes.data() : nullptr, bytes.size(), stamp(now));
    if (taken > 0) body_->unsent -= static_cast<std::size_t>(taken);
    if (size == NGTCP2_ERR_STREAM_DATA_BLOCKED || size == NGTCP2_ERR_STREAM_SHUT_WR ||
        size == NGTCP2_ERR_STREAM_NOT_FOUND) {
      body_->unsent = 0;
      continue;
    }
    if (size <= 0) break;
    room.resize(static_cast<std::size_t>(size));
    out.push_back(std::move(room));
  }
  return out;
}

Mono RawPeer::deadline() const {
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(body_->quic);
  if (closed_ || expiry >= static_cast<ngtcp2_tstamp>(never.time_since_epoch().count())) return never;
  return Mono(Nanoseconds(static_cast<std::int64_t>(expiry)));
}

bool RawPeer::ready() const {
  return ngtcp2_conn_get_handshake_completed(body_->quic) != 0;
}

std::optional<RawPeer::Datagram> RawPeer::seal(const Packet& packet, BytesView frames) {
  return body_->seal(packet, frames);
}

std::optional<std::uint64_t> RawPeer::heard_number(PacketSpace space) const {
  return body_->heard_number(space);
}

void RawPeer::replace_next(PacketSpace space, std::vector<std::uint8_t> frames) {
  body_->replace_next(space, std::move(frames));
}

const std::vector<std::vector<std::uint8_t>>& RawPeer::own_ids() const noexcept {
  return body_->own_ids;
}

void RawPeer::write_stream(Mono, BytesView bytes) {
  if (body_->unsent > 0 || bytes.empty()) return;  // one write at a time
  if (body_->stream < 0 && ngtcp2_conn_open_bidi_stream(body_->quic, &body_->stream, nullptr) != 0) return;
  body_->written.emplace_back(bytes.begin(), bytes.end());
  body_->unsent = bytes.size();
}

}  // namespace mosaik::sim
