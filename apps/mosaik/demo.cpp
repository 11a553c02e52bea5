#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "base/random.hpp"
#include "mosaik/demo_node.hpp"
#include "mosaik/demo_view.hpp"
#include "mosaik/exit_code.hpp"
#include "mosaik/stop.hpp"
#include "mosaik/verbs.hpp"
#include "runtime/entropy.hpp"

namespace mosaik::command {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds redraw = milliseconds(100);
constexpr milliseconds exit_limit = seconds(5);  ///< a node that leaves needs 1 s at most

/// A directory of our own, removed at the end.
class Workshop {
 public:
  Workshop() {
    const char* const place = ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): there is one thread
    path_ = std::string(place != nullptr && *place != '\0' ? place : "/tmp") + "/mosaik-demo-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~Workshop() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

class Demo {
 public:
  Demo(const DemoOptions& options, std::uint64_t seed, const std::string& directory)
      : ground_{directory, to_hex(runtime::random_bytes32())}, rng_(seed), view_(options, seed) {
    for (std::size_t i = 1; i <= options.nodes; ++i) nodes_.emplace_back(ground_, i);
  }

  bool run() {
    const std::size_t victim = rng_.below(nodes_.size());
    std::size_t leaver = rng_.below(nodes_.size() - 1);
    if (leaver >= victim) ++leaver;
    const bool ok = mesh_forms() && kill(nodes_[victim]) && come_back(nodes_[victim]) && leave(nodes_[leaver]);
    if (!stop_asked()) view_.summary(steps_);
    return ok;
  }

  /// Until Ctrl-C, or until a node ends that nobody has asked to.
  void keep() {
    std::string text = "\nThe nodes stay until Ctrl-C. Ask them, for example:";
    for (const DemoNode& node : nodes_)
      if (node.is_running()) text += fmt::format("\n  mosaik status --control {}", node.control());
    view_.say(text);
    static_cast<void>(wait_until([] { return false; }, DemoClock::time_point::max()));
  }

  void close() {
    for (DemoNode& node : nodes_) node.send_signal(SIGTERM);
    for (DemoNode& node : nodes_) static_cast<void>(node.reap(exit_limit));
  }

 private:
  enum class Waited { done, late, stopped, failed };
  using Step = std::function<std::string()>;  ///< what is missing; empty: it has happened

  bool mesh_forms() {
    const std::size_t pairs = nodes_.size() * (nodes_.size() - 1) / 2;
    DemoStep step = begin("mesh", fmt::format("{} nodes start, every pair bonds", nodes_.size()));
    if (!launch(nodes_.front(), "") || !wait([this] { return not_ready(nodes_.front()); }, seconds(30)))
      return end(step);
    for (std::size_t i = 1; i < nodes_.size(); ++i)
      if (!launch(nodes_[i], nodes_.front().contact())) return end(step);
    const auto limit = seconds(30) + seconds(nodes_.size());
    if (!wait([this] { return not_whole(); }, limit)) return end(step);
    step.first = step.took = DemoClock::now() - began_;
    step.detail = fmt::format("{} of {} bonds, as all say", pairs, pairs);
    return end(step);
  }

  bool kill(DemoNode& victim) {
    DemoStep step = begin("kill", fmt::format("node {} is killed, all others notice", victim.number()));
    for (DemoNode& node : nodes_) node.forget_losses();
    victim.expect(DemoNode::State::killed);
    began_ = DemoClock::now();
    victim.send_signal(SIGKILL);
    if (!wait([&] { return not_noticed(victim); }, seconds(20))) return end(step);
    note_losses(step, victim);
    static_cast<void>(victim.reap(exit_limit));
    return end(step);
  }

  bool come_back(DemoNode& node) {
    DemoStep step = begin("return", fmt::format("node {} comes back with its key, mesh heals", node.number()));
    const auto helper = std::ranges::find_if(nodes_, [](const DemoNode& other) { return other.is_running(); });
    const PeerId before = node.id();
    if (!launch(node, helper->contact()) || !wait([this] { return not_whole(); }, seconds(30))) return end(step);
    if (node.id() != before) failure_ = "it came back with another identity";
    step.first = step.took = DemoClock::now() - began_;
    step.detail = fmt::format("bonded with all {} others again", nodes_.size() - 1);
    return end(step);
  }

  bool leave(DemoNode& leaver) {
    DemoStep step = begin("leave", fmt::format("node {} leaves politely, all others notice", leaver.number()));
    for (DemoNode& node : nodes_) node.forget_losses();
    leaver.expect(DemoNode::State::left);
    leaver.send_signal(SIGTERM);
    if (!wait([&] { return not_noticed(leaver); }, seconds(10))) return end(step);
    note_losses(step, leaver);
    if (const int code = leaver.reap(exit_limit); code != exit_fine)
      failure_ = fmt::format("node {} ended with code {}", leaver.number(), code);
    return end(step);
  }

