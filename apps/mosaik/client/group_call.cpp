#include "client/group_call.hpp"

#include <fmt/format.h>

#include "client/find_control.hpp"
#include "control/json.hpp"
#include "settings/settings.hpp"

namespace mosaik::command {
namespace {

constexpr std::chrono::milliseconds wait_time = std::chrono::seconds(30);  ///< of one question of wait_beyond

/// The group of the node that runs `machine`.
Result<GroupId> group_with(const control::json::NodeSummary& node, std::string_view machine) {
  if (node.groups.empty())
    return fail(Errc::refused, "this node is in no group; if it has not just left, start it with --group-secret-file");
  std::string others;
  for (const control::json::GroupSummary& group : node.groups) {
    if (group.consensus && group.machine == machine) return group.id;
    if (group.consensus) others = group.machine.empty() ? "one without a name" : group.machine;
  }
  if (others.empty())
    return fail(Errc::refused,
                fmt::format("this node's group has no machine; start all its nodes with --machine {}", machine));
  return fail(Errc::refused, fmt::format("this node's group runs another machine ({}, not {})", others, machine));
}

Result<control::CallAnswer> explained(Result<control::CallAnswer> answer) {
  if (!answer) return std::unexpected(explain_absence(answer.error()));
  return answer;
}

}  // namespace

Result<GroupCaller> GroupCaller::open(const CallOptions& options, std::string_view machine) {
  const auto time = parse_time("--timeout", options.timeout);
  if (!time) return std::unexpected(time.error());
  if (time->count() == 0 || *time > std::chrono::minutes(10))
    return fail(Errc::invalid_argument, "--timeout: it must be between 1ms and 10min");
  Result<std::string> path = find_control(options.client);
  if (!path) return std::unexpected(path.error());
  ClientOptions there = options.client;
  there.control = *path;
  there.patience = std::min(*time, there.patience);
  const Result<std::string> body = ask_node(there, "/v1/status");
  if (!body) return std::unexpected(body.error());
  const auto node = control::json::read_status(*body);
  if (!node) return std::unexpected(node.error());
  const auto group = group_with(*node, machine);
  if (!group) return std::unexpected(group.error());
  const auto consistency = options.consistency == "weak" ? Consistency::weak : Consistency::strong;
  return GroupCaller(std::move(*path), *group, *time, consistency);
}

Result<control::CallAnswer> GroupCaller::carry_out(control::Call::Kind kind, std::vector<std::uint8_t> bytes,
                                                   Consistency consistency) const {
  control::Call call;
  call.kind = kind;
  call.group = group_;
  call.time = time_;
  call.bytes = std::move(bytes);
  call.consistency = consistency;
  return explained(control::carry_out(path_, call));
}

Result<bool> GroupCaller::wait_beyond(Index beyond, const std::string& history, int reader) const {
  control::Call call;
  call.kind = control::Call::Kind::committed;
  call.group = group_;
  call.time = wait_time;
  call.beyond = beyond;
  call.history = history;
  const auto answer = explained(control::carry_out(path_, call, reader));
  if (answer) return true;
  if (answer.error().code == Errc::timed_out) return false;
  return std::unexpected(answer.error());
}

}  // namespace mosaik::command
