#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "client/find_control.hpp"
#include "settings/exit_code.hpp"
#include "settings/settings.hpp"
#include "verbs/verbs.hpp"
#include "view/status_text.hpp"

namespace mosaik::command {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// A node that does not run yet tells of nothing that could be waited for; of a node that runs, every event is looked
/// at, and what changes without one is seen after this time.
constexpr Milliseconds look_again{200};

struct Look {
  int code = exit_no_such_node;
  Error error;                         ///< why there is no answer
  std::string body;                    ///< the answer, JSON
  control::json::NodeSummary summary;  ///< the same, read
};

int code_of(const control::json::NodeSummary& node) {
  const bool able = std::ranges::all_of(node.groups, [](const auto& group) { return group.ability == Ability::able; });
  if (!able) return exit_unable;
  return node.health == Health::healthy ? exit_fine : exit_degraded;
}

/// No node that answers there is an answer of its own here: monitoring tells a dead node from a sick one, which 1
/// means.
Look look_at(const ClientOptions& options) {
  Look out;
  Result<std::string> body = ask_node(options, "/v1/status");
  Result<control::json::NodeSummary> summary =
      body ? control::json::read_status(*body) : std::unexpected(std::move(body.error()));
  if (!summary) {
    out.error = summary.error();
    if (out.error.code == Errc::invalid_argument) out.code = exit_usage;
    return out;
  }
  out.body = std::move(*body);
  out.summary = std::move(*summary);
  out.code = code_of(out.summary);
  return out;
}

int tell(const ClientOptions& options, const Look& look) {
  if (look.code == exit_usage || look.code == exit_no_such_node) {
    static_cast<void>(report(look.error));
    return look.code;
  }
  const bool told = print(options.output == Output::json ? look.body : status_text(look.summary, Style::of(stdout)));
  return told ? look.code : exit_failure;
}

/// Until the node tells of something, or a moment has passed.
void wait_for_news(const ClientOptions& options, std::optional<control::EventStream>& stream, Clock::time_point until) {
  const auto left = std::min(look_again, std::chrono::ceil<Milliseconds>(until - Clock::now()));
  if (!stream) {
    if (const auto path = find_control(options)) {
      if (auto opened = control::EventStream::open(*path, std::max(left, Milliseconds(1)))) {
        stream.emplace(std::move(*opened));
        return;  // what happened before it was open is looked for first
      }
    }
    std::this_thread::sleep_for(std::max(left, Milliseconds(1)));
    return;
  }
  if (!stream->next(std::max(left, Milliseconds(0)))) stream.reset();
}

/// What a rolling restart waits for is more than health: the node is in a group, not alone in it while others should be
/// there, and has applied what is committed.
bool is_in_step(const control::json::NodeSummary& node) {
  return !node.groups.empty() && std::ranges::all_of(node.groups, [](const auto& group) {
    if (group.awaits) return false;
    return !group.consensus || (group.consensus->online && group.consensus->applied >= group.consensus->committed);
  });
}

Look wait_until_well(const ClientOptions& options, Milliseconds limit) {
  const Clock::time_point until = Clock::now() + limit;
  std::optional<control::EventStream> stream;
  ClientOptions asking = options;
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(until - Clock::now());
    asking.patience = std::clamp(left, Milliseconds(100), options.patience);
    Look look = look_at(asking);
    const bool well = look.code == exit_fine && is_in_step(look.summary);
    if (well || look.code == exit_usage) return look;
    if (Clock::now() >= until) {
      if (look.code == exit_fine) look.code = exit_degraded;
      return look;
    }
    wait_for_news(options, stream, until);
  }
}

}  // namespace

int run_status(const ClientOptions& options) {
  if (options.wait.empty()) return tell(options, look_at(options));
  const auto limit = parse_time("--wait", options.wait);
  if (!limit) return report(limit.error());
  return tell(options, wait_until_well(options, *limit));
}

}  // namespace mosaik::command
