#include "mosaik/stop.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "mosaik/exit_code.hpp"

namespace mosaik::command {
namespace {

// A signal handler has no arguments of ours: these are the only globals of the command.
std::atomic<int> asked = 0;
std::atomic<int> wake = -1;
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int) {
  if (asked.fetch_add(1) > 0) ::_exit(exit_failure);
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake.load(), &one, sizeof one));
}

}  // namespace

void watch_for_stop() {
  wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

bool stop_asked() noexcept { return asked > 0; }
int stop_descriptor() noexcept { return wake; }

}  // namespace mosaik::command
