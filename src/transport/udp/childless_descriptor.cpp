#include "transport/udp/childless_descriptor.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>
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

ChildlessDescriptor::ChildlessDescriptor(int fd) : fd_(fd) {
  if (!fd_) return;
  watch_forks();
  const std::scoped_lock lock(guarded().mutex);
  guarded().descriptors.push_back(fd_.get());
}

ChildlessDescriptor& ChildlessDescriptor::operator=(ChildlessDescriptor&& other) noexcept {
  ChildlessDescriptor taken(std::move(other));
  std::swap(fd_, taken.fd_);
  return *this;
}

// No child may replace the number once it can be somebody else's: off the list first, and closed then.
ChildlessDescriptor::~ChildlessDescriptor() {
  if (!fd_) return;
  const std::scoped_lock lock(guarded().mutex);
  std::vector<int>& all = guarded().descriptors;
  if (const auto at = std::ranges::find(all, fd_.get()); at != all.end()) all.erase(at);
}

}  // namespace mosaik::udp
