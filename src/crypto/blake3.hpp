#pragma once
/// Portable BLAKE3 (BLAKE3 specification, 2020-01-09), written to be read: one compression at a time, no SIMD.
///
/// The input is cut into chunks of 1024 bytes, each hashed block by block into a chaining value. Chaining values are
/// the leaves of a binary tree whose left side is always complete; `stack` holds the roots of the complete subtrees so
/// far. Bit n of the number of finished chunks says that the stack holds a subtree of 2^n chunks.

#include <array>
#include <cstdint>
#include <span>

#include <mosaik/types/bytes.hpp>

namespace mosaik::crypto::blake3 {

using Words8 = std::array<std::uint32_t, 8>;
using Words16 = std::array<std::uint32_t, 16>;

inline constexpr std::size_t block_size = 64;
inline constexpr std::size_t chunk_size = 1024;
inline constexpr std::size_t deepest = 54;  ///< 2^54 chunks of 2^10 bytes are all that a 64-bit length can name

/// Domain flags (specification, table 3).
enum Flag : std::uint32_t {
  chunk_start = 1U << 0U,
  chunk_end = 1U << 1U,
  parent = 1U << 2U,
  root = 1U << 3U,
  keyed_hash = 1U << 4U,
  derive_key_context = 1U << 5U,
  derive_key_material = 1U << 6U,
};

/// A hash in progress. A plain value: copying it forks the hash.
struct State {
  Words8 key;            ///< the mode's key words
  std::uint32_t mode;    ///< the mode's flag, in every compression
  Words8 chunk_cv;       ///< chaining value of the chunk so far
  std::uint64_t chunks;  ///< finished chunks, the counter of this one
  std::array<std::uint8_t, block_size> block;
  std::uint32_t block_used;   ///< bytes in `block`; a full block waits, since it may be the last of its chunk
  std::uint32_t blocks_done;  ///< compressed blocks of this chunk
  std::uint32_t depth;
  std::array<Words8, deepest> stack;
};

void start_plain(State& state) noexcept;
void start_keyed(State& state, const Bytes32& key) noexcept;
void start_derive_key(State& state, BytesView context) noexcept;
void update(State& state, BytesView input) noexcept;
/// Any number of output bytes; leaves the state as it was.
void finish(const State& state, std::span<std::uint8_t> out) noexcept;

}  // namespace mosaik::crypto::blake3
