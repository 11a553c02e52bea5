#pragma once
/// The one place that knows which ngtcp2 it is: 0.12 (Debian 12) or 1.x. Included by .cpp files and by private headers
/// that only they include.

#include <cstddef>
#include <cstdint>
#include <span>

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include "transport/quic/tls/frames.hpp"

namespace mosaik::quic::compat {

#if NGTCP2_VERSION_NUM >= 0x010000

using CloseError = ngtcp2_ccerr;
inline void set_application_error(CloseError& error, std::uint64_t code, const std::uint8_t* reason, std::size_t size) {
  ngtcp2_ccerr_set_application_error(&error, code, reason, size);
}
inline void set_transport_error(CloseError& error, std::uint64_t code) {
  ngtcp2_ccerr_set_transport_error(&error, code, nullptr, 0);
}
inline CloseError received_close(ngtcp2_conn* connection) {
  return *ngtcp2_conn_get_ccerr(connection);
}
inline bool is_application(const CloseError& error) {
  return error.type == NGTCP2_CCERR_TYPE_APPLICATION;
}
inline void set_original_cid(ngtcp2_transport_params& parameters, const ngtcp2_cid& cid) {
  parameters.original_dcid = cid;
  parameters.original_dcid_present = 1;
}
inline void set_token(ngtcp2_settings& settings, const std::uint8_t* token, std::size_t size) {
  settings.token = token;
  settings.tokenlen = size;
  settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
}
inline const std::uint8_t* token_of(const ngtcp2_pkt_hd& header) {
  return header.token;
}
inline std::size_t token_size(const ngtcp2_pkt_hd& header) {
  return header.tokenlen;
}

struct PathFacts {
  std::uint64_t smoothed_rtt = 0, least_rtt = 0, in_flight = 0;
  bool sampled = false;
};
inline PathFacts facts_of(ngtcp2_conn* connection) {
  ngtcp2_conn_info info{};
  ngtcp2_conn_get_conn_info(connection, &info);
  const bool sampled = info.min_rtt != UINT64_MAX;
  return {info.smoothed_rtt, sampled ? info.min_rtt : 0, info.bytes_in_flight, sampled};
}
/// 1.x paces by itself and assumes 1 ms until there is a sample.
inline bool may_pace(ngtcp2_conn*) {
  return true;
}

/// Handler: int(void* user, bool active, const std::uint8_t* token).
template <auto handler>
int on_peer_cid(ngtcp2_conn*, ngtcp2_connection_id_status_type status, std::uint64_t, const ngtcp2_cid*,
                const std::uint8_t* token, void* user) {
  return handler(user, status == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE, token);
}

inline ngtcp2_ssize encode_parameters(const ngtcp2_transport_params& parameters, bool, std::span<std::uint8_t> room) {
  return ngtcp2_transport_params_encode(room.data(), room.size(), &parameters);
}
using CryptoLevel = ngtcp2_encryption_level;
inline PacketSpace space_of(CryptoLevel level) {
  switch (level) {
    case NGTCP2_ENCRYPTION_LEVEL_INITIAL: return PacketSpace::initial;
    case NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE: return PacketSpace::handshake;
    case NGTCP2_ENCRYPTION_LEVEL_0RTT: return PacketSpace::early;
    case NGTCP2_ENCRYPTION_LEVEL_1RTT: break;
  }
  return PacketSpace::application;
}
inline CryptoLevel level_of(PacketSpace space) {
  switch (space) {
    case PacketSpace::initial: return NGTCP2_ENCRYPTION_LEVEL_INITIAL;
    case PacketSpace::handshake: return NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;
    case PacketSpace::early: return NGTCP2_ENCRYPTION_LEVEL_0RTT;
    case PacketSpace::application: break;
  }
  return NGTCP2_ENCRYPTION_LEVEL_1RTT;
}
inline bool has_preferred_address(const ngtcp2_transport_params& parameters) {
  return parameters.preferred_addr_present != 0;
}

#else

using CloseError = ngtcp2_connection_close_error;
inline void set_application_error(CloseError& error, std::uint64_t code, const std::uint8_t* reason, std::size_t size) {
  ngtcp2_connection_close_error_set_application_error(&error, code, reason, size);
}
inline void set_transport_error(CloseError& error, std::uint64_t code) {
  ngtcp2_connection_close_error_set_transport_error(&error, code, nullptr, 0);
}
inline CloseError received_close(ngtcp2_conn* connection) {
  CloseError error{};
  ngtcp2_conn_get_connection_close_error(connection, &error);
  return error;
}
inline bool is_application(const CloseError& error) {
  return error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
}
inline void set_original_cid(ngtcp2_transport_params& parameters, const ngtcp2_cid& cid) {
  parameters.original_dcid = cid;
}
inline void set_token(ngtcp2_settings& settings, const std::uint8_t* token, std::size_t size) {
  // ngtcp2_vec is not const; the library only copies from it.
  settings.token = {const_cast<std::uint8_t*>(token), size};
}
inline const std::uint8_t* token_of(const ngtcp2_pkt_hd& header) {
  return header.token.base;
}
inline std::size_t token_size(const ngtcp2_pkt_hd& header) {
  return header.token.len;
}

struct PathFacts {
  std::uint64_t smoothed_rtt = 0, least_rtt = 0, in_flight = 0;
  bool sampled = false;
};
inline PathFacts facts_of(ngtcp2_conn* connection) {
  ngtcp2_conn_stat stat{};
  ngtcp2_conn_get_conn_stat(connection, &stat);
  const bool sampled = stat.first_rtt_sample_ts != UINT64_MAX;
  return {stat.smoothed_rtt, sampled ? stat.min_rtt : 0, stat.bytes_in_flight, sampled};
}
/// 0.12 paces by the initial RTT until there is a sample, which would add tens of milliseconds to every handshake and
/// to the first flight after a path change on a fast path.
inline bool may_pace(ngtcp2_conn* connection) {
  return facts_of(connection).sampled;
}

template <auto handler>
int on_peer_cid(ngtcp2_conn*, int status, std::uint64_t, const ngtcp2_cid*, const std::uint8_t* token, void* user) {
  return handler(user, status == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE, token);
}

inline ngtcp2_ssize encode_parameters(const ngtcp2_transport_params& parameters, bool of_client,
                                      std::span<std::uint8_t> room) {
  return ngtcp2_encode_transport_params(
      room.data(), room.size(),
      of_client ? NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO : NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS,
      &parameters);
}
using CryptoLevel = ngtcp2_crypto_level;
inline PacketSpace space_of(CryptoLevel level) {
  switch (level) {
    case NGTCP2_CRYPTO_LEVEL_INITIAL: return PacketSpace::initial;
    case NGTCP2_CRYPTO_LEVEL_HANDSHAKE: return PacketSpace::handshake;
    case NGTCP2_CRYPTO_LEVEL_EARLY: return PacketSpace::early;
    case NGTCP2_CRYPTO_LEVEL_APPLICATION: break;
  }
  return PacketSpace::application;
}
inline CryptoLevel level_of(PacketSpace space) {
  switch (space) {
    case PacketSpace::initial: return NGTCP2_CRYPTO_LEVEL_INITIAL;
    case PacketSpace::handshake: return NGTCP2_CRYPTO_LEVEL_HANDSHAKE;
    case PacketSpace::early: return NGTCP2_CRYPTO_LEVEL_EARLY;
    case PacketSpace::application: break;
  }
  return NGTCP2_CRYPTO_LEVEL_APPLICATION;
}
inline bool has_preferred_address(const ngtcp2_transport_params& parameters) {
  return parameters.preferred_address_present != 0;
}

#endif

inline constexpr std::size_t iv_size = 12;  ///< of each cipher that TLS 1.3 has (RFC 8446 5.3)

enum class PeerParameters : std::uint8_t { usable, missing, elsewhere };
inline PeerParameters parameters_of(ngtcp2_conn* connection) {
  const ngtcp2_transport_params* const found = ngtcp2_conn_get_remote_transport_params(connection);
  if (found == nullptr) return PeerParameters::missing;
  return has_preferred_address(*found) ? PeerParameters::elsewhere : PeerParameters::usable;
}

/// Handler: int(ngtcp2_conn*, PacketSpace, void* user).
template <auto handler>
int on_key(ngtcp2_conn* quic, CryptoLevel level, void* user) {
  return handler(quic, space_of(level), user);
}

}  // namespace mosaik::quic::compat
