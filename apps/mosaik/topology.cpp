#include <fmt/format.h>

#include "control/json.hpp"
#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/matrix.hpp"
#include "mosaik/verbs.hpp"

namespace mosaik::command {

int run_topology(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/topology");
  if (!body) return report(body.error());
  if (options.output == Output::json) return print(*body) ? exit_fine : exit_failure;
  const auto groups = control::json::read_topology(*body);
  if (!groups) return report(groups.error());
  const Style style = Style::of(stdout);
  std::string text;
  for (const control::json::GroupBonds& group : *groups) {
    const std::vector<PeerId> members = members_of(group.bonds, group.self);
    text += fmt::format("{}group {}: {}, {} of {}\n", text.empty() ? "" : "\n", group.group.brief(),
                        counted(members.size(), "member"), counted(group.bonds.size(), "bond"),
                        members.size() * (members.size() - 1) / 2);
    text += draw_matrix(group.bonds, members, group.self, style, {terminal_width()});
  }
  if (groups->empty()) text = "this node is in no group\n";
  return print(text) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
