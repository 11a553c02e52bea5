#pragma once
/// Ed25519 (RFC 8032) through libsodium, as strict as the crate's verifier: small-order and off-curve points and
/// a non-canonical S are refused (spec: discovery 1.3, 1.4).

#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

#include "crypto/secret_memory.hpp"

namespace mosaik::crypto {

using Signature = Bytes64;

/// A secret key: the 32-byte seed of RFC 8032, in secret memory. Move-only; without a seed (all zero) once moved from.
class SecretKey {
 public:
  [[nodiscard]] static SecretKey from_seed(const Bytes32& seed);

  [[nodiscard]] const PeerId& id() const noexcept { return id_; }
  [[nodiscard]] Signature sign(BytesView message) const;
  /// In secret memory: do not copy it elsewhere.
  [[nodiscard]] const Bytes32& seed() const noexcept;
  /// 32 bytes for one purpose, from the seed: keys for stateless resets, tokens and the like.
  [[nodiscard]] Bytes32 derive(std::string_view purpose) const;
  [[nodiscard]] SecretKey copy() const { return from_seed(seed()); }

 private:
  SecretKey() = default;
  SecretBytes expanded_;  ///< libsodium's form: seed, then public key
  PeerId id_;
};

/// True for a canonical encoding of a point on the curve that is not of small order.
[[nodiscard]] bool is_valid_peer_id(const PeerId& id) noexcept;

[[nodiscard]] bool verify(const PeerId& signer, BytesView message, const Signature& signature) noexcept;

}  // namespace mosaik::crypto
