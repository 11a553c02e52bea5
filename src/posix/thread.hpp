#pragma once
/// Threads of the library.

#include <functional>
#include <thread>

#include <mosaik/types/result.hpp>

namespace mosaik {

/// Starts a thread with a name for debuggers (at most 15 characters) and with signals blocked, those of its own faults
/// excepted: signals belong to the threads of the program.
[[nodiscard]] Result<std::thread> start_thread(const char* name, std::function<void()> run);

}  // namespace mosaik
