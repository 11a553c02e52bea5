#pragma once
/// Ed25519 (RFC 8032) through libsodium, as strict as the crate's verifier: small-order and off-curve points and
/// a non-canonical S are refused (spec: discovery 1.3, 1.4).

#include <mosaik/id.hpp>
#include <mosaik/result.hpp>

namespace mosaik::crypto {

using Signature = Bytes64;

/// A secret key: the 32-byte seed of RFC 8032. Move-only; wiped at the end.
class SecretKey {
 public:
  [[nodiscard]] static SecretKey from_seed(const Bytes32& seed);
  SecretKey(SecretKey&&) noexcept;
  SecretKey& operator=(SecretKey&&) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  [[nodiscard]] const PeerId& id() const noexcept { return id_; }
  [[nodiscard]] Signature sign(BytesView message) const;
  [[nodiscard]] const Bytes32& seed() const noexcept { return seed_; }
  /// 32 bytes for one purpose, from the seed: keys for stateless resets, tokens and the like.
  [[nodiscard]] Bytes32 derive(std::string_view purpose) const;
  [[nodiscard]] SecretKey copy() const { return from_seed(seed_); }

 private:
  SecretKey() = default;
  Bytes32 seed_{};
  PeerId id_;
};

/// True for a canonical encoding of a point on the curve that is not of small order.
[[nodiscard]] bool is_valid_peer_id(const PeerId& id) noexcept;

[[nodiscard]] bool verify(const PeerId& signer, BytesView message, const Signature& signature) noexcept;

}  // namespace mosaik::crypto
