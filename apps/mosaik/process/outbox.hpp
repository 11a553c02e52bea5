#pragma once
/// What a node still has to print: replies and events, put in by any thread, taken out by the main one. Bounded: events
/// by their backlog, replies by the commands that are read (docs/CONTROL.md).

#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include <mosaik/types/event.hpp>

#include "control/backlog.hpp"
#include "posix/wakeup.hpp"

namespace mosaik::command {

class Outbox {
 public:
  void put(const Event& event);
  void put_reply(std::string line);
  /// How far a group has committed: only the newest is kept.
  void put_committed(Index committed);
  [[nodiscard]] std::optional<Index> take_committed();
  [[nodiscard]] std::optional<Event> take_event();
  [[nodiscard]] std::optional<std::string> take_reply();
  /// The waiter for the descriptor looks again.
  void wake() noexcept { wakeup_.ring(); }
  /// Readable when something was put in since the last clear_wake().
  [[nodiscard]] int descriptor() const noexcept { return wakeup_.fd(); }
  void clear_wake() const noexcept { wakeup_.quiet(); }

 private:
  Wakeup wakeup_;
  std::mutex mutex_;
  std::deque<std::string> replies_;
  std::optional<Index> committed_;
  control::Backlog events_;
};

}  // namespace mosaik::command
