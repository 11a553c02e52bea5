#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#include "verbs/verbs.hpp"

namespace mosaik::command {
namespace {

int run_client(const ClientOptions& options) {
  switch (options.verb) {
    case ClientVerb::status: return run_status(options);
    case ClientVerb::members: return run_members(options);
    case ClientVerb::bonds: return run_bonds(options);
    case ClientVerb::topology: return run_topology(options);
    case ClientVerb::events: return run_events(options);
    case ClientVerb::trace: return run_trace(options);
    case ClientVerb::watch: return run_watch(options);
    case ClientVerb::leave: return run_leave(options);
    case ClientVerb::forget: return run_forget(options);
  }
  return 1;
}

struct Run {
  int operator()(const DemoOptions& options) const { return run_demo(options); }
  int operator()(const NodeOptions& options) const { return run_node(options); }
  int operator()(const KeygenOptions& options) const { return run_keygen(options); }
  int operator()(const ClientOptions& options) const { return run_client(options); }
  int operator()(const CounterOptions& options) const { return run_counter(options); }
  int operator()(const KvOptions& options) const { return run_kv(options); }
  int operator()(const VersionOptions& options) const { return run_version(options); }
  int operator()(const CompletionOptions& options) const { return run_completion(options); }
};

/// Started with a standard stream closed (cron, init scripts, `>&-`), we print into nothing, and not into the file that
/// is opened next. What reads or writes such a stream fails, as it should: each is open for the other direction alone.
void open_closed_streams() {
  for (const auto& [fd, mode] : {std::pair(STDIN_FILENO, O_WRONLY), {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_RDWR}})
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", mode) != fd) return;  // it gets the lowest number that is free
}

}  // namespace
}  // namespace mosaik::command

int main(int count, char** arguments) {
  mosaik::command::open_closed_streams();
  ::signal(SIGPIPE, SIG_IGN);  // a reader that is gone is an error of the write, not the end of a node
  const auto parsed = mosaik::command::parse_command_line(count, arguments);
  if (const int* const code = std::get_if<int>(&parsed)) return *code;
  return std::visit(mosaik::command::Run{}, std::get<mosaik::command::Options>(parsed));
}
