#include "crypto/group_key.hpp"

#include <sodium.h>

#include <algorithm>

#include "crypto/hash.hpp"
#include "crypto/sodium.hpp"

namespace mosaik {

GroupKey GroupKey::from_secret(std::string_view secret) {
  return GroupKey(Digest::of(secret).bytes());
}

GroupKey GroupKey::random() {
  crypto::ensure_sodium();
  Bytes32 secret{};
  randombytes_buf(secret.data(), secret.size());
  const GroupKey out(secret);
  crypto::wipe(secret);
  return out;
}

GroupKey::~GroupKey() {
  crypto::wipe(secret_);
}

std::string GroupKey::redacted() const {
  const BytesView view(secret_);
  return to_hex(view.first(1)) + "****" + to_hex(view.last(1));
}

bool GroupKey::equals(const GroupKey& other) const noexcept {
  return crypto::equal_constant_time(secret_, other.secret_);
}

}  // namespace mosaik

namespace mosaik::crypto {
namespace {

template <std::size_t Size>
std::array<std::uint8_t, Size> little_endian(std::uint64_t value) noexcept {
  std::array<std::uint8_t, Size> out{};
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

}  // namespace

Proof make_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover) noexcept {
  Bytes32 session_secret = hash({key.secret(), ekm.view()});
  const Proof proof(hash({session_secret, prover.view()}));
  wipe(session_secret);
  return proof;
}

bool verify_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover, const Proof& proof) noexcept {
  return equal_constant_time(make_proof(key, ekm, prover).view(), proof.view());
}

GroupId make_group_id(const GroupKey& key, const Digest& consensus, const Digest& machine,
                      const Digest& state_sync) noexcept {
  Bytes32 id = hash({key.secret()});
  for (const Digest* part : {&consensus, &machine, &state_sync}) id = hash({id, part->view()});
  return GroupId(id);
}

Digest consensus_digest(std::uint64_t heartbeat_ms, std::uint64_t jitter_ms, std::uint64_t max_missed) noexcept {
  return Digest(hash({little_endian<16>(heartbeat_ms), little_endian<16>(jitter_ms), little_endian<16>(max_missed)}));
}

Digest log_replay_signature(std::string_view rust_type, std::uint64_t batch_size,
                            std::uint64_t fetch_timeout_s) noexcept {
  return Digest::hash(bytes_of("mosaik_log_replay_sync"))
      .derive(bytes_of(rust_type))
      .derive(little_endian<8>(batch_size))
      .derive(little_endian<8>(fetch_timeout_s));
}

Digest noop_signature() noexcept {
  return Digest::hash(bytes_of("mosaik_noop_state_machine"));
}

BondId make_bond_id(const GroupKey& key, const GroupId& group, const PeerId& a, const PeerId& b) noexcept {
  const auto& [lower, higher] = std::minmax(a, b);
  const Bytes32 domain = hash({bytes_of("mosaik.bond.id.v1")});
  const Bytes32 key_digest = hash({key.secret()});
  return BondId(hash({domain, lower.view(), higher.view(), key_digest, group.view()}));
}

}  // namespace mosaik::crypto
