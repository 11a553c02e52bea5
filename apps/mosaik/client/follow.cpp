#include "client/follow.hpp"

#include <unistd.h>

#include "settings/exit_code.hpp"

namespace mosaik::command {

int follow(const ClientOptions& options, const std::string& target,
           const std::function<std::string(const std::string&, const Style&)>& text_of) {
  const Result<std::string> path = find_control(options);
  if (!path) return report(path.error());
  Result<control::EventStream> stream = control::EventStream::open(*path, std::chrono::seconds(10), target);
  if (!stream) return report(explain_absence(stream.error()));
  const Style style = Style::of(stdout);
  for (;;) {
    const Result<std::optional<std::string>> next = stream->next(std::chrono::hours(1), STDOUT_FILENO);
    if (!next && reader_is_gone()) return exit_fine;
    if (!next && next.error().code == Errc::closed) {
      std::fputs("the node ended\n", stderr);
      return exit_fine;
    }
    if (!next) return report(next.error());
    if (*next && !print((options.output == Output::json ? **next : text_of(**next, style)) + "\n"))
      return reader_is_gone() ? exit_fine : exit_failure;
  }
}

}  // namespace mosaik::command
