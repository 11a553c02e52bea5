#include "process/log.hpp"

#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>

#include "control/json_text.hpp"
#include "view/event_text.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

// Close codes of bonds (docs/protocol/README.md, spec: groups 3.3).
constexpr std::uint64_t cancelled = 102;
constexpr std::uint64_t already_bonded = 30429;

bool leaving = false;  // spdlog keeps its own state of the same kind: one log a process

bool is_goodbye(const Event& event) {
  return event.by == "departure" || (event.by == "peer" && event.code == cancelled);
}

/// Both ends have dialed: one of two connections is left over.
bool is_second(const Event& event) {
  return event.code == already_bonded;
}

spdlog::level::level_enum level_of(const Event& event) {
  switch (event.kind) {
    case EventKind::bond_down: return leaving || is_goodbye(event) ? spdlog::level::info : spdlog::level::warn;
    case EventKind::refused: return leaving || is_second(event) ? spdlog::level::info : spdlog::level::warn;
    // They come with each ordinary join and leave, for milliseconds; what they mean is said by bond_down and notices.
    case EventKind::suspect:
    case EventKind::offline:
    case EventKind::raft_offline: return spdlog::level::info;
    case EventKind::diverged:
    case EventKind::overwritten:
    case EventKind::floor_differs:
    case EventKind::stopped:
    case EventKind::lost:
    case EventKind::notice: return spdlog::level::warn;
    case EventKind::peer_discovered:
    case EventKind::peer_updated:
    case EventKind::peer_departed:
    case EventKind::bonds_changed:
    case EventKind::topology_changed: return spdlog::level::debug;
    default: return spdlog::level::info;
  }
}

bool json_lines = false;

void write(spdlog::level::level_enum level, const std::string& text) {
  const std::string shown = one_line(text);
  spdlog::log(level, "{}", json_lines ? control::json::quote(shown) : shown);
}

}  // namespace

void open_log(const NodeSettings& settings) {
  json_lines = settings.log_format == "json";
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>();
  sink->set_color_mode(Style::of(stderr).colours() ? spdlog::color_mode::always : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("mosaik", std::move(sink));
  logger->set_level(spdlog::level::from_str(settings.log_level == "error" ? "err" : settings.log_level));
  logger->set_pattern(json_lines ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","text":%v})"
                                 : "%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log_info(const std::string& text) {
  write(spdlog::level::info, text);
}
void log_warning(const std::string& text) {
  write(spdlog::level::warn, text);
}
void log_event(const Event& event) {
  write(level_of(event), event_text(event));
}
void log_leaving() {
  leaving = true;
  log_info("leaving");
}

}  // namespace mosaik::command
