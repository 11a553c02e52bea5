// A mesh of N nodes from a barrier that releases all: from the first join() until every node holds N - 1 bonds.
// N Networks in this process, each with its own loop, sockets and identity, over UDP on loopback.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <mosaik/mosaik.hpp>

namespace {

constexpr int repetitions = 5;

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

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20;
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
}
