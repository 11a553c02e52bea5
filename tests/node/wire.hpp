#pragma once
/// Whole nodes, wired in memory through their datagrams, in simulated time. One heap ordered by (time, sequence), one
/// seed; time starts at 1 s. QUIC and TLS are the real ones, so that bytes differ from run to run and events do not.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/timeline.hpp"
#include "crypto/hash.hpp"
#include "identity/ranked_seeds.hpp"
#include "node/node.hpp"
#include "node/sentinel_wire.hpp"

namespace mosaik::test {

inline PeerId node_id(std::size_t index) {
  return crypto::SecretKey::from_seed(ranked_seeds().at(index)).id();
}
inline SocketAddress node_address(std::size_t index) {
  return SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(index + 1)}, 4433);
}
inline discovery::BootstrapPeer bootstrap_of(std::size_t index) {
  return {node_id(index), "10.0.0." + std::to_string(index + 1), 4433};
}

struct NodeSettings {
  std::string network = "test network";
  std::vector<std::size_t> bootstrap;  ///< indices of nodes
  std::vector<discovery::BootstrapPeer> other_bootstrap;
};

class Wire {
 public:
  struct Machine {
    std::unique_ptr<node::Node> node;
    NodeSettings settings;
    Mono wake = never;
    Nanoseconds frozen{};
    std::uint64_t life = 0;
    std::vector<Event> events;
    std::vector<node::Action> outputs;
    std::shared_ptr<const NodeStatus> status;
  };

  explicit Wire(std::uint64_t seed = 1) : rng_(seed) {}
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  Nanoseconds delay = 1ms;
  Nanoseconds jitter = 200us;
  std::uint64_t lost_of_100 = 0;               ///< datagrams
  std::optional<std::size_t> unreachables_to;  ///< nobody else gets any
  bool sentinels = true;                       ///< nodes listen for sentinels, and their systems let them
  bool strangers_listen = false;               ///< whoever dials a sentinel meets another node: a NAT is on the way
  bool port_unreachable = true;                ///< the system of a killed process answers; a cut answers nothing

  std::size_t add(const NodeSettings& settings = {}) {
    machines_.emplace_back().settings = settings;
    boot(machines_.size() - 1);
    return machines_.size() - 1;
  }
  /// So many nodes that are bonded with one another, and at rest.
  void mesh(std::size_t count, Nanoseconds rest) {
    add();
    for (std::size_t i = 1; i < count; ++i) add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    for (std::size_t i = 0; i < count; ++i) join(i);
    ASSERT_TRUE(run_until([&] { return full_mesh(); }, 5s));
    run_for(rest);
  }
  /// A new process with the same key.
  void boot(std::size_t index, const node::Memory& memory = {}) {
    Machine& machine = machines_.at(index);
    node::Config config;
    config.name = "node " + std::to_string(index);
    config.network_name = machine.settings.network;
    config.discovery.network = id_of<NetworkId>(machine.settings.network);
    for (const std::size_t peer : machine.settings.bootstrap) config.discovery.bootstrap.push_back(bootstrap_of(peer));
    for (const auto& peer : machine.settings.other_bootstrap) config.discovery.bootstrap.push_back(peer);
    config.listening = {node_address(index)};
    config.advertised = {node_address(index)};
    if (sentinels) config.sentinel.v4 = 7001;
    config.seed = rng_.fork("node", index * 1000 + machine.life).next();
    config.secret_seed = crypto::hash({bytes_of("secret " + std::to_string(index * 1000 + machine.life))});
    config.memory = memory;
    ++machine.life;
    machine.node = std::make_unique<node::Node>(config, crypto::SecretKey::from_seed(ranked_seeds().at(index)), now());
    machine.wake = never;
    with(index, [](node::Node& node, const Now& at) { node.start(at); });
  }
  void kill(std::size_t index) {
    machines_.at(index).node.reset();
    ++machines_.at(index).life;
    close_sentinels(index);
  }
  /// All sentinels end, unnoticed by either end: as when a NAT forgets.
  void lose_sentinels() { sentinel_wire = {}; }
  /// The system closes the TCP sockets of a process, and tells both ends.
  void close_sentinels(std::size_t index) {
    for (const SentinelWire::End& end : sentinel_wire.of(index)) {
      close_sentinel(end);
      tell_sentinel_end(end, detector::SentinelEnd::broken);
    }
  }
  void cut(std::size_t from, std::size_t to) { cuts_.insert({from, to}); }
  void cut_both(std::size_t one, std::size_t other) {
    cut(one, other);
    cut(other, one);
  }
  void heal_all() { cuts_.clear(); }
  /// From now on the connections that there are lose everything; new ones do not. As when a NAT forgets.
  void lose_known_connections() { lost_cids_ = seen_cids_; }
  /// The process stands still for a while; what arrives waits in its socket.
  void freeze(std::size_t index, Nanoseconds span) {
    machines_.at(index).frozen = now().mono.time_since_epoch() + span;
  }

