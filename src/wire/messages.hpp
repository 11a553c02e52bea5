#pragma once
/// Messages of a bond and of discovery, without their length prefix (spec: groups 3.2, 4.1, 5; discovery 1.12).
///
/// Entries inside messages stay views into the frame (wire::SignedEntryView); identity/ turns them into entries.
/// Bytes behind a message are ignored by the crate; between C++ nodes they carry extensions (extensions.hpp), so
/// every decoder here returns the rest as `tail`.

#include <variant>
#include <vector>

#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

#include "wire/entry.hpp"

namespace mosaik::wire {

using ProofBytes = Bytes32;

struct HandshakeStart {
  NetworkId network;
  GroupId group;
  ProofBytes proof{};
  std::vector<SignedEntryView> bonds;
  BytesView tail;
};
struct HandshakeEnd {
  ProofBytes proof{};
  std::vector<SignedEntryView> bonds;
  BytesView tail;
};

struct Ping {
  BytesView tail;
};
struct Pong {
  BytesView tail;
};
struct Departure {};
struct PeerEntryUpdate {
  SignedEntryView entry;
};
struct BondFormed {
  SignedEntryView entry;
};
/// A raft message, undecoded: the bytes behind the variant index 5.
struct Raft {
  BytesView message;
};
using BondMessage = std::variant<Ping, Pong, Departure, PeerEntryUpdate, BondFormed, Raft>;

[[nodiscard]] Result<HandshakeStart> decode_handshake_start(BytesView payload);
[[nodiscard]] Result<HandshakeEnd> decode_handshake_end(BytesView payload);
[[nodiscard]] Result<BondMessage> decode_bond_message(BytesView payload);
/// At most limits::snapshot_entries entries.
[[nodiscard]] Result<std::vector<SignedEntryView>> decode_snapshot(BytesView payload);

using Out = std::vector<std::uint8_t>;
/// `bonds`: signed entries, each in its encoding, ascending by peer id; `tail`: an extension block or nothing.
void encode_handshake_start(const NetworkId& network, const GroupId& group, const ProofBytes& proof,
                            std::span<const BytesView> bonds, BytesView tail, Out& out);
void encode_handshake_end(const ProofBytes& proof, std::span<const BytesView> bonds, BytesView tail, Out& out);
void encode_ping(BytesView tail, Out& out);
void encode_pong(Out& out);
void encode_departure(Out& out);
void encode_peer_entry_update(BytesView signed_entry, Out& out);
void encode_bond_formed(BytesView signed_entry, Out& out);
void encode_raft(BytesView message, Out& out);
void encode_snapshot(std::span<const BytesView> signed_entries, Out& out);

}  // namespace mosaik::wire
