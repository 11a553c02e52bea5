#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "client/find_control.hpp"
#include "settings/exit_code.hpp"
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
  const Result<std::string> path = find_control(options);
  if (!path) return report(path.error());
  Result<control::EventStream> stream = control::EventStream::open(*path);
  if (!stream) return report(explain_absence(stream.error()));
  const Style style = Style::of(stdout);
  for (;;) {
    const Result<std::optional<std::string>> event = stream->next(std::chrono::hours(1), STDOUT_FILENO);
    if (!event && reader_is_gone()) return exit_fine;
    if (!event && event.error().code == Errc::closed) {
      std::fputs("the node ended\n", stderr);
      return exit_fine;
    }
    if (!event) return report(event.error());
    if (*event && !print((options.output == Output::json ? **event : text_of(**event, style)) + "\n"))
      return reader_is_gone() ? exit_fine : exit_failure;
  }
}

}  // namespace mosaik::command
