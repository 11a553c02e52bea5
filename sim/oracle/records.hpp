#pragma once
/// Records of a simulated disk: numbers and bytes, and what a node keeps from run to run.

#include <cstdint>
#include <vector>

#include <mosaik/types/bytes.hpp>

#include "node/persisted_state.hpp"

namespace mosaik::sim {

inline void put_number(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
/// Takes it from the front. The disk gives whole records or none, so that what was written is there.
inline std::uint64_t take_number(BytesView& rest) {
  std::uint64_t out = 0;
  for (std::size_t i = 8; i > 0; --i) out = out << 8U | rest[i - 1];
  rest = rest.subspan(8);
  return out;
}

[[nodiscard]] std::vector<std::uint8_t> write_memory(const node::Memory& memory);
[[nodiscard]] node::Memory read_memory(BytesView record);

}  // namespace mosaik::sim
