#pragma once
/// TLS 1.3 with raw public keys (RFC 7250), Ed25519 only, mutual, through GnuTLS (spec: transport 1). Private to the
/// room.
///
/// A session accepts a peer only when its certificate is one well-formed Ed25519 key that libsodium's strict rules
/// admit and, as client, the expected one; GnuTLS itself checks that the peer holds the secret key. No tickets, no
/// early data.

#include <optional>
#include <set>
#include <vector>

#include <gnutls/gnutls.h>
#include <mosaik/types/result.hpp>

#include "crypto/ed25519.hpp"
#include "transport/quic/tls/ngtcp2_compat.hpp"
#include "wire/alpn.hpp"

namespace mosaik::quic {

/// Credentials and priorities that all sessions of an endpoint share.
class TlsContext {
 public:
  explicit TlsContext(const crypto::SecretKey& key);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// Connections with the ALPN are accepted from now on, besides those of known_alpns.
  void serve(const Alpn& alpn);

 private:
  friend class TlsSession;
  /// crypto::is_valid_peer_id, asked once a peer: it costs as much as half a key exchange.
  [[nodiscard]] bool is_valid(const PeerId& peer) const;

  crypto::SecretKey key_;  ///< signs for GnuTLS
  std::vector<Alpn> served_{known_alpns.begin(), known_alpns.end()};
  mutable std::set<PeerId> valid_;  ///< at most limits::verified_cache
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_priority_t priorities_ = nullptr;
};

class TlsSession {
 public:
  struct Expect {
    std::optional<PeerId> peer;  ///< empty: whoever answers
    Alpn alpn;
  };

  /// As client for `expect`, as server without. False from ok(): GnuTLS is out of memory.
  TlsSession(const TlsContext& context, const std::optional<Expect>& expect);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// Ties the session and the connection to each other.
  void attach(ngtcp2_conn* connection) noexcept;

  /// Proven once the handshake has completed.
  [[nodiscard]] const std::optional<PeerId>& peer() const noexcept { return peer_; }
  [[nodiscard]] std::optional<Alpn> alpn() const noexcept;
  /// Why the peer's key was refused; empty when it was not.
  [[nodiscard]] std::string_view refusal() const noexcept { return refusal_; }
  /// Who answered where another one was expected; what it says of itself, not proven.
  [[nodiscard]] const std::optional<PeerId>& answered_as() const noexcept { return answered_as_; }
  /// RFC 8446 7.5. Errors: invalid_argument (GnuTLS takes labels of up to 63 bytes).
  [[nodiscard]] Result<Bytes32> exporter(BytesView label, BytesView context) const;

 private:
  static int verify(gnutls_session_t session) noexcept;
  static ngtcp2_conn* connection_of(ngtcp2_crypto_conn_ref* reference) noexcept;
  friend class TlsContext;

  const TlsContext& context_;
  gnutls_session_t session_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  ngtcp2_conn* connection_ = nullptr;
  std::optional<Expect> expected_;
  std::optional<PeerId> peer_;
  std::optional<PeerId> answered_as_;
  std::string_view refusal_;
  bool ok_ = false;
};

}  // namespace mosaik::quic
