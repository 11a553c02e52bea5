#include "control/json.hpp"
#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/output.hpp"
#include "mosaik/verbs.hpp"

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

}  // namespace

int run_bonds(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/bonds");
  if (!body) return report(body.error());
  if (options.output == Output::json) return print(*body) ? exit_fine : exit_failure;
  const auto groups = control::json::read_bonds(*body);
  if (!groups) return report(groups.error());
  const Style style = Style::of(stdout);
  std::string text;
  for (const control::json::GroupBonds& group : *groups) {
    if (groups->size() > 1) text += "group " + group.group.brief() + "\n";
    text += bonds_table(group.bonds, style);
  }
  if (groups->empty()) text = "this node has no bonds; 'mosaik status' says why\n";
  return print(text) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
