#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "client/find_control.hpp"
#include "control/json_text.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "process/core_dumps.hpp"
#include "process/line_io.hpp"
#include "process/log.hpp"
#include "process/node_commands.hpp"
#include "process/outbox.hpp"
#include "process/stop.hpp"
#include "process/supervisor.hpp"
#include "runtime/entropy.hpp"
#include "runtime/key_file.hpp"
#include "settings/exit_code.hpp"
#include "settings/join_command.hpp"
#include "settings/settings.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

constexpr std::size_t most_unanswered = 256;  ///< commands at a time; more wait in the pipe

/// Who this node is, settled before it opens: the default path of the control socket is named for it.
Result<PeerId> settle_identity(NetworkConfig& config) {
  if (config.secret_key_file.empty()) {
    runtime::fill_random(config.secret_key.emplace());  // in its place: no copy is left elsewhere
    return crypto::SecretKey::from_seed(*config.secret_key).id();
  }
  // The network opens it again, and then holds its lock.
  const Result<runtime::KeyFile> file = runtime::KeyFile::open(config.secret_key_file);
  if (!file) return fail(Errc::io, file.error().message);  // the command line itself was spelt rightly
  return crypto::SecretKey::from_seed(file->seed()).id();
}

/// The network has a copy in secret memory.
void forget_key(NetworkConfig& config) {
  if (config.secret_key) crypto::wipe(*config.secret_key);
  config.secret_key.reset();
}

Result<> settle_control(NodeSettings& settings, const PeerId& id) {
  if (!settings.control.empty()) {
    settings.network.control = settings.control;
    return {};
  }
  Result<std::string> path = default_control(settings.network.name.empty() ? id.brief() : settings.network.name);
  if (!path) return std::unexpected(path.error());
  settings.network.control = std::move(*path);
  return {};
}

class NodeProcess {
 public:
  NodeProcess(const NodeSettings& settings, Network network)
      : settings_(settings),
        network_(std::move(network)),
        commands_(network_, membership_, outbox_, settings.machine.name == Counter::name) {
    network_.ended().then([](std::monostate) { ask_to_stop(); });  // `mosaik leave`
  }

  Result<> join(const std::optional<GroupKey>& key) {
    // Before joining, so that nothing that happens in the group is missed.
    events_ = network_.subscribe([outbox = outbox_](const Event& event) { outbox->put(event); });
    tell_ready();
    tell_port();
    if (!key) {
      network_.answer_control();
      tell_join_command();
      log_warning("no group secret was given: this node runs ungrouped" +
                  (settings_.machine.name == "noop" ? "" : ", without its machine " + settings_.machine.name) +
                  "; it only helps others to find one another (see --group-secret-file)");
      return {};
    }
    if (const Result<> entered = enter(*key); !entered) return entered;
    network_.answer_control();
    tell_joined();
    tell_join_command();
    return {};
  }

