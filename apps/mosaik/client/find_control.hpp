#pragma once
/// Where control sockets are, and which running node is meant.

#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/result.hpp>

#include "control/client.hpp"
#include "settings/options.hpp"

namespace mosaik::command {

/// `$XDG_RUNTIME_DIR/mosaik`, or `/tmp/mosaik-<uid>`.
[[nodiscard]] std::string control_directory();
/// `<name>.sock` in the control directory, which is made when it is missing. Errors: io; permission if the directory is
/// a link, belongs to another user or can be written by others: they could stand in for the node.
[[nodiscard]] Result<std::string> default_control(std::string_view name);

/// The socket that the flags mean; without flags that of the only running node.
/// Errors: unreachable (none runs), invalid_argument (several do: they are listed), permission (the control directory
/// is not this user's alone; a socket that the flags or MOSAIK_CONTROL name may be anywhere).
[[nodiscard]] Result<std::string> find_control(const ClientOptions& options);

/// Of a `not_found`, which is no node at a control socket: unreachable, with the nodes that do run here, or how to
/// start one. Any other error as it is.
[[nodiscard]] Error explain_absence(const Error& error);

/// Asks the node that the flags mean; an answer that is no success is an error (refused). Errors: unreachable if no
/// node answers, and those of find_control.
[[nodiscard]] Result<std::string> ask_node(const ClientOptions& options, std::string_view target);

}  // namespace mosaik::command
