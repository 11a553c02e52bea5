#pragma once
/// How the demo tells what happens: a live picture on a terminal, a line a step elsewhere, or JSON.

#include <chrono>
#include <string>
#include <vector>

#include "demo/demo_node.hpp"
#include "settings/options.hpp"
#include "view/output.hpp"
#include "view/screen.hpp"

namespace mosaik::command {

struct DemoStep {
  std::string name;                  ///< mesh, elect, kill, return, failover, leave
  std::string title;                 ///< what is waited for
  std::string detail;                ///< what was seen
  std::string failure;               ///< empty: it happened
  std::chrono::nanoseconds first{};  ///< until the first node had noticed
  std::chrono::nanoseconds took{};   ///< until all had
};

class DemoView {
 public:
  DemoView(const DemoOptions& options, std::uint64_t seed);

  /// A step begins; what is drawn from now on is its progress.
  void begin(const DemoStep& step);
  /// Draws the picture anew, if there is one.
  void draw(const DemoNodes& nodes);
  void end(const DemoStep& step, const DemoNodes& nodes);
  void summary(const std::vector<DemoStep>& steps);
  /// A last word after the summary: nothing is drawn any more. Not with --json.
  void say(const std::string& text);

 private:
  std::string picture(const DemoNodes& nodes) const;
  std::string step_line(const DemoStep& step) const;

  bool json_;
  bool live_;
  bool utf8_;
  Style style_;
  std::size_t count_;
  std::uint64_t seed_;
  LiveLines lines_;
  std::string current_;
  DemoClock::time_point began_;
  DemoClock::time_point step_began_;
  DemoClock::time_point drawn_;
};

}  // namespace mosaik::command
