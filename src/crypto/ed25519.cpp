#include "crypto/ed25519.hpp"

#include <sodium.h>

#include <algorithm>
#include <new>

#include "base/assert.hpp"
#include "crypto/hash.hpp"
#include "crypto/sodium.hpp"

namespace mosaik::crypto {
namespace {

/// 2^255 - 19, little endian: a canonical y is below it (RFC 8032 5.1.3).
constexpr Bytes32 field_prime = [] {
  Bytes32 out{};
  out.fill(0xff);
  out[0] = 0xed;
  out[31] = 0x7f;
  return out;
}();

/// Encoding of the neutral element (0, 1).
constexpr Bytes32 neutral = {1};

bool is_canonical(Bytes32 point) noexcept {
  point[31] &= 0x7fU;  // the sign of x
  return std::lexicographical_compare(point.rbegin(), point.rend(), field_prime.rbegin(), field_prime.rend());
}

/// Twice the point; false when the bytes are no point on the curve.
bool double_point(Bytes32& point) noexcept {
  return crypto_core_ed25519_add(point.data(), point.data(), point.data()) == 0;
}

}  // namespace

SecretKey SecretKey::from_seed(const Bytes32& seed) {
  ensure_sodium();
  SecretKey out;
  out.expanded_ = SecretBytes(sizeof(Bytes64));
  Bytes32 id{};
  const int made = crypto_sign_seed_keypair(id.data(), out.expanded_.bytes().data(), seed.data());
  MOSAIK_ASSERT(made == 0);
  scrub_stack();
  out.id_ = PeerId(id);
  return out;
}

const Bytes32& SecretKey::seed() const noexcept {
  static constexpr Bytes32 none{};
  const BytesView expanded = expanded_.view();
  return expanded.empty() ? none : *std::launder(reinterpret_cast<const Bytes32*>(expanded.data()));
}

Signature SecretKey::sign(BytesView message) const {
  MOSAIK_ASSERT(expanded_.view().size() == sizeof(Bytes64));
  Signature out{};
  const int made = crypto_sign_detached(out.data(), nullptr, message.data(), message.size(), expanded_.view().data());
  MOSAIK_ASSERT(made == 0);
  return out;
}

Bytes32 SecretKey::derive(std::string_view purpose) const {
  const Bytes32 out = Hasher::derive_key("mosaik.secret-key.v1 " + std::string(purpose)).update(seed()).finish();
  scrub_stack();
  return out;
}

bool is_valid_peer_id(const PeerId& id) noexcept {
  ensure_sodium();
  if (!is_canonical(id.bytes())) return false;
  // Small order means: an order that divides the cofactor 8, so that doubling three times gives the neutral element.
  Bytes32 point = id.bytes();
  for (int i = 0; i < 3; ++i)
    if (!double_point(point)) return false;
  return point != neutral;
}

bool verify(const PeerId& signer, BytesView message, const Signature& signature) noexcept {
  ensure_sodium();
  // libsodium refuses a non-canonical S, R or A of small order, and a non-canonical or off-curve A; it compares the
  // encodings of R, which refuses a non-canonical R too. tests/crypto holds it to that.
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(), signer.bytes().data()) == 0;
}

}  // namespace mosaik::crypto
