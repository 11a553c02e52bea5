#include "crypto/sodium.hpp"

#include <sodium.h>

#include "base/assert.hpp"

namespace mosaik::crypto {

void ensure_sodium() noexcept {
  static const bool ready = sodium_init() >= 0;
  MOSAIK_ASSERT(ready);
}

}  // namespace mosaik::crypto
