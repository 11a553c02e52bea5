#include "demo/demo_view.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/json_text.hpp"

namespace mosaik::command {
namespace {

using control::json::Array;
using control::json::Object;

constexpr std::chrono::milliseconds redraw_pause{40};  // drawing must not slow down what is measured

constexpr std::size_t title_width = 46;

std::string milliseconds(std::chrono::nanoseconds value) {
  return fmt::format("{:.3f}", std::chrono::duration<double, std::milli>(value).count());
}

Object step_json(const DemoStep& step) {
  Object out;
  out.add("step", std::string_view(step.name)).add("ok", step.failure.empty());
  out.raw("first_ms", milliseconds(step.first)).raw("ms", milliseconds(step.took));
  out.add("detail", std::string_view(step.detail));
  if (!step.failure.empty()) out.add("error", std::string_view(step.failure));
  return out;
}

std::string state_text(const DemoNode& node, const Style& style) {
  switch (node.state()) {
    case DemoNode::State::off: return style.dim("not started");
    case DemoNode::State::starting: return style.yellow("starting");
    case DemoNode::State::up: return style.green("up");
    case DemoNode::State::killed: return style.red("killed");
    case DemoNode::State::left: return style.dim("left");
  }
  return "";
}

std::string leads_text(const DemoNode& node, const Style& style) {
  const bool leads = node.state() == DemoNode::State::up && !node.id().is_zero() && node.leader() == node.id();
  return leads ? "  " + style.bold("leads") : "";
}

/// Who says that these two are bonded.
std::string cell(const DemoNode& row, const DemoNode& column, const Style& style, bool utf8) {
  if (&row == &column) return style.dim(utf8 ? "\xE2\x95\xB2" : "\\");
  const bool here = row.bonds().contains(column.id());
  const bool there = column.bonds().contains(row.id());
  if (here && there) return style.green(utf8 ? "\xE2\x97\x8F" : "#");
  if (here || there) return style.yellow(utf8 ? "\xE2\x97\x90" : "!");
  return style.dim(utf8 ? "\xC2\xB7" : ".");
}

}  // namespace

DemoView::DemoView(const DemoOptions& options, std::uint64_t seed)
    : json_(options.output == Output::json),
      live_(!json_ && is_terminal(stdout)),
      utf8_(speaks_utf8()),
      style_(Style::of(stdout)),
      count_(options.nodes),
      seed_(seed),
      began_(DemoClock::now()) {
  if (json_) {
    print(Object().add("event", "demo").add("nodes", count_).add("seed", seed_).str() + "\n");
    return;
  }
  print(fmt::format("{}: {} node processes on this computer (seed {})\n", style_.bold("mosaik demo"), count_, seed_));
}

void DemoView::begin(const DemoStep& step) {
  current_ = step.title;
  step_began_ = DemoClock::now();
}

std::string DemoView::step_line(const DemoStep& step) const {
  const bool ok = step.failure.empty();
  const std::string mark =
      ok ? style_.green(utf8_ ? "\xE2\x9C\x93" : "ok") : style_.red(utf8_ ? "\xE2\x9C\x97" : "FAILED");
  return fmt::format("{} {} {}  {}\n", mark, padded(step.title, title_width),
                     padded(style_.bold(duration_text(step.took)), 9),
                     ok ? style_.dim(step.detail) : style_.red(printable(step.failure)));
}

std::string DemoView::picture(const DemoNodes& nodes) const {
  std::string out;
  if (!current_.empty())
    out += fmt::format("{} {} {}\n", style_.yellow(utf8_ ? "\xE2\x80\xA6" : "..."), padded(current_, title_width),
                       style_.bold(duration_text(DemoClock::now() - step_began_)));
  out += "\n";
  const std::size_t shown = std::min(nodes.size(), std::max<std::size_t>(terminal_height(), 10) - 6);
  for (std::size_t i = 0; i < shown; ++i) {
    const DemoNode& node = nodes[i];
    std::string line = style_.dim(fmt::format("{:>3}", node.number())) + " " +
                       (node.id().is_zero() ? std::string(10, ' ') : node.id().brief()) + " ";
    for (const DemoNode& other : nodes) line += " " + cell(node, other, style_, utf8_);
    line += fmt::format("  {:>2} {}", node.bonds().size(), padded(node.bonds().size() == 1 ? "bond" : "bonds", 6));
    out += line + state_text(node, style_) + leads_text(node, style_) + "\n";
  }
  return out;
}

void DemoView::draw(const DemoNodes& nodes) {
  const auto now = DemoClock::now();
  if (!live_ || now - drawn_ < redraw_pause) return;
  drawn_ = now;
  lines_.show(picture(nodes));
}

void DemoView::end(const DemoStep& step, const DemoNodes& nodes) {
  if (json_) {
    print(step_json(step).add("event", "step").str() + "\n");
    return;
  }
  if (!live_) {
    print(step_line(step));
    return;
  }
  lines_.show(step_line(step));
  lines_.keep();
  current_.clear();
  lines_.show(picture(nodes));
}

void DemoView::summary(const std::vector<DemoStep>& steps) {
  const bool ok = std::ranges::all_of(steps, [](const DemoStep& step) { return step.failure.empty(); });
  const auto took = DemoClock::now() - began_;
  if (json_) {
    Array list;
    for (const DemoStep& step : steps) list.raw(step_json(step).str());
    print(Object()
              .add("event", "summary")
              .add("ok", ok)
              .add("nodes", count_)
              .add("seed", seed_)
              .raw("ms", milliseconds(took))
              .raw("steps", list.str())
              .str() +
          "\n");
    return;
  }
  Table table({"STEP", "RESULT", "FIRST", "ALL", "WHAT WAS SEEN"});
  for (const DemoStep& step : steps) {
    const bool happened = step.failure.empty();
    table.add({step.title, happened ? style_.green("ok") : style_.red("failed"),
               happened ? duration_text(step.first) : "-", happened ? duration_text(step.took) : "-",
               happened ? step.detail : printable(step.failure)});
  }
  lines_.keep();
  print("\n" + table.text(style_) + "\n" +
        (ok ? style_.green("everything happened") : style_.red("not everything happened")) + " in " +
        duration_text(took) + "\n");
}

void DemoView::say(const std::string& text) {
  if (json_) return;
  live_ = false;
  print(text + "\n");
}

}  // namespace mosaik::command
