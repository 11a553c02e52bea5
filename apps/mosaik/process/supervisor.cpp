#include "process/supervisor.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <system_error>

#include "process/core_dumps.hpp"
#include "settings/exit_code.hpp"

namespace mosaik::command {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds second{1};
constexpr auto passed_on = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/// What the supervisor waits for. Blocked, so that none comes between a look and a wait.
sigset_t awaited() {
  sigset_t out;
  ::sigemptyset(&out);
  for (const int number : passed_on) ::sigaddset(&out, number);
  ::sigaddset(&out, SIGCHLD);
  return out;
}

/// Blocks the awaited signals as long as it lives.
class Blocked {
 public:
  Blocked() {
    const sigset_t wanted = awaited();
    ::sigprocmask(SIG_BLOCK, &wanted, &before_);
  }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;
  ~Blocked() { restore(); }
  void restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

std::string name_of(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : fmt::format("signal {}", number);
}

/// The child dies with its parent, also if that died between fork() and here.
void bind_to(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(exit_failure);
}

/// Whoever started us shall see what ended the node.
int die_by(int number) {
  set_core_dumps(CoreDumps::none);  // the child's is the one to look at
  ::signal(number, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, number);
  ::raise(number);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  return 128 + number;
}

}  // namespace

int Supervisor::run() {
  ::signal(SIGCHLD, SIG_DFL);  // ignored, as we may have inherited it, a child's end would be lost
  const Blocked blocked;
  for (;;) {
    policy_.on_start(Clock::now());
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
      return report({Errc::limit, "the node's process cannot be started: " + std::generic_category().message(errno) +
                                      "; raise the limit of processes"});
    if (child == 0) {
      bind_to(self);
      blocked.restore();
      std::exit(node_(crashes_));
    }
    const Status status = wait_for(child);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    if (!is_crash(number)) {
      say_(fmt::format("the node was ended by {}; it is not started again", name_of(number)));
      return die_by(number);
    }
    ++crashes_.count;
    crashes_.last_signal = name_of(number);
    const auto delay = policy_.on_crash(Clock::now());
    if (!delay) {
      say_(fmt::format("the node has crashed {} times within a minute, the last time by {}; it is not started again",
                       RestartPolicy::crashes_in_window, crashes_.last_signal));
      return exit_crash_loop;
    }
    say_(fmt::format("the node has crashed ({}, crash {}); it is started again in {} ms", crashes_.last_signal,
                     crashes_.count, std::chrono::duration_cast<std::chrono::milliseconds>(*delay).count()));
    if (!pause(*delay)) return exit_fine;
  }
}

Supervisor::Status Supervisor::wait_for(int child) {
  const sigset_t signals = awaited();
  for (;;) {
    Status status = 0;
    // All that ended, not the node alone: the first process of a container inherits orphans.
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
      if (ended == child) return status;
    const int number = ::sigwaitinfo(&signals, nullptr);
    if (number > 0 && number != SIGCHLD) ::kill(child, number);  // not reaped yet: the id is still the node's
  }
}

bool Supervisor::pause(RestartPolicy::Delay delay) {
  const sigset_t signals = awaited();
  const Clock::time_point until = Clock::now() + delay;
  for (;;) {
    const RestartPolicy::Delay left = until - Clock::now();
    if (left.count() <= 0) return true;
    const timespec wait{.tv_sec = left / second, .tv_nsec = (left % second).count()};
    const int number = ::sigtimedwait(&signals, nullptr, &wait);
    // There is no node that could leave.
    if (number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT) return false;
  }
}

}  // namespace mosaik::command
