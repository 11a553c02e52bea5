#include "posix/wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace mosaik {

Wakeup::Wakeup() noexcept : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Wakeup::ring() const noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then it rings already.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Wakeup::quiet() const noexcept {
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t read = ::read(event_.get(), &rings, sizeof rings);
}

}  // namespace mosaik
