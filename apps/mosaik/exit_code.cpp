#include "mosaik/exit_code.hpp"

#include <cstdio>

#include "mosaik/output.hpp"

namespace mosaik::command {

int report(const Error& error) {
  const Style style = Style::of(stderr);
  const std::string text = style.red("mosaik:") + " " + printable(error.message) + "\n";
  std::fputs(text.c_str(), stderr);
  if (error.code == Errc::unknown_outcome) return exit_unknown;
  return error.code == Errc::invalid_argument ? exit_usage : exit_failure;
}

}  // namespace mosaik::command