  GroupId join(std::size_t index, std::string_view secret = "s3cret", const ConsensusConfig& timing = {}) {
    std::optional<GroupId> out;
    with(index, [&](node::Node& node, const Now& at) {
      const auto joined = node.join(at, GroupKey::from_secret(secret), timing);
      if (joined) out = *joined;
    });
    EXPECT_TRUE(out.has_value());
    return out.value_or(GroupId{});
  }
  /// One input to a node, and all that follows from it.
  template <class F>
  void with(std::size_t index, F&& input) {
    Machine& machine = machines_.at(index);
    input(*machine.node, now());
    turn(index);
  }

  /// What goes to an address that is no machine's.
  std::function<void(std::size_t from, const SocketAddress& to, BytesView bytes)> elsewhere;
  /// A datagram from an address that is no machine's.
  void inject(std::size_t to, const SocketAddress& from, std::vector<std::uint8_t> bytes) {
    timeline_.at(timeline_.mono() + delay, [this, to, from, datagram = std::move(bytes)] {
      if (!machines_.at(to).node) return;
      with(to, [&](node::Node& node, const Now& at_time) {
        node.on_datagram(at_time, {node_address(to), from}, datagram);
      });
    });
  }
  void at_time(Nanoseconds pause, std::function<void()> what) {
    timeline_.at(timeline_.mono() + pause, std::move(what));
  }

  [[nodiscard]] Now now() const { return timeline_.now(); }
  bool run_until(const std::function<bool()>& done, Nanoseconds most = 30s) { return timeline_.run_until(done, most); }
  void run_for(Nanoseconds span) { timeline_.run_for(span); }

  [[nodiscard]] Rng& rng() noexcept { return rng_; }
  [[nodiscard]] Machine& at(std::size_t index) { return machines_.at(index); }
  [[nodiscard]] const GroupStatus* group(std::size_t index) const {
    const auto& status = machines_.at(index).status;
    return status && !status->groups.empty() ? &status->groups.front() : nullptr;
  }
  [[nodiscard]] std::size_t own_bonds(std::size_t index) const {
    const GroupStatus* status = group(index);
    return status == nullptr ? 0 : status->bonds.own().size();
  }
  /// Everyone alive is bonded with everyone alive.
  [[nodiscard]] bool full_mesh() const {
    const auto alive =
        static_cast<std::size_t>(std::ranges::count_if(machines_, [](const Machine& m) { return m.node != nullptr; }));
    for (std::size_t i = 0; i < machines_.size(); ++i)
      if (machines_[i].node && own_bonds(i) != alive - 1) return false;
    return true;
  }
  [[nodiscard]] std::vector<Event> events(std::size_t index, EventKind kind) const {
    std::vector<Event> out;
    std::ranges::copy_if(machines_.at(index).events, std::back_inserter(out),
                         [&](const Event& e) { return e.kind == kind; });
    return out;
  }
  [[nodiscard]] std::string reasons(std::size_t index) const {
    std::string out;
    if (const GroupStatus* status = group(index))
      for (const std::string& reason : status->reasons) out += reason + "\n";
    return out;
  }
  std::uint64_t turns = 0;
  SentinelWire sentinel_wire;

 private:
  /// As the runtime does it: settle, keep timers, transmit, publish, take outputs.
  void turn(std::size_t index) {
    Machine& machine = machines_.at(index);
    node::Node& node = *machine.node;
    ++turns;
    node.settle(now());
    if (node.next_deadline() <= timeline_.mono()) {
      node.on_timer(now());
      node.settle(now());
    }
    node.check_invariants();
    transmit(index);
    node.check_invariants();
    if (node.changed()) machine.status = node.snapshot(now());
    for (node::Action& output : node.take_actions()) {
      if (auto* event = std::get_if<Event>(&output))
        machine.events.push_back(std::move(*event));
      else if (const auto* expected = std::get_if<detector::ExpectSentinel>(&output))
        sentinel_wire.expect(index, *expected);
      else if (const auto* dialed = std::get_if<detector::DialSentinel>(&output))
        dial_sentinel(index, *dialed);
      else if (const auto* closed = std::get_if<detector::CloseSentinel>(&output))
        close_sentinel({index, closed->id});
      else
        machine.outputs.push_back(std::move(output));
    }
    plan_wake(index);
  }

  void plan_wake(std::size_t index) {
    Machine& machine = machines_.at(index);
    const Mono due = std::max(machine.node->next_deadline(), Mono(machine.frozen));
    if (due == never || due >= machine.wake) return;
    machine.wake = std::max(due, timeline_.mono());
    timeline_.at(machine.wake, [this, index, planned = machine.wake, life = machine.life] {
      Machine& here = machines_.at(index);
      if (!here.node || here.life != life || here.wake != planned) return;
      here.wake = never;
      if (Mono(here.frozen) > timeline_.mono()) return plan_wake(index);
      turn(index);
    });
  }

