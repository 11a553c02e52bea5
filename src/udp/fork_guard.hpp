#pragma once
/// What a forked child must not hold: our sockets. A child of fork without exec inherits every descriptor,
/// close-on-exec or not, and as long as it lives the kernel keeps the port and the connections: nobody would hear of
/// our death. So each guarded descriptor is replaced by /dev/null in every child, before fork returns there
/// (pthread_atfork). The number stays taken, so that whoever closes it in the child closes nothing else's.
///
/// A child made by clone() itself, without the C library, is not seen: then the silence decides.

#include <utility>

namespace mosaik::udp {

class ForkGuard {
 public:
  ForkGuard() noexcept = default;
  explicit ForkGuard(int fd);
  ForkGuard(ForkGuard&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ForkGuard& operator=(ForkGuard&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  /// Before the descriptor is closed.
  ~ForkGuard();

 private:
  int fd_ = -1;
};

}  // namespace mosaik::udp
