#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace mosaik {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "mosaik: broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace mosaik
