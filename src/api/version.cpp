#include <mosaik/version.hpp>

namespace mosaik {

// MOSAIK_LIBRARIES comes from the build, which has found them: `name version\n` for each.
std::string library_versions() {
  return MOSAIK_LIBRARIES;
}

}  // namespace mosaik
