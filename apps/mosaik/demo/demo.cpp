#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <functional>
#include <random>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/group_key.hpp>

#include "demo/demo_counter.hpp"
#include "demo/demo_node.hpp"
#include "demo/demo_view.hpp"
#include "process/stop.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"

namespace mosaik::command {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds redraw = milliseconds(100);
constexpr std::uint64_t adds_before = 200;       ///< of the failover: acknowledged before the leader is killed,
constexpr std::uint64_t adds_after = 200;        ///< and by its successor
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
      : ground_{directory, to_hex(GroupKey::random().secret())}, rng_(seed), view_(options, seed) {
    for (std::size_t i = 1; i <= options.nodes; ++i) nodes_.emplace_back(ground_, i);
  }

  bool run() {
    const std::size_t victim = rng_() % nodes_.size();
    std::size_t leaver = rng_() % (nodes_.size() - 1);
    if (leaver >= victim) ++leaver;
    const bool ok = mesh_forms() && elect() && kill(nodes_[victim]) && come_back(nodes_[victim]) && fail_over() &&
                    rejoin() && leave(nodes_[leaver]);
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

  bool elect() {
    DemoStep step = begin("elect", "a leader of the replicated counter is elected");
    if (!wait([this] { return not_led(PeerId{}); }, seconds(30))) return end(step);
    step.first = step.took = DemoClock::now() - began_;
    step.detail = fmt::format("node {} leads, as all say", leader()->number());
    return end(step);
  }

  /// Counts through a follower, kills the leader meanwhile, and looks whether the count is right.
  bool fail_over() {
    DemoStep step = begin("failover", "the leader is killed, the counter counts on");
    if (!wait([this] { return not_led(PeerId{}); }, seconds(30))) return end(step);
    DemoNode& old = *leader();
    const PeerId old_id = old.id();
    DemoNode& teller =
        *std::ranges::find_if(nodes_, [&](const DemoNode& node) { return node.is_running() && &node != &old; });
    counter_.begin(teller);
    if (!wait([this] { return not_counted(adds_before); }, seconds(20))) return end(step);
    old.expect(DemoNode::State::killed);
    counter_.forget_pause();
    began_ = DemoClock::now();
    old.send_signal(SIGKILL);
    if (!wait([&] { return not_led(old_id); }, seconds(30))) return end(step);
    step.first = DemoClock::now() - began_;
    const std::uint64_t enough = counter_.acknowledged() + adds_after;
    if (!wait([&] { return not_counted(enough); }, seconds(30))) return end(step);
    step.took = counter_.pause();
    static_cast<void>(old.reap(exit_limit));
    if (!settle_count(teller)) return end(step);
    step.detail = fmt::format("node {} leads now, {} adds, none lost, longest pause {}", leader()->number(),
                              counter_.acknowledged(), duration_text(counter_.pause()));
    return end(step);
  }

  /// Stops counting and compares the counter with the books. False with failure_ set.
  bool settle_count(DemoNode& teller) {
    counter_.finish();
    if (!wait([this] { return counter_.busy() ? "an add is under way" : ""; }, seconds(20))) return false;
    teller.say(R"({"cmd":"query","consistency":"strong","tag":"value"})");
    std::optional<DemoNode::Reply> reply;
    const auto answered = [&]() -> std::string {
      for (DemoNode::Reply& one : teller.take_replies()) reply = std::move(one);
      return reply ? "" : "the counter is not told";
    };
    if (!wait(answered, seconds(20))) return false;
    const std::optional<std::int64_t> value = value_in(reply->ok);
    if (value && counter_.explains(*value)) return true;
    failure_ = value ? fmt::format("{} adds were acknowledged, but the counter is {}", counter_.acknowledged(), *value)
                     : fmt::format("the counter is not told: {}", reply->error);
    return false;
  }

  /// The value in a reply `{"value":5,"position":7}`.
  static std::optional<std::int64_t> value_in(std::string_view text) {
    constexpr std::string_view name = "\"value\":";
    const std::size_t at = text.find(name);
    std::int64_t value = 0;
    if (at == std::string_view::npos) return std::nullopt;
    const char* const from = text.data() + at + name.size();
    if (std::from_chars(from, text.data() + text.size(), value).ec != std::errc{}) return std::nullopt;
    return value;
  }

  /// Who leads, by its own word; null: nobody.
  [[nodiscard]] DemoNode* leader() {
    const auto found = std::ranges::find_if(
        nodes_, [](const DemoNode& node) { return node.is_running() && node.leader() == node.id(); });
    return found == nodes_.end() ? nullptr : &*found;
  }

  /// All running nodes name one of themselves, and not `old`.
  [[nodiscard]] std::string not_led(const PeerId& old) {
    const DemoNode* const chosen = leader();
    if (chosen == nullptr || chosen->id() == old) return "nobody leads";
    for (const DemoNode& node : nodes_)
      if (node.is_running() && node.leader() != chosen->id())
        return fmt::format("node {} does not follow node {}", node.number(), chosen->number());
    return "";
  }

  [[nodiscard]] std::string not_counted(std::uint64_t enough) const {
    return counter_.acknowledged() >= enough ? "" : fmt::format("{} adds acknowledged", counter_.acknowledged());
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
    return heal(step, node);
  }

  /// The leader that was killed comes back, as a follower of the new one.
  bool rejoin() {
    DemoNode& old = *std::ranges::find_if(nodes_, [](const DemoNode& node) { return !node.is_running(); });
    DemoStep step = begin("rejoin", fmt::format("node {} comes back and follows", old.number()));
    return heal(step, old);
  }

  bool heal(DemoStep& step, DemoNode& node) {
    const auto helper = std::ranges::find_if(nodes_, [](const DemoNode& other) { return other.is_running(); });
    const PeerId before = node.id();
    if (!launch(node, helper->contact()) || !wait([this] { return not_whole(); }, seconds(30)) ||
        !wait([this] { return not_led(PeerId{}); }, seconds(30)))
      return end(step);
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
    const auto due =
        std::chrono::ceil<milliseconds>(std::min(counter_.next_due(), DemoClock::now() + redraw) - DemoClock::now());
    const auto limit = std::clamp(due, milliseconds(0), redraw);
    if (::poll(wait.data(), wait.size(), static_cast<int>(limit.count())) > 0)
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (wait[i].revents != 0) nodes_[i].take_lines();
    counter_.pump();
  }

  DemoGround ground_;
  std::mt19937_64 rng_;  // the same numbers on every platform
  DemoView view_;
  DemoNodes nodes_;
  DemoCounter counter_;
  std::vector<DemoStep> steps_;
  std::string failure_;
  DemoClock::time_point began_;
};

std::uint64_t random_seed() {
  return std::random_device()() % 1'000'000;  // short enough to be typed again
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
