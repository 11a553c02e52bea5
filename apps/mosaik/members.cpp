#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/status_text.hpp"
#include "mosaik/verbs.hpp"

namespace mosaik::command {

int run_members(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/members");
  if (!body) return report(body.error());
  if (options.output == Output::json) return print(*body) ? exit_fine : exit_failure;
  const auto groups = control::json::read_members(*body);
  if (!groups) return report(groups.error());
  const Style style = Style::of(stdout);
  std::string text;
  for (const control::json::GroupMembers& group : *groups) {
    if (groups->size() > 1) text += "group " + group.group.brief() + "\n";
    text += members_table(group.members, style);
  }
  if (groups->empty()) text = "this node is in no group\n";
  return print(text) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
