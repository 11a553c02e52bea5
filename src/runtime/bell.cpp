#include "runtime/bell.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace mosaik::runtime {

Bell::Bell() noexcept : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Bell::ring() const noexcept {
  const std::uint64_t one = 1;
  // It can only fail when the counter is full, and then it rings already.
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

void Bell::quiet() const noexcept {
  std::uint64_t rings = 0;
  [[maybe_unused]] const ssize_t read = ::read(event_.get(), &rings, sizeof rings);
}

}  // namespace mosaik::runtime
