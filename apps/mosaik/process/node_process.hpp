#pragma once
/// The running node of `mosaik node`: joins its group, prints what happens, answers commands, leaves.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string_view>

#include <mosaik/control.hpp>
#include <mosaik/mosaik.hpp>

#include "process/line_io.hpp"
#include "process/node_commands.hpp"
#include "process/outbox.hpp"
#include "settings/settings.hpp"

namespace mosaik::command {

class NodeProcess {
 public:
  /// `settings` must outlive this object.
  NodeProcess(const NodeSettings& settings, Network network, ControlServer control);
  /// Prints the first lines and joins the group, if there is a key; the control socket answers from then on.
  [[nodiscard]] Result<> join(const std::optional<GroupKey>& key);
  /// Runs until a stop is asked for, `quit` comes, or nobody can be told anything any more.
  void run();
  /// Leaves the group, tells what that brought, and ends.
  void close();

 private:
  /// Goes when the group loses nothing by it, or the time for that is over; what happens meanwhile is told.
  void leave();
  Result<> enter(const GroupKey& key);
  /// Notes each change of how far the group has committed; ends with the group. Only for those who are told.
  static void follow_committed(const ReplicatedWhen& when, const std::shared_ptr<Outbox>& outbox);
  void tell_committed();
  /// False at the end of input, which does not stop the node.
  bool take_commands();
  void tell_news();
  void tell(std::string_view line);
  void tell_ready();
  /// Another program has the port that contacts mean: no fault, but whoever names this node has to know.
  void tell_port() const;
  /// For people, last of the first lines; programs find it in `ready`.
  void tell_join_command();
  void tell_joined();

  const NodeSettings& settings_;
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
  std::optional<ControlServer> control_;  ///< ends after the network
  Network network_;
  Membership membership_;
  NodeCommands commands_;
  std::optional<GroupId> group_id_;  ///< of the group that was joined
  Index told_committed_;
  LineReader input_{STDIN_FILENO};
  Subscription events_;
  bool output_open_ = true;
  bool quit_ = false;
};

}  // namespace mosaik::command
