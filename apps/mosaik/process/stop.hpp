#pragma once
/// SIGINT and SIGTERM: the first asks the program to end well, a second (100 ms later or more) ends it at once,
/// whatever it is doing.

namespace mosaik::command {

/// From now on signals are noted. Before any thread is started.
void watch_for_stop();
/// The same as a first signal, from within the program; asking twice is asking once.
void ask_to_stop() noexcept;
[[nodiscard]] bool stop_asked() noexcept;
/// Readable once a stop was asked for; -1 before watch_for_stop().
[[nodiscard]] int stop_descriptor() noexcept;

}  // namespace mosaik::command
