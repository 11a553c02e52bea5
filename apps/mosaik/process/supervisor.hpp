#pragma once
/// `mosaik node --supervise`: the process that was started runs the node in a child, and starts it again if it crashes.
///
/// Laws. The fork comes before any thread, socket or file of the node. SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and
/// SIGUSR2 are passed on. SIGKILL and SIGSTOP, of either process, stand: a killed child ends the supervisor, a killed
/// supervisor ends the child (PR_SET_PDEATHSIG), a stopped one stays stopped. The supervisor ends as its child did:
/// with its exit code, or by the same signal (128 + number where it cannot die by it, as the first process of a
/// container). A crash loop ends with exit code 70.

#include <functional>
#include <string>

#include <mosaik/types/status.hpp>

#include "process/restart_policy.hpp"

namespace mosaik::command {

class Supervisor {
 public:
  /// Runs the node and returns its exit code; called in the child, with what came before.
  using Node = std::function<int(const Crashes&)>;

  /// `say` tells the operator, in the supervisor's process, of crashes and restarts.
  Supervisor(Node node, std::function<void(const std::string&)> say) : node_(std::move(node)), say_(std::move(say)) {}

  /// Returns this process's exit code when the node has ended for good. Does not return in the child, and not when this
  /// process dies by its child's signal.
  [[nodiscard]] int run();

 private:
  /// A child's end: waitpid's status.
  using Status = int;

  [[nodiscard]] Status wait_for(int child);
  /// False if a signal asked for the end meanwhile.
  [[nodiscard]] bool pause(RestartPolicy::Delay delay);

  Node node_;
  std::function<void(const std::string&)> say_;
  RestartPolicy policy_;
  Crashes crashes_;
};

}  // namespace mosaik::command
