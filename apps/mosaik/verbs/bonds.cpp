#include "control/json.hpp"
#include "verbs/show.hpp"
#include "verbs/verbs.hpp"

namespace mosaik::command {
namespace {

std::string bonds_table(const Bonds& bonds, const Style& style) {
  Table table({"PEER", "STATE", "RTT", "AGE", "OPENED BY", "ADDRESS", "BOND", "SESSION"});
  for (const Bond& bond : bonds) {
    const Bond::Own& own = bond.own();
    table.add({own.peer.id().brief(), own.suspect ? style.yellow("suspect") : style.green("bonded"),
               duration_text(own.rtt), duration_text(own.age), own.opened_by_us ? "us" : "peer", own.remote.text(),
               bond.id().brief(), own.session.brief()});
  }
  return table.text(style);
}

std::string bonds_text(const std::vector<control::json::GroupBonds>& groups, const Style& style) {
  std::string text;
  for (const control::json::GroupBonds& group : groups) {
    if (groups.size() > 1) text += "group " + group.group.brief() + "\n";
    text += bonds_table(group.bonds, style);
  }
  return groups.empty() ? "this node has no bonds; 'mosaik status' says why\n" : text;
}

}  // namespace

int run_bonds(const ClientOptions& options) {
  return show(options, "/v1/bonds", control::json::read_bonds, bonds_text);
}

}  // namespace mosaik::command
