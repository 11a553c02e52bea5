#pragma once
/// Poller: sleeps until a descriptor is ready or a deadline has come: one system call a wake, and none to set a timer.
///
/// Readiness is told by level: what was not read to its end is told again by the next wait.

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include <mosaik/types/result.hpp>

#include "base/now.hpp"
#include "posix/descriptor.hpp"

namespace mosaik::runtime {

class Poller {
 public:
  /// What a descriptor is ready for.
  struct Ready {
    std::size_t key = 0;  ///< as given to add()
    bool readable = false;
    bool writable = false;
    bool failed = false;  ///< an error waits: for a UDP socket, in its error queue
  };

  /// Errors: limit.
  [[nodiscard]] static Result<Poller> open();

  /// Readable when one of its descriptors is ready: a poller may be watched by another one.
  [[nodiscard]] int fd() const noexcept { return epoll_.get(); }
  /// Watches `fd` for reading and errors, until it is closed or this object ends. Errors: limit.
  [[nodiscard]] Result<> add(int fd, std::size_t key);
  /// Whether a descriptor that was added is watched for room to write as well.
  void watch_writable(int fd, std::size_t key, bool watched);
  /// Returns when something is ready or `until` has come, at once when it is over; `never`: only when something is
  /// ready. Empty at the deadline, or after a signal.
  [[nodiscard]] std::span<const Ready> wait(Mono until);

 private:
  static constexpr std::size_t most = 8;
  explicit Poller(Descriptor epoll) noexcept : epoll_(std::move(epoll)) {}

  Descriptor epoll_;
  bool exact_ = true;  // the kernel takes timeouts finer than a millisecond
  std::array<Ready, most> ready_{};
};

}  // namespace mosaik::runtime
