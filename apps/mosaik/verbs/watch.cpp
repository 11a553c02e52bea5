#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <optional>

#include "client/find_control.hpp"
#include "process/stop.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/event_text.hpp"
#include "view/matrix.hpp"
#include "view/screen.hpp"
#include "view/status_text.hpp"

namespace mosaik::command {
namespace {

constexpr std::size_t shown_events = 8;
constexpr int refresh_ms = 1000;

/// What the view shows, asked anew at every refresh; a node that ends is waited for.
class View {
 public:
  View(ClientOptions options, std::string path, const Style& style)
      : options_(std::move(options)), path_(std::move(path)), style_(style) {
    options_.control = path_;
  }

  [[nodiscard]] int descriptor() const { return stream_ ? stream_->descriptor() : -1; }

  std::string text() {
    connect();
    take_events();
    const Result<std::string> status = ask_node(options_, "/v1/status");
    if (!status) return absent(status.error());
    const Result<control::json::NodeSummary> summary = control::json::read_status(*status);
    if (!summary) return absent(summary.error());
    return status_text(*summary, style_) + members() + mesh() + recent();
  }

  /// One line for outputs that are no terminal: the same again is not worth a line.
  std::string brief() {
    const Result<std::string> status = ask_node(options_, "/v1/status");
    if (!status) return "not running: " + status.error().message;
    const Result<control::json::NodeSummary> summary = control::json::read_status(*status);
    if (!summary) return summary.error().message;
    std::string out = std::string(to_string(summary->health));
    for (const control::json::GroupSummary& group : summary->groups) {
      out += fmt::format("  group {}: {} of {} bonded, {} in the mesh", group.id.brief(), group.members.bonded,
                         group.members.known > 0 ? group.members.known - 1 : 0, counted(group.mesh.known, "bond"));
    }
    return out;
  }

 private:
  void connect() {
    if (stream_) return;
    Result<control::EventStream> opened = control::EventStream::open(path_);
    if (opened) stream_.emplace(std::move(*opened));
  }

  void take_events() {
    while (stream_) {
      const Result<std::optional<std::string>> event = stream_->next(std::chrono::milliseconds(0));
      if (!event) {
        stream_.reset();
        return;
      }
      if (!*event) return;
      remember(**event);
    }
  }

  void remember(const std::string& event) {
    const Result<control::json::Line> line = control::json::read_line(event);
    if (!line || line->event == "bonds" || line->event == "topology") return;
    events_.push_back(style_.dim(clock_text(line->wall_ms)) + "  " + one_line(event_text(*line)));
    if (events_.size() > shown_events) events_.pop_front();
  }

  std::string absent(const Error& error) const {
    return style_.yellow("waiting: ") + printable(error.message) + "\n" + recent();
  }

  std::string members() const {
    const Result<std::string> body = ask_node(options_, "/v1/members");
    const auto groups = body ? control::json::read_members(*body) : std::vector<control::json::GroupMembers>();
    std::string out;
    if (!groups) return out;
    for (const control::json::GroupMembers& group : *groups) out += "\n" + members_table(group.members, style_);
    return out;
  }

  std::string mesh() const {
    const Result<std::string> body = ask_node(options_, "/v1/topology");
    const auto groups = body ? control::json::read_topology(*body) : std::vector<control::json::GroupBonds>();
    std::string out;
    if (!groups) return out;
    for (const control::json::GroupBonds& group : *groups) {
      out +=
          "\n" + draw_matrix(group.bonds, members_of(group.bonds, group.self), group.self, style_, {terminal_width()});
    }
    return out;
  }

  std::string recent() const {
    std::string out = "\n";
    for (const std::string& event : events_) out += event + "\n";
    return out + style_.dim("q quits") + "\n";
  }

  ClientOptions options_;
  std::string path_;
  const Style& style_;
  std::optional<control::EventStream> stream_;
  std::deque<std::string> events_;
};

/// Waits for an event, a key, a stop or the next refresh. False when the user wants to go.
bool wait_for_news(const View& view, bool keys) {
  std::array<pollfd, 4> wait{{{stop_descriptor(), POLLIN, 0},
                              {view.descriptor(), POLLIN, 0},
                              {keys ? STDIN_FILENO : -1, POLLIN, 0},
                              {STDOUT_FILENO, 0, 0}}};  // of which only its end is told
  if (::poll(wait.data(), wait.size(), refresh_ms) < 0 && errno != EINTR) return false;
  if (stop_asked() || wait[3].revents != 0) return false;
  if ((wait[2].revents & POLLIN) == 0) return true;
  char key = 0;
  return ::read(STDIN_FILENO, &key, 1) == 1 && key != 'q' && key != 'Q';
}

int watch_plainly(View& view) {
  std::string last;
  do {
    const std::string text = view.brief();
    if (text != last && !print(text + "\n")) return reader_is_gone() ? exit_fine : exit_failure;
    last = text;
  } while (wait_for_news(view, false));
  return exit_fine;
}

}  // namespace

int run_watch(const ClientOptions& options) {
  const Result<std::string> path = find_control(options);
  if (!path) return report(path.error());
  if (const auto alive = control::connect_to(*path); !alive) return report(explain_absence(alive.error()));
  watch_for_stop();
  const Style style = Style::of(stdout);
  View view(options, *path, style);
  if (!is_terminal(stdout)) return watch_plainly(view);
  FullScreen screen;
  do screen.show(view.text());
  while (wait_for_news(view, is_terminal(stdin)));
  return exit_fine;
}

}  // namespace mosaik::command
