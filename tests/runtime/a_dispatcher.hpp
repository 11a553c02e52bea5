#pragma once
/// Stands for the dispatcher of a loop that runs, for requests that ask nothing of it.

#include <cstddef>

#include "runtime/inbox.hpp"

namespace mosaik::runtime {

inline RequestDispatcher* a_dispatcher() {
  alignas(std::max_align_t) static std::byte place;
  return reinterpret_cast<RequestDispatcher*>(&place);
}

}  // namespace mosaik::runtime
