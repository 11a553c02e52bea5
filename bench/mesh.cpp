// A mesh of N nodes from a barrier that releases all: from the first join() until every node holds N - 1 bonds.
// N Networks in this process, each with its own loop, sockets and identity, over UDP on loopback.
//
//   mesh [N]                        five meshes, of 20 nodes
//   mesh --quick mesh               meshes of 8 nodes for half a second
//   mesh --count mesh [TIMES]       the same work on one thread, in made-up time, so that instructions can be counted

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <mosaik/mosaik.hpp>

#include "bench/lockstep.hpp"

namespace {

constexpr int repetitions = 5;
constexpr std::size_t small_mesh = 8;

struct Run {
  double milliseconds = 0;
  std::uint64_t handshakes = 0, syncs = 0, verifications = 0;
};

Run form(std::size_t count, int run) {
  using Clock = std::chrono::steady_clock;
  const std::string name = "bench-" + std::to_string(run);
  std::vector<mosaik::Network> networks;
  for (std::size_t i = 0; i < count; ++i) {
    mosaik::NetworkConfig config;
    config.network = name;
    config.listen = {"127.0.0.1:0"};
    if (i > 0) config.bootstrap = {networks.front().contact()};
    networks.push_back(mosaik::Network::open(config).value());
  }
  const auto key = mosaik::GroupKey::random();
  std::vector<mosaik::Group> groups;
  const auto begin = Clock::now();
  for (mosaik::Network& network : networks) groups.push_back(network.groups().with_key(key).join().value());
  for (mosaik::Group& group : groups) static_cast<void>(group.when().bonds_reach(count - 1).get());
  Run out{.milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count()};
  for (mosaik::Network& network : networks) {
    const mosaik::NodeStatus status = network.status();
    out.handshakes += status.handshakes;
    out.syncs += status.syncs;
    out.verifications += status.verifications;
  }
  return out;
}

int quick() {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (const auto begin = Clock::now(); Clock::now() - begin < std::chrono::milliseconds(400);)
    times.push_back(form(small_mesh, static_cast<int>(times.size())).milliseconds);
  std::ranges::sort(times);
  std::printf("mesh %.4f ms\n", times[times.size() / 2]);
  return 0;
}

int count_work(std::size_t times) {
  for (std::size_t run = 0; run < times; ++run) {
    mosaik::bench::Lockstep nodes(small_mesh, run);
    nodes.join({}, std::nullopt);
    nodes.run_until([&] { return nodes.is_meshed(); });
  }
  return 0;
}

int report(std::size_t count) {
  std::vector<Run> runs;
  for (int i = 0; i < repetitions; ++i) runs.push_back(form(count, i));
  std::ranges::sort(runs, {}, &Run::milliseconds);
  const Run& middle = runs[runs.size() / 2];
  std::printf("%-44s %10s %10s %10s\n", "a mesh from a barrier", "min", "median", "max");
  std::printf("%-44s %10.1f %10.1f %10.1f  ms\n",
              ("N = " + std::to_string(count) + ", every pair bonded (goal at 20: 300)").c_str(),
              runs.front().milliseconds, middle.milliseconds, runs.back().milliseconds);
  std::printf(
      "  of the median run, both ends counted: %llu handshakes for %zu bonds, %llu syncs, %llu signatures verified\n",
      static_cast<unsigned long long>(middle.handshakes), count * (count - 1) / 2,
      static_cast<unsigned long long>(middle.syncs), static_cast<unsigned long long>(middle.verifications));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "20";
  const std::string figure = argc > 2 ? argv[2] : "";
  if (what == "--quick" && figure == "mesh") return quick();
  if (what == "--count" && figure == "mesh") return count_work(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1);
  const std::size_t count = std::strtoul(what.c_str(), nullptr, 10);
  if (count > 1) return report(count);
  std::fprintf(stderr, "usage: mesh [NODES | --quick mesh | --count mesh [TIMES]]\n");
  return 64;
}
