#include "process/outbox.hpp"

#include <utility>

namespace mosaik::command {

void Outbox::put(const Event& event) {
  {
    const std::scoped_lock lock(mutex_);
    events_.push(event);
  }
  wakeup_.ring();
}

void Outbox::put_reply(std::string line) {
  {
    const std::scoped_lock lock(mutex_);
    replies_.push_back(std::move(line));
  }
  wakeup_.ring();
}

void Outbox::put_committed(Index committed) {
  {
    const std::scoped_lock lock(mutex_);
    committed_ = committed;
  }
  wakeup_.ring();
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

}  // namespace mosaik::command
