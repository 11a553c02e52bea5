#include "runtime/inbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace mosaik::runtime {
namespace {

thread_local const Inbox* adopted = nullptr;  // of this thread, when it is a loop's

}  // namespace

Result<std::shared_ptr<Inbox>> Inbox::open() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return fail(Errc::limit, "cannot open an eventfd: too many open files; raise the limit (ulimit -n)");
  return std::shared_ptr<Inbox>(new Inbox(fd));
}

Inbox::~Inbox() {
  ::close(fd_);
}

void Inbox::post(Request request) {
  const bool first = requests_.push(std::move(request));
  if (adopted == this) {
    own_ = true;
  } else if (first) {
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the loop is awake.
    [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
  }
  if (ended_.load()) end();
}

void Inbox::adopt() noexcept {
  adopted = this;
}

std::vector<Request> Inbox::take() {
  if (adopted == this) own_ = false;
  return requests_.drain();
}

void Inbox::acknowledge() noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(fd_, &count, sizeof count);
}

void Inbox::end() {
  ended_.store(true);
  for (Request& request : take()) request(nullptr);
}

}  // namespace mosaik::runtime
