#include "base/random.hpp"

#include <bit>
#include <limits>

namespace mosaik {
namespace {

/// One step of splitmix64: the seeding that the authors of xoshiro recommend.
std::uint64_t split_mix(std::uint64_t& state) noexcept {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t value = state;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

}  // namespace

Rng::Rng(std::uint64_t seed) noexcept : seed_(seed) {
  for (std::uint64_t& word : state_) word = split_mix(seed);
}

std::uint64_t Rng::next() noexcept {
  const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return out;
}

std::uint64_t Rng::below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  // 2^64 mod bound values at the low end are drawn again, so that every remainder is equally likely.
  const std::uint64_t biased = (0 - bound) % bound;
  std::uint64_t value = next();
  while (value < biased) value = next();
  return value % bound;
}

Nanoseconds Rng::between(Nanoseconds low, Nanoseconds high) noexcept {
  if (high <= low) return low;
  const std::uint64_t from = static_cast<std::uint64_t>(low.count());
  const std::uint64_t span = static_cast<std::uint64_t>(high.count()) - from;
  const bool everything = span == std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t offset = everything ? next() : below(span + 1);
  return Nanoseconds(static_cast<std::int64_t>(from + offset));
}

Rng Rng::fork(std::string_view name, std::uint64_t index) const noexcept {
  std::uint64_t state = seed_;
  std::uint64_t child = split_mix(state);
  for (const char c : name) {
    state = child ^ static_cast<unsigned char>(c);
    child = split_mix(state);
  }
  // The length keeps ("a", 'b' as index) and ("ab", 0) apart.
  state = child ^ name.size();
  state = split_mix(state) ^ index;
  return Rng(split_mix(state));
}

}  // namespace mosaik
