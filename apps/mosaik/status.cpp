#include <algorithm>

#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/status_text.hpp"
#include "mosaik/verbs.hpp"

namespace mosaik::command {
namespace {

/// No node that answers there is an answer of its own here: monitoring tells a dead node from a sick one, which 1
/// means.
int status_failure(const Error& error) {
  const int code = report(error);
  return code == exit_usage ? code : exit_no_such_node;
}

}  // namespace

int run_status(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/status");
  if (!body) return status_failure(body.error());
  const Result<control::json::NodeSummary> summary = control::json::read_status(*body);
  if (!summary) return status_failure(summary.error());
  if (!print(options.output == Output::json ? *body : status_text(*summary, Style::of(stdout)))) return exit_failure;
  const bool able =
      std::ranges::all_of(summary->groups, [](const auto& group) { return group.ability == Ability::able; });
  if (!able) return exit_unable;
  return summary->health == Health::healthy ? exit_fine : exit_degraded;
}

}  // namespace mosaik::command
