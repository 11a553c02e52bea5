#include "crypto/drbg.hpp"

#include "crypto/hash.hpp"

namespace mosaik::crypto {

Drbg::~Drbg() {
  wipe(key_);
}

void Drbg::fill(std::span<std::uint8_t> out) noexcept {
  // The key is replaced by a sibling of the output, so that a later look at memory tells nothing of what was drawn.
  Hasher::keyed(key_).update(bytes_of("output")).finish(out);
  key_ = Hasher::keyed(key_).update(bytes_of("next key")).finish();
}

Bytes32 Drbg::bytes32() noexcept {
  Bytes32 out;
  fill(out);
  return out;
}

}  // namespace mosaik::crypto
