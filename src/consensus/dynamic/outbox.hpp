#pragma once
/// What the engine wants done, in order: the one queue from an engine to its group. Frames are encoded here.

#include <span>
#include <utility>
#include <vector>

#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

class Outbox {
 public:
  /// `pool` outlives this and all frames.
  explicit Outbox(FramePool& pool) : pool_(pool) {}

  void send(const PeerId& to, const Message& message, Urgency urgency = Urgency::consensus, Ticket after = {}) {
    push(Send{to, frame(message), urgency, after});
  }
  void tell(Event event);  // not in line: g++ 12 takes the move of an Event for a read of what was never written
  void answer(CallId call, Outcome outcome) { push(Answer{call, std::move(outcome)}); }
  /// Built in its place: g++ 12 takes the move of an Action for a read of what was never written.
  template <class T>
  void push(T&& action) {
    actions_.emplace_back(std::forward<T>(action));
  }

  /// A whole bond message, to be sent to several peers.
  [[nodiscard]] Frame frame(const Message& message);
  [[nodiscard]] Frame frame(const AppendEntries& head, std::span<const Entry> entries);

  [[nodiscard]] std::vector<Action> take() { return std::exchange(actions_, {}); }

 private:
  FramePool& pool_;
  std::vector<Action> actions_;
  std::vector<std::uint8_t> scratch_;  ///< the bytes of one frame, while it is encoded
};

}  // namespace mosaik::consensus
