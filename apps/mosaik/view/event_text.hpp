#pragma once
/// Events in words, for the log of a node and for `mosaik events`.

#include <string>

#include <mosaik/types/event.hpp>

#include "control/json.hpp"

namespace mosaik::command {

[[nodiscard]] std::string event_text(const Event& event);
/// The same of a line that a node printed or streamed.
[[nodiscard]] std::string event_text(const control::json::Line& line);

}  // namespace mosaik::command
