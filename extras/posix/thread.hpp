#pragma once
/// Threads of the extras.

#include <functional>
#include <thread>

#include <mosaik/types/result.hpp>

namespace mosaik::posix {

/// Starts a thread with a name for debuggers (at most 15 characters) and with signals blocked, those of its own faults
/// excepted: signals belong to the threads of the program.
[[nodiscard]] Result<std::thread> start_thread(const char* name, std::function<void()> run);

}  // namespace mosaik::posix
