#include "machines/counter.hpp"
#include "client/group_call.hpp"
#include "control/json_text.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

using control::json::Object;

int add(const CounterOptions& options, const GroupCaller& group) {
  const Result<Index> at = group.execute(Counter::Command(Counter::Add{options.n}));
  if (!at) return report(at.error());
  const std::string text = options.call.client.output == Output::json ? Object().add("index", at->value).str()
                                                                      : "committed at " + std::to_string(at->value);
  return print(text + "\n") ? exit_fine : exit_failure;
}

int get(const CounterOptions& options, const GroupCaller& group) {
  const auto read = group.query<Counter::QueryResult>(Counter::Query());
  if (!read) return report(read.error());
  const std::string text = options.call.client.output == Output::json
                               ? Object().add("value", read->result).add("position", read->position.value).str()
                               : std::to_string(read->result);
  return print(text + "\n") ? exit_fine : exit_failure;
}

}  // namespace

int run_counter(const CounterOptions& options) {
  const Result<GroupCaller> group = GroupCaller::open(options.call, Counter::name);
  if (!group) return report(group.error());
  return options.verb == CounterOptions::Verb::add ? add(options, *group) : get(options, *group);
}

}  // namespace mosaik::command
