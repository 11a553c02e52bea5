// The failure detector alone, as a table: detection time, mistakes and their length over loss, load and size.
//
// Each node is a detector::FailureDetector; the wire loses, delays and never reorders by more than its jitter; a loaded
// node stands still now and then. Frames are repeated as QUIC would, probes and their acknowledgements are not. Second
// opinions are asked and given. Simulated time, one seed: the same table on every machine. tools/draw_detector.py draws
// it.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <queue>
#include <set>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "detector/failure_detector.hpp"

namespace {

using namespace mosaik;
using namespace std::chrono_literals;

struct Setting {
  std::size_t nodes = 3;
  unsigned loss = 0;    ///< of 100 datagrams
  Nanoseconds pause{};  ///< mean length of a stall; one a second
};

struct Outcome {
  std::vector<double> detected_ms;  ///< each survivor's, of each failure
  std::size_t suspicions = 0;       ///< of the living
  double suspected_ms = 0;
  std::size_t verdicts = 0;  ///< of the living
  double node_hours = 0;
};

class World {
 public:
  World(const Setting& setting, std::uint64_t seed) : setting_(setting), rng_(seed) {
    for (std::size_t i = 0; i < setting.nodes; ++i) {
      Bytes32 id{};
      id[0] = static_cast<std::uint8_t>(i + 1);
      ids_.emplace_back(id);
    }
    for (std::size_t i = 0; i < setting.nodes; ++i) {
      nodes_.push_back(std::make_unique<Node>(Node{.health = detector::FailureDetector(detector::Config{}, ids_[i])}));
      for (std::size_t j = 0; j < setting.nodes; ++j) {
        nodes_[i]->peers.emplace_back();
        if (i == j) continue;
        nodes_[i]->health.watch(now(), ids_[j], detector::PeerKind::cpp);
        tick_later(i, j);
      }
      plan_stall(i);
      wake(i);
    }
  }

  void run_for(Nanoseconds span) {
    const Mono end = time_ + span;
    while (!heap_.empty() && heap_.top().time <= end) {
      const Item item = heap_.top();
      heap_.pop();
      time_ = item.time;
      item.what();
    }
    time_ = end;
  }
  void fail(std::size_t node) {
    nodes_[node]->dead = true;
    failed_at_ = time_;
    failed_ = node;
  }
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }

 private:
  struct Peer {
    std::uint64_t tick = 0;  ///< only the newest heartbeat counts
    std::size_t unanswered = 0;
    std::optional<Mono> suspected{};
    bool judged = false;
  };
  struct Node {
    detector::FailureDetector health;
    std::vector<Peer> peers{};
    std::vector<std::set<std::size_t>> askers = std::vector<std::set<std::size_t>>(64);
    Mono frozen{};
    Mono wake_at = never;
    Mono due = never;
    bool dead = false;
  };
  struct Item {
    Mono time;
    std::uint64_t order;
    std::function<void()> what;
    bool operator<(const Item& other) const { return std::pair(time, order) > std::pair(other.time, other.order); }
  };
  enum class Say : std::uint8_t { ping, pong, probe, ack, doubt, life };
  using Facts = std::vector<detector::DetectorEvent>;

  [[nodiscard]] Now now() const { return {time_, Boot(time_.time_since_epoch()), Wall{}}; }
  void plan(Mono time, std::function<void()> what) { heap_.push({std::max(time, time_), ++order_, std::move(what)}); }

  void plan_stall(std::size_t at) {
    if (setting_.pause == 0ns) return;
    const auto exponential = [this](double mean) {
      return -mean * std::log(1.0 - static_cast<double>(rng_.below(1'000'000)) / 1e6);
    };
    plan(time_ + Nanoseconds(static_cast<std::int64_t>(exponential(1e9))), [this, at, exponential] {
      const auto mean = static_cast<double>(setting_.pause.count());
      nodes_[at]->frozen = time_ + Nanoseconds(static_cast<std::int64_t>(exponential(mean)));
      plan_stall(at);
    });
  }

