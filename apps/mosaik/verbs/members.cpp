#include "verbs/show.hpp"
#include "verbs/verbs.hpp"
#include "view/status_text.hpp"

namespace mosaik::command {
namespace {

std::string members_text(const std::vector<control::json::GroupMembers>& groups, const Style& style) {
  std::string text;
  for (const control::json::GroupMembers& group : groups) {
    if (groups.size() > 1) text += "group " + group.group.brief() + "\n";
    text += members_table(group.members, style);
    if (group.unattested.empty()) continue;
    text += "\nunattested: their own entries alone say that they are members, and they count for nothing\n";
    text += members_table(group.unattested, style);
  }
  return groups.empty() ? "this node is in no group\n" : text;
}

}  // namespace

int run_members(const ClientOptions& options) {
  return show(options, "/v1/members", control::json::read_members, members_text);
}

}  // namespace mosaik::command