  /// Until a stop is asked for, `quit` comes, or nobody can be told anything any more.
  void run() {
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

  /// Leaves the group, tells what that brought, and ends.
  void close() {
    if (membership_.group() != nullptr) {
      log_leaving();
      leave();
      membership_.drop();
    }
    network_.close();
    tell_news();
  }

 private:
  /// Goes when the group loses nothing by it, or the time for that is over; what happens meanwhile is told.
  void leave() {
    using Clock = std::chrono::steady_clock;
    const auto wait = settings_.network.leave_wait;
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

  Result<> enter(const GroupKey& key) {
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

  /// Notes each change of how far the group has committed; ends with the group. Only for those who are told.
  static void follow_committed(const ReplicatedWhen& when, const std::shared_ptr<Outbox>& outbox) {
    const Watcher<Index> watcher = when.committed();  // before looking: what changes from now on completes it
    if (const auto now = watcher.reaches(Index{}).get_for(std::chrono::nanoseconds(0)); now && *now)
      outbox->put_committed(**now);
    static_cast<void>(watcher.changed().then([when, outbox](const Result<Index>& next) {
      if (next) follow_committed(when, outbox);
    }));
  }

  void tell_committed() {
    const std::optional<Index> committed = outbox_->take_committed();
    if (!committed || *committed == told_committed_ || !group_id_) return;
    told_committed_ = *committed;
    tell(control::json::write_committed(*group_id_, *committed));
  }

  /// False at the end of input, which does not stop the node.
  bool take_commands() {
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

  void tell_news() {
    while (const std::optional<std::string> reply = outbox_->take_reply()) tell(*reply);
    tell_committed();
    while (const std::optional<Event> event = outbox_->take_event()) {
      log_event(*event);
      if (event->kind == EventKind::joined || !settings_.json) continue;  // `joined` was told when join() returned
      const bool has_list = event->kind == EventKind::bonds_changed || event->kind == EventKind::topology_changed;
      tell(control::json::write_event(*event, has_list ? network_.status() : NodeStatus()));
    }
  }

  void tell(std::string_view line) {
    if (!output_open_) return;
    output_open_ = write_line(STDOUT_FILENO, line, stop_descriptor()) != Written::closed;
  }

  void tell_ready() {
    if (settings_.json)
      return tell(
          write_self(network_, "ready", settings_.network.control, join_command(settings_, network_.addresses())));
    const Style style = Style::of(stdout);
    tell(fmt::format("{}     {}\n{}  {}\n{}  {}", style.bold("node"), network_.id().hex(), style.bold("contact"),
                     network_.contact(), style.bold("control"), settings_.network.control));
  }

  /// Another program has the port that contacts mean: no fault, but whoever names this node has to know.
  void tell_port() const {
    const std::vector<SocketAddress> listening = network_.status().listening;
    const bool as_usual = settings_.network.preferred_port == 0 ||
                          std::ranges::all_of(listening, [](const auto& one) { return one.port() == default_port; });
    if (as_usual) return;
    std::string text;
    for (const SocketAddress& one : listening) text += (text.empty() ? "" : " and ") + one.text();
    log_info(fmt::format("port {} is taken: this node listens on {}", default_port, text));
  }

  /// For people, last of the first lines; programs find it in `ready`.
  void tell_join_command() {
    if (settings_.json) return;
    tell(fmt::format("{}     {}", Style::of(stdout).bold("join"), join_command(settings_, network_.addresses())));
  }

  void tell_joined() {
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

  const NodeSettings& settings_;
  std::shared_ptr<Outbox> outbox_ = std::make_shared<Outbox>();
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

/// Runs the node in this process until it ends.
int run_in_this_process(NodeSettings& settings) {
  watch_for_stop();
  const Result<std::optional<GroupKey>> key = read_group_key(settings);
  if (!key) return report(key.error());
  const Result<PeerId> identity = settle_identity(settings.network);
  if (!identity) return report(identity.error());
  if (const Result<> settled = settle_control(settings, *identity); !settled) return report(settled.error());
  settings.network.control_waits = true;
  Result<Network> network = Network::open(settings.network);
  forget_key(settings.network);
  if (!network) return report(network.error());
  NodeProcess process(settings, std::move(*network));
  if (const Result<> joined = process.join(*key); !joined) return report(joined.error());
  process.run();
  process.close();
  return exit_fine;
}

}  // namespace

int run_node(const NodeOptions& options) {
  Result<NodeSettings> settings = resolve_settings(options);
  if (!settings) return report(settings.error());
  set_core_dumps(settings->core_dumps ? CoreDumps::allowed : CoreDumps::none);
  open_log(*settings);
  if (!settings->supervise) return run_in_this_process(*settings);
  const auto run = [&](const Crashes& crashes) {
    settings->network.crashes = crashes;
    return run_in_this_process(*settings);
  };
  return Supervisor(run, log_warning).run();
}

}  // namespace mosaik::command
