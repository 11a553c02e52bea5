#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/output.hpp"
#include "mosaik/verbs.hpp"

namespace mosaik::command {

int run_leave(const ClientOptions& options) {
  const Result<std::string> body = ask_node(options, "/v1/leave");
  if (!body) return report(body.error());
  return print(options.output == Output::json ? *body : "the node is leaving\n") ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
