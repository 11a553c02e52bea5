#pragma once
/// When a node that has crashed is started again. Pure: time is an argument.

#include <array>
#include <cstddef>
#include <optional>

#include "base/now.hpp"

namespace mosaik::command {

/// Signals that a fault of the program raises: SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE. Every other end is somebody's
/// will (a signal) or the node's own answer (an exit code), and stands.
[[nodiscard]] bool is_crash(int signal) noexcept;

/// Back-off: 100 ms, doubled from crash to crash up to 30 s. A run of a minute or more begins it anew. A crash loop
/// ends with the fifth crash within a minute.
class RestartPolicy {
 public:
  static constexpr Nanoseconds shortest_delay = 100ms;
  static constexpr Nanoseconds longest_delay = 30s;
  static constexpr Nanoseconds window = 60s;
  static constexpr std::size_t crashes_in_window = 5;

  /// A run began.
  void on_start(Mono now) noexcept { started_ = now; }
  /// It ended with a crash. Returns how long to wait before the next run; nothing: give up.
  [[nodiscard]] std::optional<Nanoseconds> on_crash(Mono now) noexcept;

 private:
  Mono started_{};
  Nanoseconds delay_ = shortest_delay;
  std::array<Mono, crashes_in_window - 1> earlier_{};  ///< the latest crashes before this one, as a ring
  std::size_t count_ = 0;
};

}  // namespace mosaik::command
