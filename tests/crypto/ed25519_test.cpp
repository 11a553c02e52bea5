#include "crypto/ed25519.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/vectors.hpp"
#include "crypto/sodium.hpp"

namespace mosaik::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes32 bytes32(std::string_view hex) {
  Bytes32 out{};
  EXPECT_TRUE(from_hex(hex, out)) << hex;
  return out;
}

Bytes64 joined(const Bytes32& r, const Bytes32& s) {
  Bytes64 out{};
  std::ranges::copy(r, out.begin());
  std::ranges::copy(s, out.begin() + 32);
  return out;
}

struct Rfc8032Vector {
  std::string_view seed;
  std::string_view id;
  std::string_view message;
  std::string_view signature;
};

// RFC 8032 7.1: TEST 1, TEST 2, TEST 3, TEST SHA(abc).
constexpr std::array<Rfc8032Vector, 4> rfc8032 = {{
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
     "3dca179c138ac17ad9bef1177331a704"},
}};

// All encodings of points of small order: the canonical ones, then those with y >= p or a sign on x = 0.
constexpr std::array<std::string_view, 14> small_order = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

TEST(Ed25519, follows_rfc_8032) {
  for (const Rfc8032Vector& one : rfc8032) {
    const SecretKey key = SecretKey::from_seed(bytes32(one.seed));
    const Bytes message = test::unhex(one.message);
    EXPECT_EQ(key.id().hex(), one.id);
    EXPECT_EQ(to_hex(key.sign(message)), one.signature);
    EXPECT_TRUE(verify(key.id(), message, key.sign(message)));
    EXPECT_TRUE(is_valid_peer_id(key.id()));
  }
}

TEST(Ed25519, refuses_another_message_signer_or_signature) {
  const SecretKey key = SecretKey::from_seed(Bytes32{1});
  const SecretKey other = SecretKey::from_seed(Bytes32{2});
  const Signature signature = key.sign(bytes_of("message"));
  EXPECT_TRUE(verify(key.id(), bytes_of("message"), signature));
  EXPECT_FALSE(verify(key.id(), bytes_of("massage"), signature));
  EXPECT_FALSE(verify(other.id(), bytes_of("message"), signature));
  for (std::size_t bit = 0; bit < 512; bit += 7) {
    Signature changed = signature;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify(key.id(), bytes_of("message"), changed)) << bit;
  }
}

TEST(Ed25519, refuses_a_non_canonical_s) {
  // S + L, the group order, satisfies the same equation.
  const Bytes32 order = bytes32("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const SecretKey key = SecretKey::from_seed(Bytes32{1});
  Signature signature = key.sign(bytes_of("message"));
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned sum = signature[32 + i] + order[i] + carry;
    signature[32 + i] = static_cast<std::uint8_t>(sum);
    carry = sum >> 8U;
  }
  ASSERT_EQ(carry, 0U);
  EXPECT_FALSE(verify(key.id(), bytes_of("message"), signature));
}

TEST(Ed25519, refuses_a_signer_of_small_order) {
  // With A the neutral element, R = S * B verifies for any message and any S.
  ensure_sodium();
  const Bytes32 s = {5};
  Bytes32 r{};
  ASSERT_EQ(crypto_scalarmult_ed25519_base_noclamp(r.data(), s.data()), 0);
  for (const std::string_view a : small_order)
    EXPECT_FALSE(verify(PeerId(bytes32(a)), bytes_of("any"), joined(r, s))) << a;
}

