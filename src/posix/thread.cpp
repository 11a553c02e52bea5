#include "posix/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <utility>

namespace mosaik {

Result<std::thread> start_thread(const char* name, std::function<void()> run) {
  // A thread inherits the mask of the one that starts it, so there is no moment at which it could take a signal.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // What a thread's own fault raises stays with the thread, for crash reporters; so does the profiler's tick.
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) ::sigdelset(&all, own);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> out;
  try {
    out = std::thread(std::move(run));
    ::pthread_setname_np(out->native_handle(), name);
  } catch (const std::system_error& error) {
    const bool refused = error.code() == std::errc::operation_not_permitted;
    out = refused ? fail(Errc::permission,
                         "cannot start a thread: a sandbox refuses it (seccomp answers clone or clone3 with EPERM); "
                         "allow these calls")
                  : fail(Errc::limit, "cannot start a thread; raise the limit of processes (ulimit -u)");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return out;
}

}  // namespace mosaik
