#include "client/find_control.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {

int run_leave(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/leave");
  if (!body) return report(body.error());
  return print(options.output == Output::json ? *body : "the node is leaving\n") ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
