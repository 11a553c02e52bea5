#pragma once
/// What all connections of one endpoint share. Private to the room.

#include <map>

#include "base/admission_table.hpp"
#include "base/limits.hpp"
#include "crypto/drbg.hpp"
#include "transport/quic/admission/secrets.hpp"
#include "transport/quic/connection/cid.hpp"
#include "transport/quic/event_queue.hpp"
#include "transport/quic/quic.hpp"
#include "transport/quic/tls/tls.hpp"

namespace mosaik::quic {

struct Shared {
  Shared(const crypto::SecretKey& key, const EndpointConfig& configuration)
      : config(configuration),
        random(configuration.random_seed),
        tls(key),
        resets(key),
        retries(random.bytes32()),
        cids(random_word(), random_word()),
        reset_tokens(random_word(), random_word()) {}

  [[nodiscard]] Cid random_cid() noexcept {
    Cid out;
    out.size = Cid::own_size;
    random.fill(std::span(out.bytes).first(Cid::own_size));
    return out;
  }
  [[nodiscard]] std::uint64_t random_word() noexcept {
    std::array<std::uint8_t, 8> bytes{};
    random.fill(bytes);
    std::uint64_t out = 0;
    for (const std::uint8_t byte : bytes) out = out << 8U | byte;
    return out;
  }

  EndpointConfig config;
  crypto::Drbg random;
  TlsContext tls;
  ResetTokens resets;
  RetryTokens retries;
  CidTable cids;
  CidTable reset_tokens;  ///< of our peers' connection ids, 16 bytes each
  EventQueue events;
  Rests rests;
  EndpointCounters counters;
  std::map<PeerId, std::size_t> accepted;  ///< open links of each peer that dialled us
  /// Accepted connections whose handshake is not complete.
  AdmissionTable<LinkId> incoming{{.places = limits::incoming_handshakes}};
};

}  // namespace mosaik::quic
