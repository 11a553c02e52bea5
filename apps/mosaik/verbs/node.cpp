#include <string.h>

#include <mosaik/control.hpp>
#include <mosaik/keys.hpp>

#include "client/find_control.hpp"
#include "process/core_dumps.hpp"
#include "process/log.hpp"
#include "process/node_process.hpp"
#include "process/stop.hpp"
#include "process/supervisor.hpp"
#include "settings/exit_code.hpp"
#include "settings/settings.hpp"
#include "verbs/verbs.hpp"

namespace mosaik::command {
namespace {

/// Who this node is, settled before it opens: the default path of the control socket is named for it.
Result<PeerId> settle_identity(NetworkConfig& config) {
  if (config.secret_key_file.empty()) {
    make_secret_key(config.secret_key.emplace());
    return peer_id_of(*config.secret_key);
  }
  // The network opens it again, and then holds its lock.
  const Result<PeerId> id = open_key_file(config.secret_key_file);
  if (!id) return fail(Errc::io, id.error().message);  // the command line itself was spelt rightly
  return *id;
}

/// The network has a copy in secret memory.
void forget_key(NetworkConfig& config) {
  if (config.secret_key) ::explicit_bzero(config.secret_key->data(), config.secret_key->size());
  config.secret_key.reset();
}

Result<> settle_control(NodeSettings& settings, const PeerId& id) {
  if (!settings.control.empty()) return {};
  Result<std::string> path = default_control(settings.network.name.empty() ? id.brief() : settings.network.name);
  if (!path) return std::unexpected(path.error());
  settings.control = std::move(*path);
  return {};
}

/// Runs the node in this process until it ends.
int run_in_this_process(NodeSettings& settings) {
  watch_for_stop();
  const Result<std::optional<GroupKey>> key = read_group_key(settings);
  if (!key) return report(key.error());
  const Result<PeerId> identity = settle_identity(settings.network);
  if (!identity) return report(identity.error());
  if (const Result<> settled = settle_control(settings, *identity); !settled) return report(settled.error());
  Result<Network> network = Network::open(settings.network);
  forget_key(settings.network);
  if (!network) return report(network.error());
  Result<ControlServer> control = ControlServer::open(
      *network, {.path = settings.control, .leave_wait = settings.leave_wait, .start = ControlStart::when_told});
  if (!control) return report(control.error());
  NodeProcess process(settings, std::move(*network), std::move(*control));
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
