#include "transport/quic/tls/tls.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <gnutls/abstract.h>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "crypto/hash.hpp"

namespace mosaik::quic {
namespace {

// -CTYPE-ALL: X.509 is neither offered nor accepted. -SIGN-ALL: Ed25519 is the only CertificateVerify (spec:
// transport 1.7).
constexpr const char* priorities =
    "NORMAL:%DISABLE_TLS13_COMPAT_MODE:-VERS-ALL:+VERS-TLS1.3:"
    "-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "-SIGN-ALL:+SIGN-EDDSA-ED25519:-CTYPE-ALL:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK";

// SubjectPublicKeyInfo of an Ed25519 key, RFC 8410 4: this, then 32 bytes.
constexpr std::array<std::uint8_t, 12> spki_prefix = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                      0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

gnutls_datum_t datum_of(BytesView bytes) noexcept {
  // GnuTLS wants a mutable pointer and only reads.
  return {const_cast<unsigned char*>(bytes.data()), static_cast<unsigned>(bytes.size())};
}

const crypto::SecretKey& key_of(void* user_data) noexcept {
  return *static_cast<const crypto::SecretKey*>(user_data);
}

// Ed25519 alone: the names are GnuTLS's.
int answer_about_key(gnutls_privkey_t /*key*/, unsigned flags, void* /*user_data*/) noexcept {
  if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0) return GNUTLS_PK_EDDSA_ED25519;
  if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0) return 256;
  if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0)
    return GNUTLS_FLAGS_TO_SIGN_ALGO(flags) == GNUTLS_SIGN_EDDSA_ED25519 ? 1 : 0;
  return -1;
}

int sign_for_gnutls(gnutls_privkey_t /*key*/, gnutls_sign_algorithm_t algorithm, void* user_data, unsigned /*flags*/,
                    const gnutls_datum_t* data, gnutls_datum_t* signature) noexcept {
  if (algorithm != GNUTLS_SIGN_EDDSA_ED25519) return GNUTLS_E_UNIMPLEMENTED_FEATURE;
  const crypto::Signature made = key_of(user_data).sign(BytesView(data->data, data->size));
  signature->data = static_cast<unsigned char*>(gnutls_malloc(made.size()));
  if (signature->data == nullptr) return GNUTLS_E_MEMORY_ERROR;
  std::ranges::copy(made, signature->data);
  signature->size = static_cast<unsigned>(made.size());
  return 0;
}

/// GnuTLS asks us to sign and never sees the key: a copy of its own would lie in memory that a core dump shows.
gnutls_privkey_t import_key(const crypto::SecretKey& key) {
  gnutls_privkey_t out = nullptr;
  MOSAIK_ASSERT(gnutls_privkey_init(&out) == 0);
  void* const user_data = const_cast<crypto::SecretKey*>(&key);  // only read: see key_of
  MOSAIK_ASSERT(
      gnutls_privkey_import_ext4(out, user_data, sign_for_gnutls, nullptr, nullptr, nullptr, answer_about_key, 0) == 0);
  return out;
}

/// The Ed25519 key of the peer's only certificate.
std::optional<PeerId> presented_key(gnutls_session_t session) noexcept {
  if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_RAWPK) return std::nullopt;
  unsigned count = 0;
  const gnutls_datum_t* const certificates = gnutls_certificate_get_peers(session, &count);
  if (certificates == nullptr || count != 1) return std::nullopt;
  const BytesView spki(certificates->data, certificates->size);
  if (spki.size() != spki_prefix.size() + 32 || !std::ranges::equal(spki.first(spki_prefix.size()), spki_prefix)) {
    return std::nullopt;
  }
  Bytes32 key;
  std::ranges::copy(spki.subspan(spki_prefix.size()), key.begin());
  return PeerId(key);
}

bool offer(gnutls_session_t session, std::span<const Alpn> alpns) {
  std::vector<gnutls_datum_t> protocols;
  for (const Alpn& alpn : alpns) protocols.push_back(datum_of(bytes_of(alpn.text())));
  return gnutls_alpn_set_protocols(session, protocols.data(), static_cast<unsigned>(protocols.size()),
                                   GNUTLS_ALPN_MANDATORY) == 0;
}

}  // namespace

