#pragma once
/// What is computed from the group's secret: the proof of a handshake, the GroupId, and the name of a bond.

#include <mosaik/types/group_key.hpp>
#include <mosaik/types/id.hpp>

#include "base/limits.hpp"

namespace mosaik::crypto {

/// TLS exporter output of one connection with the group id as label (spec: groups 3.1).
using ExporterKey = Id<struct ExporterKeyKind>;
/// Proof that its sender knows the group key, bound to one TLS session and to the sender.
using Proof = Id<struct ProofKind>;

/// H(H(secret || ekm) || prover) (spec: groups 3.1).
[[nodiscard]] Proof make_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover) noexcept;
/// Constant-time comparison with the proof that `prover` should have made.
[[nodiscard]] bool verify_proof(const GroupKey& key, const ExporterKey& ekm, const PeerId& prover,
                                const Proof& proof) noexcept;

/// The fold of spec groups 2.2: key, heartbeat settings, machine, state sync.
[[nodiscard]] GroupId make_group_id(const GroupKey& key, const Digest& consensus, const Digest& machine,
                                    const Digest& state_sync) noexcept;
/// Digest of the three settings that enter the GroupId, in whole milliseconds (spec: groups 2.3).
[[nodiscard]] Digest consensus_digest(std::uint64_t heartbeat_ms, std::uint64_t jitter_ms,
                                      std::uint64_t max_missed) noexcept;
/// Signature of catch-up by log replay for a machine of this Rust type name (spec: groups 2.4).
[[nodiscard]] Digest log_replay_signature(std::string_view rust_type, std::uint64_t batch_size = limits::catch_up_batch,
                                          std::uint64_t fetch_timeout_s = 25) noexcept;

/// H("mosaik_noop_state_machine").
[[nodiscard]] Digest noop_signature() noexcept;
inline constexpr std::string_view noop_rust_type = "mosaik::groups::machine::noop::NoOp";

/// H(H("mosaik.bond.id.v1") || lower || higher || H(secret) || group) (spec: extensions 4).
[[nodiscard]] BondId make_bond_id(const GroupKey& key, const GroupId& group, const PeerId& a, const PeerId& b) noexcept;

}  // namespace mosaik::crypto
