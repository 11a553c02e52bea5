#pragma once
/// What the fuzz target of raft messages does with its input; tests/consensus replays it in every build.

#include <vector>

#include "base/assert.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::fuzz {

/// What decodes encodes to bytes that decode to the same, and grows by nothing that it did not hold.
inline void raft(BytesView input) {
  const auto message = consensus::decode(Blob::copy(input));
  if (!message) return;
  std::vector<std::uint8_t> once;
  consensus::encode(*message, once);
  MOSAIK_ASSERT(once.size() <= input.size());
  const auto again = consensus::decode(Blob::copy(once));
  MOSAIK_ASSERT(again && again->index() == message->index());
  std::vector<std::uint8_t> twice;
  consensus::encode(*again, twice);
  MOSAIK_ASSERT(once == twice);
}

}  // namespace mosaik::fuzz
