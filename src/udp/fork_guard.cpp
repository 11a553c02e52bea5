#include "udp/fork_guard.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace mosaik::udp {
namespace {

/// Lives as long as the process: a fork may come while statics are destroyed.
struct Guarded {
  std::mutex mutex;
  std::vector<int> descriptors;
};

Guarded& guarded() {
  static auto* const all = new Guarded;
  return *all;
}

// Between fork and exec in a process of many threads only system calls that a signal handler may make are allowed.
void let_go() noexcept {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (const int fd : guarded().descriptors) {
    if (nothing >= 0)
      ::dup3(nothing, fd, O_CLOEXEC);
    else
      ::close(fd);
  }
  if (nothing >= 0) ::close(nothing);
}

void watch_forks() {
  static const int once = ::pthread_atfork([] { guarded().mutex.lock(); }, [] { guarded().mutex.unlock(); },
                                           [] {
                                             let_go();
                                             guarded().mutex.unlock();
                                           });
  static_cast<void>(once);  // out of memory: children keep our descriptors, and our death is noticed by silence
}

}  // namespace

ForkGuard::ForkGuard(int fd) : fd_(fd) {
  if (fd < 0) return;
  watch_forks();
  const std::scoped_lock lock(guarded().mutex);
  guarded().descriptors.push_back(fd);
}

ForkGuard::~ForkGuard() {
  if (fd_ < 0) return;
  const std::scoped_lock lock(guarded().mutex);
  std::vector<int>& all = guarded().descriptors;
  if (const auto at = std::ranges::find(all, fd_); at != all.end()) all.erase(at);
}

}  // namespace mosaik::udp
