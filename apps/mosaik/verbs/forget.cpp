#include <mosaik/types/id.hpp>

#include "client/find_control.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {

int run_forget(const ClientOptions& options) {
  const auto peer = PeerId::from_hex(options.peer);
  if (!peer)
    return report({Errc::invalid_argument, "'" + options.peer +
                                               "' is no peer id; write the 64 hexadecimal digits that "
                                               "`mosaik members --json` shows"});
  const Result<std::string> body = ask_node(options, "/v1/forget?peer=" + peer->hex());
  if (!body) return report(body.error());
  const std::string text = "member " + peer->brief() + " is forgotten\n";
  return print(options.output == Output::json ? *body : text) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
