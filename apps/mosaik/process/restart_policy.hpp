#pragma once
/// When a node that has crashed is started again. Pure: time is an argument.

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

namespace mosaik::command {

/// Signals that a fault of the program raises: SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE. Every other end is somebody's
/// will (a signal) or the node's own answer (an exit code), and stands.
[[nodiscard]] bool is_crash(int signal) noexcept;

/// Back-off: 100 ms, doubled from crash to crash up to 30 s. A run of a minute or more begins it anew. A crash loop
/// ends with the fifth crash within a minute.
class RestartPolicy {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Delay = std::chrono::nanoseconds;

  static constexpr Delay shortest_delay = std::chrono::milliseconds(100);
  static constexpr Delay longest_delay = std::chrono::seconds(30);
  static constexpr Delay window = std::chrono::minutes(1);
  static constexpr std::size_t crashes_in_window = 5;

  /// A run began.
  void on_start(Time now) noexcept { started_ = now; }
  /// It ended with a crash. Returns how long to wait before the next run; nothing: give up.
  [[nodiscard]] std::optional<Delay> on_crash(Time now) noexcept;

 private:
  Time started_{};
  Delay delay_ = shortest_delay;
  std::array<Time, crashes_in_window - 1> earlier_{};  ///< the latest crashes before this one, as a ring
  std::size_t count_ = 0;
};

}  // namespace mosaik::command
