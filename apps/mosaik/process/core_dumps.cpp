#include "process/core_dumps.hpp"

#include <sys/resource.h>

namespace mosaik::command {

void set_core_dumps(CoreDumps wanted) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return;
  // The hard limit stays: nothing that this process starts should lose more than it has to.
  limit.rlim_cur = wanted == CoreDumps::allowed ? limit.rlim_max : 0;
  static_cast<void>(::setrlimit(RLIMIT_CORE, &limit));  // lowering or raising to the hard limit cannot fail
}

}  // namespace mosaik::command
