#include "settings/exit_code.hpp"

#include <cstdio>

#include "view/output.hpp"

namespace mosaik::command {

int report(const Error& error) {
  const Style style = Style::of(stderr);
  const std::string text = style.red("mosaik:") + " " + printable(error.message) + "\n";
  std::fputs(text.c_str(), stderr);
  switch (error.code) {
    case Errc::unknown_outcome: return exit_unknown;
    case Errc::unreachable: return exit_no_such_node;
    case Errc::invalid_argument: return exit_usage;
    default: return exit_failure;
  }
}

}  // namespace mosaik::command
