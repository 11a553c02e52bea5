#include <fmt/format.h>

#include "client/follow.hpp"
#include "control/json.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

std::string text_of(const std::string& decision, const Style& style) {
  const Result<TraceRecord> record = control::json::read_decision(decision);
  if (!record) return one_line(decision);
  std::string words = fmt::format("{:<9}  {}: {}", record->component, record->what, record->reason);
  if (!record->peer.is_zero()) words += "  peer " + record->peer.brief();
  if (!record->group.is_zero()) words += "  group " + record->group.brief();
  for (const TraceField& field : record->fields) words += fmt::format("  {}={}", field.name, field.value);
  if (record->lost != 0) words += fmt::format("  ({} before it were lost)", record->lost);
  return style.dim(clock_text(record->wall_ms)) + "  " + one_line(words);
}

std::string target_of(const ClientOptions& options) {
  std::string out = "/v1/trace";
  if (!options.component.empty()) out += "?component=" + options.component;
  if (!options.peer.empty()) out += (options.component.empty() ? "?peer=" : "&peer=") + options.peer;
  return out;
}

[[nodiscard]] bool is_name(std::string_view text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

}  // namespace

int run_trace(const ClientOptions& options) {
  if (!is_name(options.component))
    return report({Errc::invalid_argument, "--component is no name of a component; give e.g. consensus"});
  if (!options.peer.empty() && !PeerId::from_hex(options.peer))
    return report({Errc::invalid_argument, "--peer is no peer id; give 64 hexadecimal digits (mosaik members --json)"});
  return follow(options, target_of(options), text_of);
}

}  // namespace mosaik::command
