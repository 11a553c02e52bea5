#include "crypto/blake3.hpp"

#include <algorithm>
#include <bit>

namespace mosaik::crypto::blake3 {
namespace {

/// Also the first words of SHA-256's state (specification, table 1).
constexpr Words8 initial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Order of the message words in the next round (specification, table 2).
constexpr std::array<std::size_t, 16> permutation = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

constexpr std::size_t rounds = 7;

/// Message word that is used at each place of each round: the permutation applied again and again.
constexpr auto schedule = [] {
  std::array<std::array<std::size_t, 16>, rounds> out{};
  for (std::size_t i = 0; i < 16; ++i) out[0][i] = i;
  for (std::size_t round = 1; round < rounds; ++round)
    for (std::size_t i = 0; i < 16; ++i) out[round][i] = out[round - 1][permutation[i]];
  return out;
}();

/// The quarter round on state words a, b, c, d with two message words.
inline void mix(Words16& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d, std::uint32_t x,
                std::uint32_t y) noexcept {
  v[a] += v[b] + x;
  v[d] = std::rotr(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = std::rotr(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 7);
}

inline void mix_round(Words16& v, const Words16& m, const std::array<std::size_t, 16>& order) noexcept {
  mix(v, 0, 4, 8, 12, m[order[0]], m[order[1]]);
  mix(v, 1, 5, 9, 13, m[order[2]], m[order[3]]);
  mix(v, 2, 6, 10, 14, m[order[4]], m[order[5]]);
  mix(v, 3, 7, 11, 15, m[order[6]], m[order[7]]);
  mix(v, 0, 5, 10, 15, m[order[8]], m[order[9]]);
  mix(v, 1, 6, 11, 12, m[order[10]], m[order[11]]);
  mix(v, 2, 7, 8, 13, m[order[12]], m[order[13]]);
  mix(v, 3, 4, 9, 14, m[order[14]], m[order[15]]);
}

/// One call of the compression function, not yet made: the last one of a tree is made with the root flag, and more
/// than once when more than 64 bytes of output are wanted.
struct Compression {
  Words8 cv;
  Words16 message;
  std::uint64_t counter;
  std::uint32_t length;
  std::uint32_t flags;

  [[nodiscard]] Words16 run() const noexcept {
    Words16 v;
    std::copy(cv.begin(), cv.end(), v.begin());
    std::copy(initial.begin(), initial.begin() + 4, v.begin() + 8);
    v[12] = static_cast<std::uint32_t>(counter);
    v[13] = static_cast<std::uint32_t>(counter >> 32U);
    v[14] = length;
    v[15] = flags;
    for (const auto& order : schedule) mix_round(v, message, order);
    for (std::size_t i = 0; i < 8; ++i) {
      v[i] ^= v[i + 8];
      v[i + 8] ^= cv[i];
    }
    return v;
  }
  [[nodiscard]] Words8 chaining_value() const noexcept {
    const Words16 out = run();
    Words8 half;
    std::copy_n(out.begin(), half.size(), half.begin());
    return half;
  }
};

std::uint32_t load_word(const std::uint8_t* bytes) noexcept {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  return word;
}

Words8 load_key(const Bytes32& bytes) noexcept {
  Words8 key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = load_word(bytes.data() + 4 * i);
  return key;
}

/// Compression of the block in hand; `more` flags mark the end of the chunk.
Compression of_block(const State& state, std::uint32_t more) noexcept {
  Compression out;
  out.cv = state.chunk_cv;
  for (std::size_t i = 0; i < out.message.size(); ++i) out.message[i] = load_word(state.block.data() + 4 * i);
  out.counter = state.chunks;
  out.length = state.block_used;
  out.flags = state.mode | more | (state.blocks_done == 0 ? chunk_start : 0U);
  return out;
}

Compression of_parent(const State& state, const Words8& left, const Words8& right) noexcept {
  Compression out;
  out.cv = state.key;
  std::copy(left.begin(), left.end(), out.message.begin());
  std::copy(right.begin(), right.end(), out.message.begin() + 8);
  out.counter = 0;
  out.length = block_size;
  out.flags = state.mode | parent;
  return out;
}

void empty_block(State& state) noexcept {
  state.block.fill(0);  // a short last block is padded with zeros
  state.block_used = 0;
}

void next_block(State& state) noexcept {
  state.chunk_cv = of_block(state, 0).chaining_value();
  ++state.blocks_done;
  empty_block(state);
}

/// The chunk is whole and not the last: its chaining value joins the tree. Each trailing zero bit of the new chunk
/// count closes one subtree, which is then merged with its left sibling.
void next_chunk(State& state) noexcept {
  Words8 cv = of_block(state, chunk_end).chaining_value();
  ++state.chunks;
  for (std::uint64_t count = state.chunks; (count & 1U) == 0; count >>= 1U)
    cv = of_parent(state, state.stack[--state.depth], cv).chaining_value();
  state.stack[state.depth++] = cv;
  state.chunk_cv = state.key;
  state.blocks_done = 0;
  empty_block(state);
}

}  // namespace

void start(State& state, const Words8& key, std::uint32_t mode) noexcept {
  state.key = key;
  state.mode = mode;
  state.chunk_cv = key;
  state.chunks = 0;
  state.blocks_done = 0;
  state.depth = 0;
  empty_block(state);
}

void start_plain(State& state) noexcept {
  start(state, initial, 0);
}

void start_keyed(State& state, const Bytes32& key) noexcept {
  start(state, load_key(key), keyed_hash);
}

void start_derive_key(State& state, BytesView context) noexcept {
  start(state, initial, derive_key_context);
  update(state, context);
  Bytes32 key;
  finish(state, key);
  start(state, load_key(key), derive_key_material);
}

void update(State& state, BytesView input) noexcept {
  while (!input.empty()) {
    if (state.block_used == block_size) {
      if ((state.blocks_done + 1) * block_size == chunk_size) {
        next_chunk(state);
      } else {
        next_block(state);
      }
    }
    const std::size_t taken = std::min(block_size - state.block_used, input.size());
    std::copy_n(input.begin(), taken, state.block.begin() + state.block_used);
    state.block_used += static_cast<std::uint32_t>(taken);
    input = input.subspan(taken);
  }
}

void finish(const State& state, std::span<std::uint8_t> out) noexcept {
  Compression last = of_block(state, chunk_end);
  for (std::size_t depth = state.depth; depth > 0; --depth)
    last = of_parent(state, state.stack[depth - 1], last.chaining_value());
  last.flags |= root;
  for (last.counter = 0; !out.empty(); ++last.counter) {
    const Words16 words = last.run();
    const std::size_t taken = std::min(block_size, out.size());
    for (std::size_t i = 0; i < taken; ++i) out[i] = static_cast<std::uint8_t>(words[i / 4] >> (8 * (i % 4)));
    out = out.subspan(taken);
  }
}

}  // namespace mosaik::crypto::blake3
