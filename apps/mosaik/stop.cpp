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

void tell() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake.load(), &one, sizeof one));
}

void on_signal(int) {
  if (asked.fetch_add(1) > 0) ::_exit(exit_failure);
  tell();
}

}  // namespace

void watch_for_stop() {
  wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action{};
  action.sa_handler = on_signal;
  ::sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

void ask_to_stop() noexcept {
  int none = 0;
  if (asked.compare_exchange_strong(none, 1)) tell();
}

bool stop_asked() noexcept {
  return asked > 0;
}
int stop_descriptor() noexcept {
  return wake;
}

}  // namespace mosaik::command