  void send(std::size_t from, std::size_t to, Say say, std::size_t about = 0, unsigned tries = 0) {
    if (nodes_[from]->dead) return;
    ++nodes_[from]->peers[to].unanswered;
    const bool frame = say != Say::probe && say != Say::ack;
    if (rng_.below(100) < setting_.loss) {
      // What QUIC carries in a stream it repeats after a probe timeout.
      if (frame && tries < 8)
        plan(time_ + 40ms * (1U << tries),
             [this, from, to, say, about, tries] { send(from, to, say, about, tries + 1); });
      return;
    }
    plan(time_ + rng_.between(Nanoseconds(100us), Nanoseconds(300us)),
         [this, from, to, say, about] { arrive(from, to, say, about); });
  }

  void arrive(std::size_t from, std::size_t to, Say say, std::size_t about) {
    Node& node = *nodes_[to];
    if (node.dead) return;
    if (node.frozen > time_) return plan(node.frozen, [this, from, to, say, about] { arrive(from, to, say, about); });
    note_stall(to);
    if (node.peers[from].judged) return;
    node.peers[from].unanswered = 0;
    Facts events;
    node.health.on_packet(now(), ids_[from], events);
    if (say == Say::ping || say == Say::pong) tick_later(to, from);
    if (say == Say::ping) send(to, from, Say::pong);
    if (say == Say::probe) send(to, from, Say::ack);
    if (say == Say::life) node.health.on_vouched(now(), ids_[about]);
    if (say == Say::doubt && about != to && !node.peers[about].judged) {
      if (node.health.silent_for(now(), ids_[about]) <= 50ms) {
        send(to, from, Say::life, about);
      } else {
        node.askers[about].insert(from);
        node.health.report_life(ids_[about]);
        node.health.on_doubt(now(), ids_[about], events);
      }
    }
    take(to, events);
  }

  void tick_later(std::size_t from, std::size_t to) {
    const std::uint64_t tick = ++nodes_[from]->peers[to].tick;
    plan(time_ + rng_.between(Nanoseconds(350ms), Nanoseconds(500ms)),
         [this, from, to, tick] { beat(from, to, tick); });
  }
  void beat(std::size_t from, std::size_t to, std::uint64_t tick) {
    Node& node = *nodes_[from];
    if (node.dead || node.peers[to].tick != tick || node.peers[to].judged) return;
    if (node.frozen > time_) return plan(node.frozen, [this, from, to, tick] { beat(from, to, tick); });
    send(from, to, Say::ping);
    node.health.on_asked(now(), ids_[to], 400us);
    tick_later(from, to);
    wake(from);
  }

  void note_stall(std::size_t at) {
    Node& node = *nodes_[at];
    if (node.due != never && time_ > node.due) node.health.on_stall(now(), time_ - node.due);
    node.due = never;
  }

  void wake(std::size_t at) {
    Node& node = *nodes_[at];
    const Mono due = node.health.next_deadline();
    node.due = due == never ? never : std::max(due, time_);
    if (due >= node.wake_at || due == never) return;
    node.wake_at = std::max(due, time_);
    plan(std::max(node.wake_at, node.frozen), [this, at, planned = node.wake_at] {
      Node& here = *nodes_[at];
      if (here.dead || here.wake_at != planned) return;
      here.wake_at = never;
      if (here.frozen > time_) return wake(at);
      note_stall(at);
      Facts events;
      for (std::size_t i = 0; i < ids_.size(); ++i)
        here.health.on_link_state(ids_[i], {here.peers[i].unanswered, 400us});
      here.health.on_timer(now(), events);
      take(at, events);
    });
  }

  [[nodiscard]] std::size_t index(const PeerId& id) const { return static_cast<std::size_t>(id.view()[0] - 1); }

