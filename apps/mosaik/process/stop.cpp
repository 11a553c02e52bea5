#include "process/stop.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>

#include "settings/exit_code.hpp"

namespace mosaik::command {
namespace {

// A signal handler has no arguments of ours: these are the only globals of the command.
std::atomic<int> asked = 0;
std::atomic<int> wake = -1;
std::atomic<std::int64_t> first_at = 0;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

void tell() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake.load(), &one, sizeof one));
}

std::int64_t milliseconds_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// timeout(1) and some supervisors signal the process and then its whole group: that is one wish, told twice.
constexpr std::int64_t same_wish_ms = 100;

void on_signal(int) {
  const std::int64_t now = milliseconds_now();
  if (asked.fetch_add(1) == 0)
    first_at = now;
  else if (now - first_at > same_wish_ms)
    ::_exit(exit_failure);
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
  if (!asked.compare_exchange_strong(none, 1)) return;
  first_at = milliseconds_now();
  tell();
}

bool stop_asked() noexcept {
  return asked > 0;
}
int stop_descriptor() noexcept {
  return wake;
}

}  // namespace mosaik::command
