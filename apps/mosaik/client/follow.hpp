#pragma once
/// Following a stream of a node: a line for each message, until one of both ends.

#include <functional>
#include <string>

#include "client/find_control.hpp"
#include "view/output.hpp"

namespace mosaik::command {

/// Prints each message of the stream at `target` of the node that the flags mean, as JSON or as `text_of` makes it.
/// Returns the exit code: fine when the node ends or the reader of standard output goes.
[[nodiscard]] int follow(const ClientOptions& options, const std::string& target,
                         const std::function<std::string(const std::string&, const Style&)>& text_of);

}  // namespace mosaik::command