  void take(std::size_t at, const Facts& events) {
    Node& node = *nodes_[at];
    for (const detector::DetectorEvent& fact : events) {
      const std::size_t about = index(std::visit([](const auto& any) { return any.peer; }, fact));
      Peer& peer = node.peers[about];
      if (std::holds_alternative<detector::Probe>(fact)) send(at, about, Say::probe);
      if (std::holds_alternative<detector::Suspected>(fact)) {
        peer.suspected = time_;
        outcome_.suspicions += nodes_[about]->dead ? 0 : 1;
      }
      if (std::holds_alternative<detector::DoubtWanted>(fact)) {
        for (std::size_t other = 0; other < ids_.size(); ++other)
          if (other != at && other != about) send(at, other, Say::doubt, about);
      }
      if (std::holds_alternative<detector::Refuted>(fact) && peer.suspected)
        outcome_.suspected_ms += std::chrono::duration<double, std::milli>(time_ - *peer.suspected).count();
      if (std::holds_alternative<detector::Heard>(fact)) {
        for (const std::size_t asker : std::exchange(node.askers[about], {})) send(at, asker, Say::life, about);
      }
      if (std::holds_alternative<detector::PresumedDead>(fact) || std::holds_alternative<detector::LinkDown>(fact))
        judged(at, about);
    }
    wake(at);
  }

  void judged(std::size_t at, std::size_t about) {
    if (nodes_[about]->dead) {
      nodes_[at]->peers[about].judged = true;
      if (about == failed_)
        outcome_.detected_ms.push_back(std::chrono::duration<double, std::milli>(time_ - failed_at_).count());
      return;
    }
    ++outcome_.verdicts;
    nodes_[at]->health.watch(now(), ids_[about], detector::PeerKind::cpp);  // it bonds again
  }

  Setting setting_;
  Rng rng_;
  Mono time_ = Mono(1s);
  std::uint64_t order_ = 0;
  std::priority_queue<Item> heap_;
  std::vector<PeerId> ids_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Mono failed_at_{};
  std::size_t failed_ = SIZE_MAX;
  Outcome outcome_;
};

Outcome measure(const Setting& setting) {
  constexpr int failures = 20;
  constexpr Nanoseconds quiet = 120s;
  Outcome out;
  for (int i = 0; i < failures; ++i) {
    World world(setting, 1000 + static_cast<std::uint64_t>(i));
    world.run_for(3s + 37ms * i);
    world.fail(static_cast<std::size_t>(i) % setting.nodes);
    world.run_for(10s);
    const auto& times = world.outcome().detected_ms;
    out.detected_ms.insert(out.detected_ms.end(), times.begin(), times.end());
  }
  World world(setting, 1);
  world.run_for(quiet);
  out.suspicions = world.outcome().suspicions;
  out.suspected_ms = world.outcome().suspected_ms;
  out.verdicts = world.outcome().verdicts;
  out.node_hours = std::chrono::duration<double, std::ratio<3600>>(quiet).count() * static_cast<double>(setting.nodes);
  std::ranges::sort(out.detected_ms);
  return out;
}

}  // namespace

int main() {
  std::puts(
      "nodes,loss,pause_ms,detected_min_ms,detected_median_ms,detected_max_ms,missed,suspicions_per_node_hour,"
      "suspicion_ms,false_verdicts_per_node_hour");
  for (const std::size_t nodes : {3U, 20U})
    for (const Nanoseconds pause : {Nanoseconds(0ms), Nanoseconds(20ms), Nanoseconds(100ms)})
      for (const unsigned loss : {0U, 10U, 20U, 30U, 40U, 50U}) {
        const Setting setting{.nodes = nodes, .loss = loss, .pause = pause};
        const Outcome out = measure(setting);
        const std::size_t expected = 20 * (nodes - 1);
        const auto at = [&](double part) {
          return out.detected_ms.empty() ? 0.0
                                         : out.detected_ms[static_cast<std::size_t>(
                                               part * static_cast<double>(out.detected_ms.size() - 1))];
        };
        std::printf("%zu,%u,%lld,%.0f,%.0f,%.0f,%zu,%.1f,%.0f,%.2f\n", nodes, loss, static_cast<long long>(pause / 1ms),
                    at(0), at(0.5), at(1), expected - std::min(expected, out.detected_ms.size()),
                    static_cast<double>(out.suspicions) / out.node_hours,
                    out.suspicions == 0 ? 0.0 : out.suspected_ms / static_cast<double>(out.suspicions),
                    static_cast<double>(out.verdicts) / out.node_hours);
        std::fflush(stdout);
      }
  return 0;
}
