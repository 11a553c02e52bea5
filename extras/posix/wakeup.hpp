#pragma once
/// Wakeup: a descriptor that any thread makes readable, for a thread that polls it (eventfd(2)).

#include "posix/descriptor.hpp"

namespace mosaik::posix {

class Wakeup {
 public:
  /// Without a descriptor when too many files are open: then ring() wakes no thread.
  Wakeup() noexcept;

  /// Readable from ring() to quiet().
  [[nodiscard]] int fd() const noexcept { return event_.get(); }
  void ring() const noexcept;
  void quiet() const noexcept;

 private:
  Descriptor event_;
};

}  // namespace mosaik::posix
