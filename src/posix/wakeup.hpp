#pragma once
/// Wakeup: a descriptor that any thread makes readable, for whoever polls it (eventfd(2)).

#include "posix/descriptor.hpp"

namespace mosaik {

class Wakeup {
 public:
  /// Without one (`false`) when too many files are open: then ring() is heard by nobody.
  Wakeup() noexcept;
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(event_); }

  /// Readable from ring() to quiet().
  [[nodiscard]] int fd() const noexcept { return event_.get(); }
  void ring() const noexcept;
  void quiet() const noexcept;

 private:
  Descriptor event_;
};

}  // namespace mosaik
