#pragma once
/// Entries for tests: those of the vectors, and one with something of everything.

#include <mosaik/types/peer_entry.hpp>

#include "base/vectors.hpp"
#include "wire/entry.hpp"

namespace mosaik::test {

using Bytes = std::vector<std::uint8_t>;

/// The signed entries that a Rust node made (secret key 32 x 01).
inline std::vector<Bytes> rust_entries() {
  std::vector<Bytes> out;
  const boost::json::value vectors = load_vectors("mosaik.json");
  for (const boost::json::value& one : vectors.at("signed_entries").as_array()) out.push_back(bytes_at(one, "hex"));
  return out;
}

template <class T>
T filled(std::uint8_t value) {
  Bytes32 out{};
  out.fill(value);
  return T(out);
}

inline PeerEntry full_entry() {
  PeerEntry entry;
  entry.protocol = "0.4.2+cpp.1";
  entry.network = filled<NetworkId>(1);
  entry.version = {.started = 1'776'500'000'000, .updated = 1'776'500'001'234};
  entry.id = *PeerId::from_hex("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
  entry.addresses = {RelayAddress{"https://relay.example/"}, SocketAddress::v4({192, 0, 2, 1}, 4433),
                     SocketAddress::v6({0x20, 1, 0xd, 0xb8}, 4434), CustomAddress{300, {1, 2, 3}}};
  entry.tags = {filled<Tag>(1), filled<Tag>(2)};
  entry.streams = {filled<StreamId>(3)};
  entry.functions = {filled<FunctionId>(4), filled<FunctionId>(5)};
  entry.groups = {filled<GroupId>(6)};
  entry.tickets = {{filled<Digest>(7), filled<Digest>(8), {9}}, {filled<Digest>(8), filled<Digest>(8), {}}};
  return entry;
}

inline Bytes encoded(const PeerEntry& entry) {
  Bytes out;
  wire::encode_entry(entry, out);
  return out;
}

/// An entry with 64 bytes behind it in place of a signature.
inline Bytes with_any_signature(Bytes entry) {
  entry.resize(entry.size() + 64, 0x5a);
  return entry;
}

}  // namespace mosaik::test
