#include <fmt/core.h>
#include <spdlog/version.h>
#include <toml++/impl/version.h>
#include <CLI/Version.hpp>
#include <mosaik/control.hpp>
#include <mosaik/version.hpp>

#include <sstream>

#include "control/json_text.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

/// `name version` a line: the library's, then the command's own.
std::string libraries() {
  std::string out = library_versions() + control_library_versions();
  out += fmt::format("CLI11 {}\nfmt {}.{}.{}\nspdlog {}.{}.{}\ntoml++ {}.{}.{}\n", CLI11_VERSION, FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, FMT_VERSION % 100, SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH,
                     TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH);
  return out;
}

}  // namespace

int run_version(const VersionOptions& options) {
  std::istringstream lines(libraries());
  control::json::Object json;
  Table table({"library", "version"});
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string number = space == std::string::npos ? "" : line.substr(space + 1);
    json.add(name, std::string_view(number));
    table.add({name, number});
  }
  if (options.output == Output::json) {
    const std::string text =
        control::json::Object().add("version", version).add("wire", wire_version).raw("libraries", json.str()).str();
    return print(text + "\n") ? exit_fine : exit_failure;
  }
  const std::string head =
      fmt::format("mosaik {}\nwire protocol {} (crate mosaik {})\n\n", version, wire_version, wire_version);
  return print(head + table.text(Style::of(stdout))) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
