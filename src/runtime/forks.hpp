#pragma once
/// Tells the child of a fork that its parent's threads are not there: what waits for one of them would wait for ever,
/// and a mutex may be held by one that is gone.

#include <cstdint>

namespace mosaik::runtime {

/// How often this process and those that it was forked from have forked. A child made by clone() itself, without the C
/// library, is not seen.
[[nodiscard]] std::uint64_t fork_generation();

/// Made in one process, and asked in the same one or in a child of it.
class ForkMark {
 public:
  /// This process is a child of the one that made the mark.
  [[nodiscard]] bool forked() const { return fork_generation() != made_; }

 private:
  std::uint64_t made_ = fork_generation();
};

}  // namespace mosaik::runtime
