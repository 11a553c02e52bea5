#include <fmt/format.h>

#include "mosaik/event_text.hpp"
#include "mosaik/exit_code.hpp"
#include "mosaik/find_control.hpp"
#include "mosaik/output.hpp"
#include "mosaik/verbs.hpp"

namespace mosaik::command {
namespace {

std::string text_of(const std::string& event, const Style& style) {
  const Result<control::json::Line> line = control::json::read_line(event);
  if (!line) return printable(event);
  const bool bad = line->event == "bond_down" || line->event == "suspect" || line->event == "refused";
  const bool good = line->event == "bond_up" || line->event == "online" || line->event == "refuted";
  const std::string words = printable(event_text(*line));
  return style.dim(clock_text(line->wall_ms)) + "  " + (bad ? style.yellow(words) : good ? style.green(words) : words);
}

}  // namespace

int run_events(const ClientOptions& options) {
  const Result<std::string> path = find_control(options);
  if (!path) return report(path.error());
  Result<control::EventStream> stream = control::EventStream::open(*path);
  if (!stream) return report(stream.error());
  const Style style = Style::of(stdout);
  for (;;) {
    const Result<std::optional<std::string>> event = stream->next(std::chrono::hours(1));
    if (!event && event.error().code == Errc::closed) {
      std::fputs("the node ended\n", stderr);
      return exit_fine;
    }
    if (!event) return report(event.error());
    if (*event && !print((options.output == Output::json ? **event : text_of(**event, style)) + "\n"))
      return exit_failure;
  }
}

}  // namespace mosaik::command
