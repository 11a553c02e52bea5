#include "consensus/dynamic/handshake_payload.hpp"

#include <mosaik/serialization/postcard.hpp>

#include "base/limits.hpp"

namespace mosaik::consensus {

std::vector<std::uint8_t> encode_handshake_payload(std::uint32_t quorum_floor) {
  std::vector<std::uint8_t> out;
  postcard::Writer(out).varint(quorum_floor);
  return out;
}

std::optional<std::uint32_t> decode_handshake_payload(BytesView payload) {
  postcard::Reader reader(payload);
  const std::uint64_t floor = reader.varint();
  if (!reader.ok() || floor > limits::mesh_peers + 1) return std::nullopt;
  return static_cast<std::uint32_t>(floor);
}

}  // namespace mosaik::consensus