TlsContext::TlsContext(const crypto::SecretKey& key) : key_(key.copy()) {
  std::array<std::uint8_t, spki_prefix.size() + 32> spki{};
  std::ranges::copy(spki_prefix, spki.begin());
  std::ranges::copy(key.id().bytes(), spki.begin() + spki_prefix.size());
  const gnutls_datum_t datum = datum_of(spki);
  gnutls_pcert_st certificate{};
  MOSAIK_ASSERT(gnutls_pcert_import_rawpk_raw(&certificate, &datum, GNUTLS_X509_FMT_DER, 0, 0) == 0);
  MOSAIK_ASSERT(gnutls_certificate_allocate_credentials(&credentials_) == 0);
  // The credentials now own the private key and what `certificate` points to.
  MOSAIK_ASSERT(gnutls_certificate_set_key(credentials_, nullptr, 0, &certificate, 1, import_key(key_)) == 0);
  gnutls_certificate_set_verify_function(credentials_, TlsSession::verify);
  MOSAIK_ASSERT(gnutls_priority_init(&priorities_, priorities, nullptr) == 0);
}

TlsContext::~TlsContext() {
  gnutls_priority_deinit(priorities_);
  gnutls_certificate_free_credentials(credentials_);
}

void TlsContext::serve(const Alpn& alpn) {
  if (std::ranges::find(served_, alpn) == served_.end()) served_.push_back(alpn);
}

bool TlsContext::is_valid(const PeerId& peer) const {
  if (valid_.contains(peer)) return true;
  if (!crypto::is_valid_peer_id(peer)) return false;
  if (valid_.size() >= limits::verified_cache) valid_.clear();
  valid_.insert(peer);
  return true;
}

TlsSession::TlsSession(const TlsContext& context, const std::optional<Expect>& expect)
    : context_(context), expected_(expect) {
  const bool client = expect.has_value();
  const unsigned flags = (client ? GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP : GNUTLS_SERVER) | GNUTLS_ENABLE_RAWPK |
                         GNUTLS_NO_TICKETS | GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA;
  if (gnutls_init(&session_, flags) != 0) return;
  const bool hooked = client ? ngtcp2_crypto_gnutls_configure_client_session(session_) == 0
                             : ngtcp2_crypto_gnutls_configure_server_session(session_) == 0;
  reference_.get_conn = connection_of;
  reference_.user_data = this;
  gnutls_session_set_ptr(session_, &reference_);
  if (!client) gnutls_certificate_server_set_request(session_, GNUTLS_CERT_REQUIRE);
  ok_ = hooked && gnutls_priority_set(session_, context.priorities_) == 0 &&
        gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, context.credentials_) == 0 &&
        (client ? offer(session_, std::span(&expected_->alpn, 1)) : offer(session_, context.served_));
}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

void TlsSession::attach(ngtcp2_conn* connection) noexcept {
  connection_ = connection;
  ngtcp2_conn_set_tls_native_handle(connection, session_);
}

ngtcp2_conn* TlsSession::connection_of(ngtcp2_crypto_conn_ref* reference) noexcept {
  return static_cast<TlsSession*>(reference->user_data)->connection_;
}

// Without this function GnuTLS would accept every key.
int TlsSession::verify(gnutls_session_t session) noexcept {
  auto* const reference = static_cast<ngtcp2_crypto_conn_ref*>(gnutls_session_get_ptr(session));
  auto& self = *static_cast<TlsSession*>(reference->user_data);
  const std::optional<PeerId> key = presented_key(session);
  if (!key || !self.context_.is_valid(*key)) {
    self.refusal_ = "the peer presented no valid Ed25519 key";
    return -1;
  }
  if (self.expected_ && self.expected_->peer && *self.expected_->peer != *key) {
    self.refusal_ = "another peer answered at this address";
    self.answered_as_ = key;
    return -1;
  }
  self.peer_ = key;
  return 0;
}

std::optional<Alpn> TlsSession::alpn() const noexcept {
  gnutls_datum_t chosen{};
  if (gnutls_alpn_get_selected_protocol(session_, &chosen) != 0) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(chosen.data), chosen.size);
  if (expected_) return expected_->alpn.text() == text ? std::optional(expected_->alpn) : std::nullopt;
  const auto served = std::ranges::find(context_.served_, text, &Alpn::text);
  return served == context_.served_.end() ? std::nullopt : std::optional(*served);
}

Result<Bytes32> TlsSession::exporter(BytesView label, BytesView context) const {
  Bytes32 out{};
  const int failed = gnutls_prf_rfc5705(session_, label.size(), reinterpret_cast<const char*>(label.data()),
                                        context.size(), reinterpret_cast<const char*>(context.data()), out.size(),
                                        reinterpret_cast<char*>(out.data()));
  if (failed != 0) {
    return fail(Errc::invalid_argument,
                "no key can be exported for a label of " + std::to_string(label.size()) + " bytes");
  }
  return out;
}

}  // namespace mosaik::quic
