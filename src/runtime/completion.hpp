#pragma once
/// Completion: how the end of a call on a group reaches its caller. There is one for each call, and it runs once.

#include <cstdint>
#include <functional>
#include <utility>

#include "consensus/api/call.hpp"

namespace mosaik::runtime {

/// Runs once, on the delivery thread.
using Task = std::move_only_function<void()>;

/// When a completion runs.
enum class CompleteAt : std::uint8_t {
  turn_end,  ///< behind what the turn publishes: it wakes a waiting thread without the way over the delivery thread
  at_once,   ///< as soon as the engine has answered
  on_loop,   ///< the same, and the caller's code runs in it: the loop takes answers before it sends
};

struct Completion {
  CompleteAt at = CompleteAt::turn_end;
  /// Runs on the loop's thread. What it returns, if anything, is the caller's code and runs on the delivery thread.
  std::move_only_function<Task(const consensus::Outcome&)> run;
};

}  // namespace mosaik::runtime
