#include <fmt/format.h>

#include "control/json.hpp"
#include "verbs/show.hpp"
#include "verbs/verbs.hpp"
#include "view/matrix.hpp"

namespace mosaik::command {
namespace {

std::string topology_text(const std::vector<control::json::GroupBonds>& groups, const Style& style) {
  std::string text;
  for (const control::json::GroupBonds& group : groups) {
    const std::vector<PeerId> members = members_of(group.bonds, group.self);
    text += fmt::format("{}group {}: {}, {} of {}\n", text.empty() ? "" : "\n", group.group.brief(),
                        counted(members.size(), "member"), counted(group.bonds.size(), "bond"),
                        members.size() * (members.size() - 1) / 2);
    text += draw_matrix(group.bonds, members, group.self, style, {terminal_width()});
  }
  return groups.empty() ? "this node is in no group\n" : text;
}

}  // namespace

int run_topology(const ClientOptions& options) {
  return show(options, "/v1/topology", control::json::read_topology, topology_text);
}

}  // namespace mosaik::command
