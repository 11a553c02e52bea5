#include <algorithm>
#include <array>

#include "client/follow.hpp"
#include "control/json.hpp"
#include "verbs/verbs.hpp"
#include "view/event_text.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

std::string text_of(const std::string& event, const Style& style) {
  const Result<control::json::Line> line = control::json::read_line(event);
  if (!line) return one_line(event);
  constexpr std::array<std::string_view, 8> bad_news = {"bond_down", "suspect",     "refused",       "raft_offline",
                                                        "diverged",  "overwritten", "floor_differs", "stopped"};
  constexpr std::array<std::string_view, 5> good_news = {"bond_up", "online", "refuted", "raft_online", "leader"};
  const bool bad = std::ranges::find(bad_news, line->event) != bad_news.end();
  const bool good = std::ranges::find(good_news, line->event) != good_news.end();
  const std::string words = one_line(event_text(*line));
  return style.dim(clock_text(line->wall_ms)) + "  " + (bad ? style.yellow(words) : good ? style.green(words) : words);
}

}  // namespace

int run_events(const ClientOptions& options) {
  return follow(options, "/v1/events", text_of);
}

}  // namespace mosaik::command