TEST(Ed25519, refuses_an_r_of_small_order) {
  // A signer may choose R = neutral and S = H(R, A, M) * a: the equation holds, and only strictness refuses it.
  const SecretKey key = SecretKey::from_seed(Bytes32{1});
  Bytes64 expanded{};
  crypto_hash_sha512(expanded.data(), key.seed().data(), 32);
  Bytes32 a{};
  std::copy_n(expanded.begin(), 32, a.begin());
  a[0] &= 248U;
  a[31] = static_cast<std::uint8_t>((a[31] & 127U) | 64U);
  const Bytes32 r = bytes32(small_order[0]);
  Bytes preimage(r.begin(), r.end());
  preimage.insert(preimage.end(), key.id().bytes().begin(), key.id().bytes().end());
  preimage.push_back('m');
  Bytes64 digest{};
  crypto_hash_sha512(digest.data(), preimage.data(), preimage.size());
  Bytes32 h{};
  crypto_core_ed25519_scalar_reduce(h.data(), digest.data());
  Bytes32 s{};
  crypto_core_ed25519_scalar_mul(s.data(), h.data(), a.data());
  Bytes32 left{};
  Bytes32 right{};
  ASSERT_EQ(crypto_scalarmult_ed25519_base_noclamp(left.data(), s.data()), 0);
  ASSERT_EQ(crypto_scalarmult_ed25519_noclamp(right.data(), h.data(), key.id().bytes().data()), 0);
  ASSERT_EQ(left, right) << "the forged signature must satisfy the equation, or this test shows nothing";
  EXPECT_FALSE(verify(key.id(), bytes_of("m"), joined(r, s)));
}

TEST(PeerIdValidity, refuses_points_of_small_order_in_every_encoding) {
  for (const std::string_view hex : small_order) EXPECT_FALSE(is_valid_peer_id(PeerId(bytes32(hex)))) << hex;
}

TEST(PeerIdValidity, refuses_a_y_that_is_not_reduced) {
  std::size_t twins = 0;
  for (std::uint8_t y = 2; y < 19; ++y) {
    if (!is_valid_peer_id(PeerId(Bytes32{y}))) continue;
    Bytes32 twin = bytes32(small_order[10]);  // p
    twin[0] = static_cast<std::uint8_t>(twin[0] + y);
    EXPECT_FALSE(is_valid_peer_id(PeerId(twin))) << int{y};
    ++twins;
  }
  EXPECT_GT(twins, 0U);
}

TEST(PeerIdValidity, refuses_what_is_off_the_curve) {
  EXPECT_FALSE(is_valid_peer_id(PeerId(Bytes32{2})));
  const SecretKey key = SecretKey::from_seed(Bytes32{1});
  std::size_t off = 0;
  for (std::uint8_t flip = 1; flip < 33; ++flip) {
    Bytes32 changed = key.id().bytes();
    changed[0] ^= flip;
    const PeerId id(changed);
    if (is_valid_peer_id(id)) continue;
    ++off;
    EXPECT_FALSE(verify(id, bytes_of("m"), key.sign(bytes_of("m"))));
  }
  EXPECT_GT(off, 8U);  // half of all y have no x
  EXPECT_LT(off, 24U);
}

TEST(SecretKey, moves_and_copies_only_when_asked) {
  SecretKey key = SecretKey::from_seed(Bytes32{1});
  const PeerId id = key.id();
  const SecretKey copy = key.copy();
  const SecretKey moved = std::move(key);
  EXPECT_EQ(copy.id(), id);
  EXPECT_EQ(moved.id(), id);
  EXPECT_EQ(moved.sign(bytes_of("m")), copy.sign(bytes_of("m")));
  EXPECT_EQ(key.seed(), Bytes32{});  // NOLINT(bugprone-use-after-move): wiped
}

TEST(SecretKey, derives_one_secret_for_each_purpose) {
  const SecretKey key = SecretKey::from_seed(Bytes32{1});
  EXPECT_EQ(key.derive("reset"), key.copy().derive("reset"));
  EXPECT_NE(key.derive("reset"), key.derive("token"));
  EXPECT_NE(key.derive("reset"), SecretKey::from_seed(Bytes32{2}).derive("reset"));
  EXPECT_NE(key.derive("reset"), key.seed());
}

}  // namespace
}  // namespace mosaik::crypto
