#pragma once
/// The JSON commands of `mosaik node --commands`: those of the Rust test peer, and topology and ping.

#include <memory>
#include <optional>
#include <string_view>

#include <mosaik/network.hpp>

#include "control/json.hpp"
#include "mosaik/outbox.hpp"

namespace mosaik::command {

class NodeCommands {
 public:
  /// All must outlive this object, but for the outbox: late replies keep it.
  NodeCommands(Network& network, std::optional<Group>& group, std::shared_ptr<Outbox> outbox)
      : network_(network), group_(group), outbox_(std::move(outbox)) {}

  /// Answers one line; the answer may come later. False for `quit`.
  [[nodiscard]] bool run(std::string_view line);
  /// Commands whose reply has not been put into the outbox yet.
  [[nodiscard]] std::size_t unanswered() const noexcept { return *unanswered_; }

 private:
  using Command = control::json::Command;
  void dispatch(const Command& command);
  void sync(const Command& command);
  void dial(const Command& command);
  void ping(const Command& command);
  void leave(const Command& command);
  void ask_group(const Command& command);
  void reply(const Command& command, std::string_view ok);
  void refuse(const Command& command, std::string_view error);

  /// Replies when the future completes: with `ok(value)`, or its error.
  template <class T, class Ok>
  void reply_later(const Command& command, const Future<Result<T>>& future, Ok ok);

  Network& network_;
  std::optional<Group>& group_;
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<std::atomic<std::size_t>> unanswered_ = std::make_shared<std::atomic<std::size_t>>(0);
  bool left_ = false;
};

/// Id, addresses, sockets and signed entry, as `ready` and `me` show them.
[[nodiscard]] std::string write_self(const Network& network, std::string_view event, std::string_view control);

}  // namespace mosaik::command