  DemoStep begin(std::string name, std::string title) {
    DemoStep step;
    step.name = std::move(name);
    step.title = std::move(title);
    failure_.clear();
    began_ = DemoClock::now();
    view_.begin(step);
    return step;
  }

  bool end(DemoStep& step) {
    step.failure = failure_;
    if (!failure_.empty()) step.took = DemoClock::now() - began_;
    steps_.push_back(step);
    if (!stop_asked()) view_.end(step, nodes_);
    return failure_.empty();
  }

  bool launch(DemoNode& node, const std::string& contact) {
    const Result<> started = node.start(contact);
    if (!started) failure_ = started.error().message;
    return started.has_value();
  }

  /// When the first and the last of the others were told, and what they were told.
  void note_losses(DemoStep& step, const DemoNode& gone) {
    std::set<std::string> ways;
    step.first = std::chrono::nanoseconds::max();
    for (const DemoNode& node : nodes_) {
      const DemoNode::Loss* const loss = node.loss_of(gone.id());
      if (!node.is_running() || loss == nullptr) continue;
      step.first = std::min<std::chrono::nanoseconds>(step.first, loss->at - began_);
      step.took = std::max<std::chrono::nanoseconds>(step.took, loss->at - began_);
      ways.insert(loss->by);
    }
    step.detail = fmt::format("{} survivors, told by: {}", running(), fmt::join(ways, ", "));
  }

  [[nodiscard]] std::size_t running() const {
    return static_cast<std::size_t>(std::ranges::count_if(nodes_, &DemoNode::is_running));
  }

  static std::string not_ready(const DemoNode& node) {
    return node.state() == DemoNode::State::up ? "" : fmt::format("node {} is not ready", node.number());
  }

  /// Each node lists exactly the others.
  [[nodiscard]] std::string not_whole() const {
    std::set<PeerId> all;
    for (const DemoNode& node : nodes_) {
      if (std::string missing = not_ready(node); !missing.empty()) return missing;
      all.insert(node.id());
    }
    for (const DemoNode& node : nodes_) {
      std::set<PeerId> others = all;
      others.erase(node.id());
      if (node.bonds() != others)
        return fmt::format("node {} is bonded with {} of {}", node.number(), node.bonds().size(), others.size());
    }
    return "";
  }

  [[nodiscard]] std::string not_noticed(const DemoNode& gone) const {
    for (const DemoNode& node : nodes_) {
      if (!node.is_running()) continue;
      if (node.bonds().contains(gone.id()) || node.loss_of(gone.id()) == nullptr)
        return fmt::format("node {} still holds its bond with node {}", node.number(), gone.number());
    }
    return "";
  }

  /// False with failure_ set when the step does not happen.
  bool wait(const Step& missing, std::chrono::nanoseconds limit) {
    const Waited waited = wait_until([&] { return missing().empty(); }, DemoClock::now() + limit);
    if (waited == Waited::done) return true;
    if (waited == Waited::stopped) failure_ = "interrupted";
    if (waited == Waited::late) failure_ = fmt::format("not within {}: {}", duration_text(limit), missing());
    if (waited == Waited::failed) {
      const auto node = std::ranges::find_if(nodes_, &DemoNode::has_failed);
      failure_ = fmt::format("node {} has ended: {}", node->number(), node->last_log_line());
    }
    return false;
  }

  Waited wait_until(const std::function<bool()>& done, DemoClock::time_point deadline) {
    while (!done()) {
      if (stop_asked()) return Waited::stopped;
      if (std::ranges::any_of(nodes_, &DemoNode::has_failed)) return Waited::failed;
      if (DemoClock::now() >= deadline) return Waited::late;
      view_.draw(nodes_);
      pump();
    }
    view_.draw(nodes_);
    return Waited::done;
  }

  void pump() {
    std::vector<pollfd> wait;
    for (const DemoNode& node : nodes_) wait.push_back({node.descriptor(), POLLIN, 0});
    wait.push_back({stop_descriptor(), POLLIN, 0});
    if (::poll(wait.data(), wait.size(), static_cast<int>(redraw.count())) <= 0) return;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (wait[i].revents != 0) nodes_[i].take_lines();
  }

  DemoGround ground_;
  Rng rng_;
  DemoView view_;
  DemoNodes nodes_;
  std::vector<DemoStep> steps_;
  std::string failure_;
  DemoClock::time_point began_;
};

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  runtime::fill_random({reinterpret_cast<std::uint8_t*>(&seed), sizeof seed});
  return seed % 1'000'000;  // short enough to be typed again
}

}  // namespace

int run_demo(const DemoOptions& options) {
  watch_for_stop();
  const Workshop workshop;
  if (workshop.path().empty())
    return report({Errc::io, "can not make a directory for the demo; set TMPDIR to a place"});
  Demo demo(options, options.seed.value_or(random_seed()), workshop.path());
  const bool ok = demo.run();
  if (ok && options.keep) demo.keep();
  demo.close();
  if (stop_asked() && !ok) return report({Errc::closed, "the demo was interrupted"});
  return ok ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
