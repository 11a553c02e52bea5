#pragma once
/// Machine room: where the state machine of one group runs: on a thread of its own, in the order of the engine's
/// actions, or in line on the loop when the machine says that it is quick (no user code runs in a core, and none on the
/// loop unless asked for).
///
/// In line. Work is done in put(), and the results are there when it returns. Work that takes longer than
/// in_line_budget three times is evidence: from then on the machine runs on its thread, and a warning says so.
///
/// Apart. put() hands work over without waiting; results come back through the inbox as requests, one for all that was
/// done at a time. How much is under way is the engine's to bound (limits::applying_commands, applying_bytes).
///
/// End. The room lets go of its machine when the last work is done; a call of the user's code that never returns keeps
/// its thread, and nothing else.

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/consensus/state_machine.hpp>

#include "base/now.hpp"
#include "consensus/dynamic/actions.hpp"
#include "runtime/inbox.hpp"

namespace mosaik::runtime {

/// Work for a machine.
using MachineWork = std::variant<consensus::Apply, consensus::Reset, consensus::AskMachine>;

struct MachineApplied {
  consensus::Epoch epoch;
  Index index;
};
struct MachineAnswered {
  consensus::QueryId query;
  Result<Blob> answer;
};
/// The machine will not be asked again.
struct MachineFailed {
  std::string why;
};
using MachineResult = std::variant<MachineApplied, MachineAnswered, MachineFailed>;
/// Takes what a machine has done on its thread; runs on the loop.
using MachineDone = std::function<void(const GroupId&, std::vector<MachineResult>)>;

class MachineExecutor {
 public:
  static constexpr Nanoseconds in_line_budget = 200us;

  /// Errors: limit.
  [[nodiscard]] static Result<std::unique_ptr<MachineExecutor>> open(std::unique_ptr<Machine> machine,
                                                                     const GroupId& group, const NetworkId& network,
                                                                     std::shared_ptr<Inbox> inbox, MachineDone done);
  MachineExecutor(const MachineExecutor&) = delete;
  MachineExecutor& operator=(const MachineExecutor&) = delete;
  /// Does not wait for the machine.
  ~MachineExecutor();

  // The loop's side.
  /// Results, when the work was done in line.
  [[nodiscard]] std::vector<MachineResult> put(MachineWork work);
  /// Work that put() has handed over goes to the machine's thread, together.
  void flush();
  /// What an operator should hear, once; empty for nothing.
  [[nodiscard]] std::string take_warning() { return std::exchange(warning_, {}); }

 private:
  class Apart;
  explicit MachineExecutor(std::shared_ptr<Apart> apart) : apart_(std::move(apart)) {}
  std::shared_ptr<Apart> apart_;
  int late_ = 0;
  bool in_line_ = false;
  bool handed_over_ = false;
  std::string warning_;
};

}  // namespace mosaik::runtime
