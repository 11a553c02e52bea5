#pragma once
/// The log of `mosaik node` on standard error: events in words.

#include <string>

#include <mosaik/types/event.hpp>

#include "settings/settings.hpp"

namespace mosaik::command {

/// Sets level and format; once, before the first line.
void open_log(const NodeSettings& settings);
void log_info(const std::string& text);
void log_warning(const std::string& text);
/// Writes an event with the level that fits it.
void log_event(const Event& event);
/// This node leaves: from here on nothing that ends is worth a warning.
void log_leaving();

}  // namespace mosaik::command
