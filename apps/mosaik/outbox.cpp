#include "mosaik/outbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace mosaik::command {

Outbox::Outbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Outbox::~Outbox() {
  ::close(wake_);
}

void Outbox::put(const Event& event) {
  {
    const std::scoped_lock lock(mutex_);
    events_.push(event);
  }
  wake();
}

void Outbox::put_reply(std::string line) {
  {
    const std::scoped_lock lock(mutex_);
    replies_.push_back(std::move(line));
  }
  wake();
}

void Outbox::put_committed(Index committed) {
  {
    const std::scoped_lock lock(mutex_);
    committed_ = committed;
  }
  wake();
}

std::optional<Index> Outbox::take_committed() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(committed_, std::nullopt);
}

std::optional<Event> Outbox::take_event() {
  const std::scoped_lock lock(mutex_);
  return events_.pop();
}

std::optional<std::string> Outbox::take_reply() {
  const std::scoped_lock lock(mutex_);
  if (replies_.empty()) return std::nullopt;
  std::string line = std::move(replies_.front());
  replies_.pop_front();
  return line;
}

void Outbox::wake() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
}

void Outbox::clear_wake() noexcept {
  std::uint64_t count = 0;
  static_cast<void>(!::read(wake_, &count, sizeof count));
}

}  // namespace mosaik::command
