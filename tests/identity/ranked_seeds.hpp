#pragma once
/// Keys for tests, in the order of their ids.

#include <map>
#include <vector>

#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"

namespace mosaik::test {

/// Secret keys whose ids ascend: that of rank 0 is the lowest.
inline const std::vector<Bytes32>& ranked_seeds() {
  static const std::vector<Bytes32> seeds = [] {
    std::map<PeerId, Bytes32> sorted;
    for (std::uint8_t i = 0; i < 32; ++i) {
      const Bytes32 seed = crypto::hash({BytesView(&i, 1)});
      sorted.emplace(crypto::SecretKey::from_seed(seed).id(), seed);
    }
    std::vector<Bytes32> out;
    for (const auto& [id, seed] : sorted) out.push_back(seed);
    return out;
  }();
  return seeds;
}

}  // namespace mosaik::test
