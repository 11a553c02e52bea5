#pragma once
/// What the command tells its caller when it ends.

#include <mosaik/types/result.hpp>

namespace mosaik::command {

enum ExitCode : int {
  exit_fine = 0,
  exit_failure = 1,
  exit_unable = 2,        ///< of `mosaik status`: a group with a machine has no leader or no quorum
  exit_no_such_node = 3,  ///< no node answers
  exit_unknown = 4,       ///< of `mosaik kv` and `mosaik counter`: nobody can tell whether the change was made
  exit_no_such_key = 5,   ///< of `mosaik kv`
  exit_usage = 64,        ///< EX_USAGE of sysexits.h
  exit_crash_loop = 70,   ///< EX_SOFTWARE; of `mosaik node --supervise`: the node crashed five times within a minute
};

/// Of `mosaik status`: 0 healthy, 1 degraded.
inline constexpr int exit_degraded = 1;

/// Prints the error with the program's name to standard error. The code says what a script must tell apart: usage for
/// what the caller has spelt wrongly, exit_no_such_node for `unreachable`, exit_unknown for `unknown_outcome`.
[[nodiscard]] int report(const Error& error);

}  // namespace mosaik::command
