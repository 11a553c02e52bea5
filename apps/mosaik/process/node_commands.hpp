#pragma once
/// The JSON commands of `mosaik node --commands`: those of the Rust test peer, and topology and ping. A node with the
/// counter also takes add, sub, feed and query.

#include <memory>
#include <optional>
#include <string_view>

#include <mosaik/mosaik.hpp>

#include "control/json.hpp"
#include "process/outbox.hpp"

namespace mosaik::command {

/// The group that this node is in, with its machine or without one.
class Membership {
 public:
  void enter(Group group) { plain_.emplace(std::move(group)); }
  void enter(ReplicatedGroup group) { replicated_.emplace(std::move(group)); }
  void drop() {
    plain_.reset();
    replicated_.reset();
  }
  /// Null when this node is in no group.
  [[nodiscard]] Group* group() noexcept { return replicated_ ? &*replicated_ : plain_ ? &*plain_ : nullptr; }
  [[nodiscard]] ReplicatedGroup* replicated() noexcept { return replicated_ ? &*replicated_ : nullptr; }

 private:
  std::optional<Group> plain_;
  std::optional<ReplicatedGroup> replicated_;
};

class NodeCommands {
 public:
  /// All must outlive this object, but for the outbox: late replies keep it.
  NodeCommands(Network& network, Membership& membership, std::shared_ptr<Outbox> outbox, bool counts)
      : network_(network), membership_(membership), outbox_(std::move(outbox)), counts_(counts) {}

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
  void count(const Command& command);
  void query(const Command& command);
  /// Null, and the command is refused, when there is no counter.
  [[nodiscard]] ReplicatedGroup* counter_for(const Command& command);
  void refuse_without_group(const Command& command);
  void reply(const Command& command, std::string_view ok);
  void refuse(const Command& command, std::string_view error);

  /// Replies when the future completes: with `ok(value)`, or its error.
  template <class T, class Ok>
  void reply_later(const Command& command, const Future<Result<T>>& future, Ok ok);

  Network& network_;
  Membership& membership_;
  std::shared_ptr<Outbox> outbox_;
  std::shared_ptr<std::atomic<std::size_t>> unanswered_ = std::make_shared<std::atomic<std::size_t>>(0);
  bool counts_;  ///< the machine is the counter
  bool left_ = false;
};

/// Id, addresses, sockets and signed entry, as `ready` and `me` show them; what is empty is left out.
[[nodiscard]] std::string write_self(const Network& network, std::string_view event, std::string_view control,
                                     std::string_view join_command = {});

}  // namespace mosaik::command
