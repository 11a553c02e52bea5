#include "process/node_process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "control/json_text.hpp"
#include "machines/counter.hpp"
#include "process/log.hpp"
#include "process/stop.hpp"
#include "settings/join_command.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

constexpr std::size_t most_unanswered = 256;  ///< commands at a time; more wait in the pipe

}  // namespace

NodeProcess::NodeProcess(const NodeSettings& settings, Network network, ControlServer control)
    : settings_(settings),
      control_(std::move(control)),
      network_(std::move(network)),
      commands_(network_, membership_, outbox_, settings.machine.name == Counter::name) {
  network_.ended().then([](std::monostate) { ask_to_stop(); });  // `mosaik leave`
}

Result<> NodeProcess::join(const std::optional<GroupKey>& key) {
  // Before joining, so that nothing that happens in the group is missed.
  events_ = network_.subscribe([outbox = outbox_](const Event& event) { outbox->put(event); });
  tell_ready();
  tell_port();
  if (!key) {
    control_->answer();
    tell_join_command();
    log_warning("no group secret was given: this node runs ungrouped" +
                (settings_.machine.name == "noop" ? "" : ", without its machine " + settings_.machine.name) +
                "; it only helps others to find one another (see --group-secret-file)");
    return {};
  }
  if (const Result<> entered = enter(*key); !entered) return entered;
  control_->answer();
  tell_joined();
  tell_join_command();
  return {};
}

void NodeProcess::run() {
  bool input_open = settings_.commands;
  while (!stop_asked() && !quit_) {
    const bool read_input = input_open && commands_.unanswered() < most_unanswered;
    std::array<pollfd, 3> wait{{{outbox_->descriptor(), POLLIN, 0},
                                {stop_descriptor(), POLLIN, 0},
                                {read_input ? STDIN_FILENO : -1, POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return;
    outbox_->clear_wake();
    tell_news();
    if (read_input && wait[2].revents != 0) input_open = take_commands();
  }
  tell_news();
}

void NodeProcess::close() {
  if (membership_.group() != nullptr) {
    log_leaving();
    leave();
    membership_.drop();
  }
  network_.close();
  control_.reset();  // the last: its clients hear of all that ended
  tell_news();
}

void NodeProcess::leave() {
  using Clock = std::chrono::steady_clock;
  const auto wait = settings_.leave_wait;
  const auto until = Clock::now() + wait + std::chrono::seconds(2);
  const Future<Result<>> left = network_.leave(wait);
  left.then([outbox = outbox_](const Result<>&) { outbox->wake(); });
  while (!left.ready() && Clock::now() < until) {
    pollfd news{outbox_->descriptor(), POLLIN, 0};
    const auto pause = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    static_cast<void>(::poll(&news, 1, static_cast<int>(pause.count())));
    outbox_->clear_wake();
    tell_news();
  }
}

Result<> NodeProcess::enter(const GroupKey& key) {
  auto builder = network_.groups().with_key(key);
  std::unique_ptr<Machine> machine = open_machine(settings_.machine);
  if (machine == nullptr) {
    Result<Group> group = builder.with_consensus(settings_.consensus).join();
    if (!group) return std::unexpected(group.error());
    membership_.enter(std::move(*group));
    return {};
  }
  auto with_machine = builder.with_machine(std::move(machine));
  if (settings_.log_bytes) with_machine.with_log_limit(*settings_.log_bytes);
  Result<ReplicatedGroup> group =
      with_machine.with_consensus(settings_.consensus).with_quorum_floor(settings_.quorum_floor).join();
  if (!group) return std::unexpected(group.error());
  membership_.enter(std::move(*group));
  return {};
}

void NodeProcess::follow_committed(const ReplicatedWhen& when, const std::shared_ptr<Outbox>& outbox) {
  const Watcher<Index> watcher = when.committed();  // before looking: what changes from now on completes it
  if (const auto now = watcher.reaches(Index{}).get_for(std::chrono::nanoseconds(0)); now && *now)
    outbox->put_committed(**now);
  static_cast<void>(watcher.changed().then([when, outbox](const Result<Index>& next) {
    if (next) follow_committed(when, outbox);
  }));
}

void NodeProcess::tell_committed() {
  const std::optional<Index> committed = outbox_->take_committed();
  if (!committed || *committed == told_committed_ || !group_id_) return;
  told_committed_ = *committed;
  tell(control::json::write_committed(*group_id_, *committed));
}

bool NodeProcess::take_commands() {
  const bool open = input_.fill();
  while (const std::optional<std::string> line = input_.next()) {
    if (!line->empty() && !commands_.run(*line)) {
      quit_ = true;
      break;
    }
  }
  tell_news();
  return open;
}

void NodeProcess::tell_news() {
  while (const std::optional<std::string> reply = outbox_->take_reply()) tell(*reply);
  tell_committed();
  while (const std::optional<Event> event = outbox_->take_event()) {
    log_event(*event);
    if (event->kind == EventKind::joined || !settings_.json) continue;  // `joined` was told when join() returned
    const bool has_list = event->kind == EventKind::bonds_changed || event->kind == EventKind::topology_changed;
    tell(control::json::write_event(*event, has_list ? network_.status() : NodeStatus()));
  }
}

void NodeProcess::tell(std::string_view line) {
  if (!output_open_) return;
  output_open_ = write_line(STDOUT_FILENO, line, stop_descriptor()) != Written::closed;
}

void NodeProcess::tell_ready() {
  if (settings_.json)
    return tell(write_self(network_, "ready", settings_.control, join_command(settings_, network_.addresses())));
  const Style style = Style::of(stdout);
  tell(fmt::format("{}     {}\n{}  {}\n{}  {}", style.bold("node"), network_.id().hex(), style.bold("contact"),
                   network_.contact(), style.bold("control"), settings_.control));
}

void NodeProcess::tell_port() const {
  const std::vector<SocketAddress> listening = network_.status().listening;
  const bool as_usual = settings_.network.preferred_port == 0 ||
                        std::ranges::all_of(listening, [](const auto& one) { return one.port() == default_port; });
  if (as_usual) return;
  std::string text;
  for (const SocketAddress& one : listening) text += (text.empty() ? "" : " and ") + one.text();
  log_info(fmt::format("port {} is taken: this node listens on {}", default_port, text));
}

void NodeProcess::tell_join_command() {
  if (settings_.json) return;
  tell(fmt::format("{}     {}", Style::of(stdout).bold("join"), join_command(settings_, network_.addresses())));
}

void NodeProcess::tell_joined() {
  Group& group = *membership_.group();
  group_id_ = group.id();
  if (!settings_.json) return tell(Style::of(stdout).bold("group") + "    " + group.id().hex());
  tell(control::json::Object().add("event", "joined").add("group", group.id()).str());
  tell(control::json::Object()
           .add("event", "bonds")
           .add("group", group.id())
           .raw("bonds", control::json::write_own_bonds(group.bonds()))
           .str());
  if (ReplicatedGroup* const replicated = membership_.replicated()) follow_committed(replicated->when(), outbox_);
}

}  // namespace mosaik::command
