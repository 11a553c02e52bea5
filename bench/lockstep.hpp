#pragma once
/// Nodes in lockstep: one thread, simulated time, fixed seeds, datagrams in memory. The same work takes the same
/// instructions each time, so that they can be counted (tools/compare.py).

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crypto/hash.hpp"
#include "node/node.hpp"

namespace mosaik::bench {

class Lockstep {
 public:
  static constexpr Nanoseconds delay = 100us;  ///< of each datagram

  /// Starts `count` nodes, which know the first one. `run` makes other keys and other chance.
  Lockstep(std::size_t count, std::size_t run) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(run) + "." + std::to_string(i);
      node::Config config;
      config.name = name;
      config.network_name = "bench";
      config.discovery.network = id_of<NetworkId>("bench");
      if (i > 0) config.discovery.bootstrap = {{members_.front()->node.id(), "10.0.0.1", port}};
      config.listening = config.advertised = {address_of(i)};
      config.seed = run * 1000 + i;
      config.secret_seed = crypto::hash({bytes_of("secret " + name)});
      const Bytes32 key = crypto::hash({bytes_of("key " + name)});
      members_.push_back(std::make_unique<Member>(config, crypto::SecretKey::from_seed(key), now()));
      members_.back()->node.start(now());
    }
    for (std::size_t i = 0; i < count; ++i) turn(i);
  }

  /// All join the group; with a machine that takes every command and keeps none.
  void join(const ConsensusConfig& consensus, const std::optional<node::MachineSpec>& machine) {
    const GroupKey key = GroupKey::from_secret("bench secret");
    for (std::size_t i = 0; i < members_.size(); ++i) {
      node::Node& node = members_[i]->node;
      const auto joined = machine ? node.join(now(), key, consensus, *machine) : node.join(now(), key, consensus);
      if (!joined) give_up(joined.error().message);
      group_ = *joined;
      turn(i);
    }
  }

  /// Runs until `done`. Ends the process if that is not the case within a minute of simulated time.
  template <class Done>
  void run_until(Done done) {
    const Mono end = time_ + 60s;
    while (!done()) {
      if (time_ > end) give_up("nothing comes of it within a minute");
      step();
    }
  }

  [[nodiscard]] bool is_meshed() {
    return std::ranges::all_of(members_, [&](const auto& member) {
      const auto& status = member->status;
      return status && !status->groups.empty() && status->groups.front().bonds.own().size() + 1 == members_.size();
    });
  }
  [[nodiscard]] std::optional<std::size_t> leader() const {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const auto consensus = members_[i]->node.consensus(group_);
      if (consensus && consensus->leader == members_[i]->node.id()) return i;
    }
    return std::nullopt;
  }
  [[nodiscard]] ConsensusStatus status(std::size_t at) const { return *members_[at]->node.consensus(group_); }
  void execute(std::size_t at, const Blob& command) {
    members_[at]->node.call(now(), group_, {++calls_}, consensus::Execute{{command}}, time_ + 10s);
    turn(at);
  }
  [[nodiscard]] std::size_t answered() const noexcept { return answered_; }

 private:
  static constexpr std::uint16_t port = 4433;
  struct Member {
    Member(const node::Config& config, crypto::SecretKey key, const Now& now) : node(config, std::move(key), now) {}
    node::Node node;
    std::shared_ptr<const NodeStatus> status;
  };
  struct Flight {
    Mono arrival;
    std::size_t from, to;
    std::vector<std::uint8_t> bytes;
  };

  static SocketAddress address_of(std::size_t index) {
    return SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(index + 1)}, port);
  }
  [[noreturn]] static void give_up(const std::string& why) {
    std::fprintf(stderr, "lockstep: %s\n", why.c_str());
    std::exit(1);
  }
  [[nodiscard]] Now now() const {
    return {time_, Boot(time_.time_since_epoch()), Wall{time_.time_since_epoch() / 1ms}};
  }

  /// Time goes on to the next event, and whoever has one takes its turn.
  void step() {
    Mono next = flights_.empty() ? never : flights_.front().arrival;
    for (const auto& member : members_) next = std::min(next, member->node.next_deadline());
    if (next == never) give_up("no node has anything to do");
    time_ = std::max(time_, next);
    std::vector<bool> due(members_.size());
    for (; !flights_.empty() && flights_.front().arrival <= time_; flights_.pop_front()) {
      const Flight& flight = flights_.front();
      members_[flight.to]->node.on_datagram(now(), {address_of(flight.to), address_of(flight.from)}, flight.bytes);
      due[flight.to] = true;
    }
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (due[i] || members_[i]->node.next_deadline() <= time_) turn(i);
  }

  /// As the runtime's loop does it (node/node.hpp).
  void turn(std::size_t at) {
    node::Node& node = members_[at]->node;
    settle(node);
    if (node.next_deadline() <= time_) node.on_timer(now());
    settle(node);
    for (bool more = true; more;) {
      batch_.clear();
      more = node.transmit(now(), batch_);
      for (const DatagramBatch::Item& item : batch_.items()) send(at, item);
    }
    if (node.changed()) members_[at]->status = node.snapshot(now());
  }
  void send(std::size_t from, const DatagramBatch::Item& item) {
    const std::size_t to = item.path.remote.octets()[3] - 1U;
    if (to >= members_.size()) give_up("a datagram for a stranger");
    const BytesView bytes = batch_.bytes(item);
    for (std::size_t at = 0; at < bytes.size(); at += item.segment) {
      const BytesView one = bytes.subspan(at, std::min(item.segment, bytes.size() - at));
      flights_.push_back({time_ + delay, from, to, {one.begin(), one.end()}});
    }
  }
  /// What the machine is given is applied in line, until nothing follows from it.
  void settle(node::Node& node) {
    for (bool more = true; more;) {
      more = false;
      node.settle(now());
      for (node::Action& output : node.take_actions()) {
        auto* const given = std::get_if<node::GroupActions>(&output);
        if (given == nullptr) continue;
        for (const consensus::Action& action : given->actions) {
          if (std::holds_alternative<consensus::Answer>(action)) ++answered_;
          const auto* const apply = std::get_if<consensus::Apply>(&action);
          if (apply == nullptr) continue;
          node.on_applied(now(), given->group, apply->epoch, apply->before.index.plus(apply->commands.size()));
          more = true;
        }
      }
    }
  }

  Mono time_ = Mono(1s);
  std::vector<std::unique_ptr<Member>> members_;
  std::deque<Flight> flights_;
  DatagramBatch batch_{1U << 18U};
  GroupId group_;
  std::uint64_t calls_ = 0;
  std::size_t answered_ = 0;
};

}  // namespace mosaik::bench
