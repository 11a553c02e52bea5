#pragma once
/// The limits of the control socket. Reaching one has a defined result (docs/CONTROL.md).

#include <chrono>
#include <cstddef>

namespace mosaik::control {

using Nanoseconds = std::chrono::nanoseconds;
using namespace std::chrono_literals;

}  // namespace mosaik::control

namespace mosaik::control::limits {

inline constexpr std::size_t event_backlog = 1024;            ///< events that wait for one client; more: the oldest go
inline constexpr std::size_t trace_backlog = 4096;            ///< decisions that wait for one client; more: counted
inline constexpr std::size_t control_clients = 32;            ///< at a time; more are told to try again
inline constexpr std::size_t control_request = 64U << 10U;    ///< bytes of one HTTP request
inline constexpr std::size_t control_header = 16U << 10U;     ///< bytes of a request's head
inline constexpr std::size_t control_body = 2U << 20U;        ///< bytes of a request's body: a command or a query
inline constexpr std::size_t control_write = 64U << 10U;      ///< bytes of events handed to the kernel at a time
inline constexpr std::size_t control_response = 256U << 20U;  ///< bytes of an answer that our client takes
inline constexpr std::size_t control_event = 16U << 20U;      ///< bytes of one event line that our client takes
inline constexpr std::size_t control_line = 64U << 10U;       ///< bytes of one JSON command on standard input
inline constexpr Nanoseconds control_request_timeout = 5s;    ///< from the first byte of a request to its last
inline constexpr Nanoseconds control_idle_timeout = 30s;      ///< between two requests of one connection
inline constexpr Nanoseconds control_write_timeout = 30s;     ///< a client that takes nothing for so long is dropped
inline constexpr Nanoseconds control_call_time = 600s;        ///< that a call on a group may ask for
inline constexpr Nanoseconds control_call_margin = 2s;        ///< that a call may overstay before it is given up
inline constexpr Nanoseconds control_keep_alive = 15s;        ///< a comment line in a quiet event stream
inline constexpr Nanoseconds control_flush =
    100ms;  ///< that a server that ends gives its clients for what they are owed

}  // namespace mosaik::control::limits
