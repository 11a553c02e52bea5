#include "crypto/group_key.hpp"

#include <sodium.h>

#include <algorithm>

#include "crypto/hash.hpp"
#include "crypto/secret_memory.hpp"

namespace mosaik {

GroupKey GroupKey::from_secret(std::string_view secret) {
  const auto out = crypto::make_secret32();
  if (!from_hex(secret, *out)) {
    crypto::Hasher().update(bytes_of(secret)).finish(*out);
    crypto::scrub_stack();
  }
  return GroupKey(out);
}

GroupKey GroupKey::from_bytes(const Bytes32& bytes) {
  const auto out = crypto::make_secret32();
  *out = bytes;
  return GroupKey(out);
}

GroupKey GroupKey::random() {
  const auto out = crypto::make_secret32();
  randombytes_buf(out->data(), out->size());
  return GroupKey(out);
}

std::string GroupKey::redacted() const {
  const BytesView view(*secret_);
  return to_hex(view.first(1)) + "****" + to_hex(view.last(1));
}

bool GroupKey::equals(const GroupKey& other) const noexcept {
  return crypto::equal_constant_time(*secret_, *other.secret_);
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

/// hash() of parts of which some are secret: nothing of them stays on the stack.
Bytes32 hash_secret(std::initializer_list<BytesView> parts) noexcept {
  const Bytes32 out = hash(parts);
  scrub_stack();
  return out;
}

}  // namespace

Proof make_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover) noexcept {
  Bytes32 session_secret = hash_secret({key.secret(), ekm.view()});
  const Proof proof(hash_secret({session_secret, prover.view()}));
  wipe(session_secret);
  return proof;
}

bool verify_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover, const Proof& proof) noexcept {
  return equal_constant_time(make_proof(key, ekm, prover).view(), proof.view());
}

GroupId make_group_id(const GroupKey& key, const Digest& consensus, const Digest& machine,
                      const Digest& state_sync) noexcept {
  Bytes32 id = hash_secret({key.secret()});
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
  const Bytes32 key_digest = hash_secret({key.secret()});
  return BondId(hash({domain, lower.view(), higher.view(), key_digest, group.view()}));
}

}  // namespace mosaik::crypto