  void dial_sentinel(std::size_t index, const detector::DialSentinel& sentinel) {
    timeline_.at(timeline_.mono() + 2 * delay, [this, index, sentinel] {
      if (strangers_listen) return meet_stranger({index, sentinel.id});
      std::optional<SentinelWire::Pair> pair;
      for (std::size_t to = 0; to < machines_.size(); ++to)
        if (node_address(to).with_port(7001) == sentinel.remote && machines_[to].node)
          pair = sentinel_wire.dial({index, sentinel.id}, to, sentinel.token);
      if (!pair) return tell_sentinel_end({index, sentinel.id}, detector::SentinelEnd::failed);
      for (const SentinelWire::End& end : {pair->listener, pair->dialer})
        if (machines_.at(end.machine).node)
          with(end.machine, [&](node::Node& node, const Now& at_time) { node.on_sentinel_opened(at_time, end.id); });
    });
  }

  /// The connection opens; the listener does not know the token, and closes.
  void meet_stranger(const SentinelWire::End& end) {
    if (!machines_.at(end.machine).node) return;
    with(end.machine, [&](node::Node& node, const Now& now) { node.on_sentinel_opened(now, end.id); });
    timeline_.at(timeline_.mono() + 2 * delay,
                 [this, end] { tell_sentinel_end(end, detector::SentinelEnd::finished); });
  }

  void close_sentinel(const SentinelWire::End& end) {
    if (const auto other = sentinel_wire.close(end); other && !cuts_.contains({end.machine, other->machine}))
      timeline_.at(timeline_.mono() + delay,
                   [this, other] { tell_sentinel_end(*other, detector::SentinelEnd::finished); });
  }

  void tell_sentinel_end(const SentinelWire::End& end, detector::SentinelEnd how) {
    const Machine& machine = machines_.at(end.machine);
    if (!machine.node) return;
    if (Mono(machine.frozen) > timeline_.mono())
      return timeline_.at(Mono(machine.frozen), [this, end, how] { tell_sentinel_end(end, how); });
    with(end.machine, [&](node::Node& node, const Now& at_time) { node.on_sentinel_ended(at_time, end.id, how); });
  }

  void transmit(std::size_t index) {
    bool more = true;
    while (more) {
      DatagramBatch batch(1U << 16U);
      more = machines_.at(index).node->transmit(now(), batch);
      for (const DatagramBatch::Item& item : batch.items()) {
        const BytesView bytes = batch.bytes(item);
        for (std::size_t at_byte = 0; at_byte < bytes.size(); at_byte += item.segment)
          post(index, item.path.remote, bytes.subspan(at_byte, std::min(item.segment, bytes.size() - at_byte)));
      }
    }
  }

  void post(std::size_t from, const SocketAddress& to, BytesView bytes) {
    // A short header names the connection by 8 bytes (RFC 9000 17.3).
    if (bytes.size() > 9 && (bytes[0] & 0x80U) == 0) {
      const std::string cid = to_hex(bytes.subspan(1, 8));
      seen_cids_.insert(cid);
      if (lost_cids_.contains(cid)) return;
    }
    if (elsewhere) elsewhere(from, to, bytes);
    for (std::size_t index = 0; index < machines_.size(); ++index) {
      if (node_address(index) != to || cuts_.contains({from, index}) || rng_.below(100) < lost_of_100) continue;
      timeline_.at(timeline_.mono() + rng_.between(delay - jitter, delay + jitter),
                   [this, from, index, copy = std::vector<std::uint8_t>(bytes.begin(), bytes.end())] {
                     arrive(from, index, copy);
                   });
    }
  }

  void arrive(std::size_t from, std::size_t to, const std::vector<std::uint8_t>& bytes) {
    Machine& machine = machines_.at(to);
    if (!machine.node) {
      if (port_unreachable && unreachables_to.value_or(from) == from && !cuts_.contains({to, from}))
        timeline_.at(timeline_.mono() + delay, [this, from, to, bytes] {
          if (machines_.at(from).node)
            with(from,
                 [&](node::Node& node, const Now& at_time) { node.on_unreachable(at_time, node_address(to), bytes); });
        });
      return;
    }
    if (Mono(machine.frozen) > timeline_.mono())
      return timeline_.at(Mono(machine.frozen), [this, from, to, bytes] { arrive(from, to, bytes); });
    with(to, [&](node::Node& node, const Now& at_time) {
      node.on_datagram(at_time, {node_address(to), node_address(from)}, bytes);
    });
  }

  Rng rng_;
  Timeline timeline_;
  std::deque<Machine> machines_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
  std::set<std::string> seen_cids_;
  std::set<std::string> lost_cids_;
};

}  // namespace mosaik::test
