// Three trips through the product, each recorded into a file of the folder that is given (tools/trace_trip.py):
//
//   datagram   two nodes in simulated time: the datagram that tells a follower that a command is committed, to apply
//   call       a member alone: execute() by its user, to the machine and back to the future
//   error      a peer with another group secret: the close code, to the words in the status that a person reads

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <mosaik/mosaik.hpp>

#include "bench/lockstep.hpp"
#include "recorder.hpp"

namespace {

using namespace mosaik;
using namespace std::chrono_literals;

struct Counter {
  using Command = std::uint64_t;
  using Query = std::monostate;
  using QueryResult = std::uint64_t;
  static constexpr bool runs_in_line = true;
  static Digest signature() { return Digest::of("trip_counter"); }
  void apply(const Command& command, const ApplyContext&) { count += command; }
  [[nodiscard]] QueryResult query(const Query&) const { return count; }
  std::uint64_t count = 0;
};

void datagram(const std::string& file) {
  bench::Lockstep nodes(2, 1);
  node::MachineSpec machine;
  machine.signature = Digest::of("trip");
  nodes.join({.election_timeout = std::chrono::milliseconds(500), .bootstrap_delay = std::chrono::milliseconds(500)},
             machine);
  nodes.run_until([&] { return nodes.is_meshed() && nodes.leader(); });
  const std::size_t leader = *nodes.leader();
  nodes.run_until([&] { return nodes.status(1 - leader).online; });
  const std::size_t before = nodes.answered();
  nodes.execute(leader, Blob::copy(std::vector<std::uint8_t>{1}));
  nodes.run_until([&] { return nodes.answered() > before; });
  trip::start_recording();
  nodes.run_until([&] { return nodes.status(1 - leader).applied == nodes.status(leader).committed; });
  trip::stop_recording(file);
}

Network open(const std::vector<std::string>& bootstrap) {
  return Network::open({.network = "trip", .listen = {"127.0.0.1:0"}, .bootstrap = bootstrap}).value();
}

void call(const std::string& file) {
  Network network = open({});
  auto group = network.groups()
                   .with_key(GroupKey::from_secret("trip"))
                   .with_state_machine(Counter{})
                   .with_consensus({.bootstrap_delay = 0ms})
                   .join()
                   .value();
  static_cast<void>(group.execute(1).get().value());  // a leader is found
  trip::start_recording();
  const auto index = group.execute(1).get();
  trip::stop_recording(file);
  static_cast<void>(index.value());
}

void error(const std::string& file) {
  Network one = open({});
  const Group joined = one.groups().with_key(GroupKey::from_secret("this secret")).join().value();
  Network other = open({one.contact()});
  const Group strange = other.groups().with_key(GroupKey::from_secret("another secret")).join().value();
  trip::start_recording();
  const auto told = [&] {
    const NodeStatus status = other.status();
    return !status.groups.empty() && !status.groups.front().reasons.empty();
  };
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!told() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(20ms);
  trip::stop_recording(file);
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) return std::fprintf(stderr, "usage: trip FOLDER\n"), 2;
  const std::string folder = std::string(words[1]) + "/";
  datagram(folder + "datagram");
  call(folder + "call");
  error(folder + "error");
  return 0;
}
