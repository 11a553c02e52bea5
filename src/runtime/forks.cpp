#include "runtime/forks.hpp"

#include <pthread.h>

#include <atomic>

namespace mosaik::runtime {
namespace {

std::atomic<std::uint64_t> generation = 0;

}  // namespace

std::uint64_t fork_generation() {
  // Out of memory: then children are not told, and must not touch what they inherit.
  static const int once = ::pthread_atfork(nullptr, nullptr, [] { generation.fetch_add(1); });
  static_cast<void>(once);
  return generation.load(std::memory_order_relaxed);
}

}  // namespace mosaik::runtime
