/// A node that joins a group and prints its bonds at every change, until it is interrupted.
///
///   watch_mesh SECRET                      the first node; prints how others reach it
///   watch_mesh SECRET PEERID@HOST:PORT     another one
///   watch_mesh --self-test                 three nodes in this process, until each sees the mesh of three bonds

#include <signal.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <mosaik/mosaik.hpp>

namespace {

void print(const mosaik::Bonds& bonds) {
  std::cout << bonds.size() << (bonds.size() == 1 ? " bond\n" : " bonds\n");
  for (const mosaik::Bond& bond : bonds) {
    std::cout << "  " << bond.a() << " - " << bond.b();
    if (bond.is_own())
      std::cout << "  ours, round trip " << std::chrono::duration_cast<std::chrono::microseconds>(bond.rtt()).count()
                << " us";
    std::cout << '\n';
  }
  std::cout << std::flush;
}

int fail(const mosaik::Error& error) {
  std::cerr << "watch_mesh: " << error.message << '\n';
  return 1;
}

int watch(const std::string& secret, std::vector<std::string> bootstrap) {
  // Blocked before any thread starts, so that sigwait below gets them and nobody else.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  auto network = mosaik::Network::open({.network = "watch-mesh", .bootstrap = std::move(bootstrap)});
  if (!network) return fail(network.error());
  auto group = network->groups().with_key(mosaik::GroupKey::from_secret(secret)).join();
  if (!group) return fail(group.error());
  std::cout << "others reach this node as\n  " << network->contact() << std::endl;

  // Callbacks come on the library's delivery thread; a reader there sees at least what the event tells.
  const auto subscription = network->subscribe([&](const mosaik::Event& event) {
    if (event.kind == mosaik::EventKind::topology_changed) print(group->bonds());
    if (event.kind == mosaik::EventKind::suspect)
      std::cout << event.peer << " is suspect: " << event.reason << std::endl;
    if (event.kind == mosaik::EventKind::notice) std::cout << "notice: " << event.reason << std::endl;
  });

  int signal = 0;
  sigwait(&stop, &signal);
  std::cout << "leaving" << std::endl;
  group->leave().get();
  return 0;
}

/// Waits until the group's whole mesh has `count` bonds.
bool reaches(const mosaik::Group& group, std::size_t count) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    const auto next = group.when().bonds();  // before looking: nothing is missed in between
    if (group.bonds().size() == count) return true;
    const auto left = until - std::chrono::steady_clock::now();
    const auto changed = next.get_for(left);
    if (!changed || !*changed) return false;
  }
}

int self_test() {
  const auto key = mosaik::GroupKey::random();
  std::vector<mosaik::Network> networks;
  std::vector<mosaik::Group> groups;
  for (int i = 0; i < 3; ++i) {
    mosaik::NetworkConfig config{.network = "watch-mesh", .listen = {"127.0.0.1:0"}};
    if (!networks.empty()) config.bootstrap = {networks.front().contact()};
    auto network = mosaik::Network::open(config);
    if (!network) return fail(network.error());
    networks.push_back(std::move(*network));
    auto group = networks.back().groups().with_key(key).join();
    if (!group) return fail(group.error());
    groups.push_back(std::move(*group));
  }
  for (const mosaik::Group& group : groups) {
    if (!reaches(group, 3)) return fail({mosaik::Errc::timed_out, "the mesh of three bonds did not form"});
    print(group.bonds());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 1 && words[0] == "--self-test") return self_test();
  if (words.size() == 1) return watch(words[0], {});
  if (words.size() == 2) return watch(words[0], {words[1]});
  std::cerr << "usage: watch_mesh SECRET [PEERID@HOST:PORT]\n";
  return 64;
}
