#include "wire/messages.hpp"

#include <string>

#include "base/limits.hpp"

namespace mosaik::wire {
namespace {

/// Variant index of a bond message (spec: groups 4.1).
enum class BondKind : std::uint8_t { ping, pong, departure, peer_entry_update, bond_formed, raft };

/// protocol "0.0.0" (6), network (32), version (2), id (32), six empty sets (6), signature (64).
constexpr std::size_t smallest_signed_entry = 142;

ProofBytes read_proof(postcard::Reader& reader) noexcept {
  return reader.id<Digest>().bytes();
}

Result<std::vector<SignedEntryView>> read_entries(postcard::Reader& reader, std::size_t limit) {
  const std::size_t count = reader.count(smallest_signed_entry);
  if (!reader.ok()) return fail(Errc::malformed, "a list of entries that does not decode");
  if (count > limit) {
    return fail(Errc::limit, "a list of " + std::to_string(count) + " entries, more than " + std::to_string(limit));
  }
  std::vector<SignedEntryView> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Result<SignedEntryView> entry = cut_signed_entry(reader);
    if (!entry) return std::unexpected(std::move(entry.error()));
    out.push_back(*entry);
  }
  return out;
}

/// What HandshakeStart and HandshakeEnd end with: proof, bonds, and what lies behind them.
template <class Message>
Result<Message> with_proof(postcard::Reader& reader, Message out) {
  out.proof = read_proof(reader);
  Result<std::vector<SignedEntryView>> bonds = read_entries(reader, limits::handshake_entries);
  if (!bonds) return std::unexpected(std::move(bonds.error()));
  out.bonds = std::move(*bonds);
  out.tail = reader.rest();
  return out;
}

void write_entries(std::span<const BytesView> signed_entries, postcard::Writer& writer) {
  writer.varint(signed_entries.size());
  for (const BytesView entry : signed_entries) writer.raw(entry);
}

template <class Message>
Result<BondMessage> with_entry(postcard::Reader& reader) {
  Result<SignedEntryView> entry = cut_signed_entry(reader);
  if (!entry) return std::unexpected(std::move(entry.error()));
  return Message{*entry};
}

void write_kind(BondKind kind, Out& out) {
  out.push_back(static_cast<std::uint8_t>(kind));
}

}  // namespace

Result<HandshakeStart> decode_handshake_start(BytesView payload) {
  postcard::Reader reader(payload);
  HandshakeStart out;
  out.network = reader.id<NetworkId>();
  out.group = reader.id<GroupId>();
  return with_proof(reader, std::move(out));
}

Result<HandshakeEnd> decode_handshake_end(BytesView payload) {
  postcard::Reader reader(payload);
  return with_proof(reader, HandshakeEnd{});
}

Result<BondMessage> decode_bond_message(BytesView payload) {
  postcard::Reader reader(payload);
  const std::uint64_t kind = reader.varint(32);
  if (!reader.ok()) return fail(Errc::malformed, "a bond message without a kind");
  switch (kind) {
    case static_cast<std::uint64_t>(BondKind::ping): return Ping{reader.rest()};
    case static_cast<std::uint64_t>(BondKind::pong): return Pong{reader.rest()};
    case static_cast<std::uint64_t>(BondKind::departure): return Departure{};
    case static_cast<std::uint64_t>(BondKind::peer_entry_update): return with_entry<PeerEntryUpdate>(reader);
    case static_cast<std::uint64_t>(BondKind::bond_formed): return with_entry<BondFormed>(reader);
    case static_cast<std::uint64_t>(BondKind::raft): return Raft{reader.rest()};
    default: return fail(Errc::malformed, "a bond message of unknown kind " + std::to_string(kind));
  }
}

Result<std::vector<SignedEntryView>> decode_snapshot(BytesView payload) {
  postcard::Reader reader(payload);
  return read_entries(reader, limits::snapshot_entries);
}

void encode_handshake_start(const NetworkId& network, const GroupId& group, const ProofBytes& proof,
                            std::span<const BytesView> bonds, BytesView tail, Out& out) {
  postcard::Writer writer(out);
  writer.id(network).id(group).raw(proof);
  write_entries(bonds, writer);
  writer.raw(tail);
}

void encode_handshake_end(const ProofBytes& proof, std::span<const BytesView> bonds, BytesView tail, Out& out) {
  postcard::Writer writer(out);
  writer.raw(proof);
  write_entries(bonds, writer);
  writer.raw(tail);
}

void encode_ping(BytesView tail, Out& out) {
  write_kind(BondKind::ping, out);
  postcard::Writer(out).raw(tail);
}

void encode_pong(Out& out) {
  write_kind(BondKind::pong, out);
}

void encode_departure(Out& out) {
  write_kind(BondKind::departure, out);
}

void encode_peer_entry_update(BytesView signed_entry, Out& out) {
  write_kind(BondKind::peer_entry_update, out);
  postcard::Writer(out).raw(signed_entry);
}

void encode_bond_formed(BytesView signed_entry, Out& out) {
  write_kind(BondKind::bond_formed, out);
  postcard::Writer(out).raw(signed_entry);
}

void encode_raft(BytesView message, Out& out) {
  write_kind(BondKind::raft, out);
  postcard::Writer(out).raw(message);
}

void encode_snapshot(std::span<const BytesView> signed_entries, Out& out) {
  postcard::Writer writer(out);
  write_entries(signed_entries, writer);
}

}  // namespace mosaik::wire
