#pragma once
/// The verbs that show one snapshot of a node: its JSON as it is, or read and told in text.

#include <string_view>

#include "client/find_control.hpp"
#include "settings/exit_code.hpp"
#include "settings/options.hpp"
#include "view/output.hpp"

namespace mosaik::command {

/// `read` takes the JSON of `route`; `tell` makes the text of what it found. Returns the exit code.
template <class Read, class Tell>
[[nodiscard]] int show(const ClientOptions& options, std::string_view route, const Read& read, const Tell& tell) {
  const Result<std::string> body = ask_node(options, route);
  if (!body) return report(body.error());
  if (options.output == Output::json) return print(*body) ? exit_fine : exit_failure;
  const auto found = read(*body);
  if (!found) return report(found.error());
  return print(tell(*found, Style::of(stdout))) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
