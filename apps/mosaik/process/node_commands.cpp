#include "process/node_commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "control/json_text.hpp"
#include "machines/counter.hpp"

namespace mosaik::command {
namespace {

using control::json::Array;
using control::json::Object;

template <class Addresses>
std::string texts(const Addresses& addresses) {
  Array out;
  for (const SocketAddress& address : addresses) out.add(address.text());
  return out.str();
}

}  // namespace

std::string write_self(const Network& network, std::string_view event, std::string_view control,
                       std::string_view join_command) {
  const NodeStatus status = network.status();
  Object out;
  if (!event.empty()) out.add("event", event);
  out.add("id", network.id())
      .raw("addrs", texts(network.addresses()))
      .raw("socket", texts(status.listening))
      .add("entry", std::string_view(to_hex(network.signed_entry())))
      .add("contact", std::string_view(network.contact()))
      .add("name", std::string_view(status.name))
      .add("network", status.network)
      .add("pid", ::getpid());
  if (!control.empty()) out.add("control", control);
  if (!join_command.empty()) out.add("join_command", join_command);
  return out.str();
}

bool NodeCommands::run(std::string_view line) {
  const Result<Command> command = control::json::read_command(line);
  if (!command) {
    outbox_->put_reply(Object().add("event", "error").add("error", std::string_view(command.error().message)).str());
    return true;
  }
  if (!command->wrong.empty()) {
    refuse(*command, command->wrong);
    return true;
  }
  if (command->name == "quit") {
    reply(*command, "true");
    return false;
  }
  dispatch(*command);
  return true;
}

void NodeCommands::dispatch(const Command& command) {
  struct Handler {
    std::string_view name;
    void (NodeCommands::*run)(const Command&);
  };
  static constexpr std::array handlers = {
      Handler{"sync", &NodeCommands::sync},          Handler{"dial", &NodeCommands::dial},
      Handler{"ping", &NodeCommands::ping},          Handler{"leave", &NodeCommands::leave},
      Handler{"bonds", &NodeCommands::ask_group},    Handler{"status", &NodeCommands::ask_group},
      Handler{"topology", &NodeCommands::ask_group}, Handler{"add", &NodeCommands::count},
      Handler{"sub", &NodeCommands::count},          Handler{"feed", &NodeCommands::count},
      Handler{"query", &NodeCommands::query},
  };
  const auto* const handler = std::ranges::find(handlers, command.name, &Handler::name);
  if (handler != handlers.end()) return (this->*handler->run)(command);
  if (command.name == "me") return reply(command, write_self(network_, "", ""));
  if (command.name == "catalog") {
    Array ids;
    for (const PeerEntry& entry : network_.catalog()) ids.add(entry.id.hex());
    return reply(command, ids.str());
  }
  refuse(command, command.name.empty() ? "no command: write {\"cmd\":\"me\"}" : "unknown command " + command.name);
}

void NodeCommands::sync(const Command& command) {
  reply_later(command, network_.sync_with(command.peer), [](const Result<>&) { return std::string("true"); });
}

void NodeCommands::ping(const Command& command) {
  reply_later(command, network_.ping(command.peer), [](const Result<std::chrono::nanoseconds>& rtt) {
    return Object().add("rtt_us", std::chrono::duration_cast<std::chrono::microseconds>(*rtt).count()).str();
  });
}

/// Like the crate's: starts to make the peer known and answers at once; whether it worked is told by `peer` events.
void NodeCommands::dial(const Command& command) {
  const Future<Result<>> done = network_.sync_with(command.peer);
  if (done.ready() && !done.get()) return refuse(command, done.get().error().message);
  reply(command, "true");
}

void NodeCommands::leave(const Command& command) {
  Group* const group = membership_.group();
  if (group == nullptr) return refuse_without_group(command);
  const Future<Result<>> done = group->leave();
  left_ = true;
  reply_later(command, done, [](const Result<>&) { return std::string("true"); });
  membership_.drop();
}

void NodeCommands::refuse_without_group(const Command& command) {
  refuse(command, left_ ? "left the group" : "this node is in no group");
}

void NodeCommands::ask_group(const Command& command) {
  Group* const group = membership_.group();
  if (group == nullptr) return refuse_without_group(command);
  if (command.name == "bonds") return reply(command, control::json::write_own_bonds(group->bonds()));
  const GroupStatus status = group->status();
  reply(command,
        command.name == "status" ? control::json::write_group(status) : control::json::write_group_topology(status));
}

ReplicatedGroup* NodeCommands::counter_for(const Command& command) {
  if (membership_.group() == nullptr) {
    refuse_without_group(command);
    return nullptr;
  }
  if (!counts_) refuse(command, "this node runs without a counter: start it with --machine counter");
  return counts_ ? membership_.replicated() : nullptr;
}

void NodeCommands::count(const Command& command) {
  ReplicatedGroup* const group = counter_for(command);
  if (group == nullptr) return;
  Counter::Command change = Counter::Add{command.n};
  if (command.name == "sub") change = Counter::Sub{command.n};
  std::vector<ReplicatedGroup::Bytes> commands{postcard::encode(change)};
  reply_later(
      command,
      command.name == "feed" ? group->feed_bytes(std::move(commands)) : group->execute_bytes(std::move(commands)),
      [](const Result<IndexRange>& range) { return std::to_string(range->first.value); });
}

void NodeCommands::query(const Command& command) {
  ReplicatedGroup* const group = counter_for(command);
  if (group == nullptr) return;
  reply_later(command, group->query_bytes({}, command.consistency),
              [](const Result<Answered<ReplicatedGroup::Bytes>>& read) {
                const auto value = postcard::decode<Counter::QueryResult>(read->result);
                return Object().add("value", value.value_or(0)).add("position", read->position.value).str();
              });
}

void NodeCommands::reply(const Command& command, std::string_view ok) {
  outbox_->put_reply(control::json::write_reply(command, ok));
}

void NodeCommands::refuse(const Command& command, std::string_view error) {
  outbox_->put_reply(control::json::write_failure(command, error));
}

template <class T, class Ok>
void NodeCommands::reply_later(const Command& command, const Future<Result<T>>& future, Ok ok) {
  ++*unanswered_;
  static_cast<void>(future.then([command, ok, outbox = outbox_, unanswered = unanswered_](const Result<T>& result) {
    outbox->put_reply(
        result ? control::json::write_reply(command, ok(result))
               : control::json::write_failure(command, result.error().message, to_string(result.error().code)));
    --*unanswered;
  }));
}

}  // namespace mosaik::command
