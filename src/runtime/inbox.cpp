#include "runtime/inbox.hpp"

#include <utility>

namespace mosaik::runtime {
namespace {

thread_local const Inbox* adopted = nullptr;  // of this thread, when it is a loop's

}  // namespace

Result<std::shared_ptr<Inbox>> Inbox::open() {
  Wakeup wakeup;
  if (!wakeup) return fail(Errc::limit, "cannot open an eventfd: too many open files; raise the limit (ulimit -n)");
  return std::shared_ptr<Inbox>(new Inbox(std::move(wakeup)));
}

void Inbox::post(Request request) {
  const bool first = requests_.push(std::move(request));
  if (adopted == this) {
    own_ = true;
  } else if (first) {
    wakeup_.ring();
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

void Inbox::end() {
  ended_.store(true);
  for (Request& request : take()) request(nullptr);
}

}  // namespace mosaik::runtime
