/// quic_attack: hostile connections in great number, each from a seed that replays it.
///
///   quic_attack [--connections N] [--seed S] [--jobs J] [--seconds T]
///
/// In batches of `batch` connections against one endpoint (tests/quic/campaign.hpp), each batch in a process of its
/// own: an abort ends that one, and its seed is printed. The last line says `N passed, N failed`, in batches.

#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string_view>

#include "quic/campaign.hpp"

namespace {

using namespace mosaik;

constexpr std::uint64_t batch = 50;

struct Options {
  std::uint64_t connections = 2000;
  std::uint64_t seed = 0;
  std::uint64_t jobs = 1;
  std::uint64_t seconds = 0;
};

int run_batch(std::uint64_t seed) {
  quic::test::Campaign campaign(seed);
  sim::SeededChoices choices{Rng(seed)};
  for (std::uint64_t i = 0; i < batch; ++i) {
    campaign.attack(choices);
    if (const std::string wrong = campaign.verdict(); !wrong.empty()) {
      std::fprintf(stderr, "seed %llu, connection %llu: %s\n", static_cast<unsigned long long>(seed),
                   static_cast<unsigned long long>(i), wrong.c_str());
      return 1;
    }
  }
  campaign.rest();
  const std::string wrong = campaign.verdict();
  if (!wrong.empty() || campaign.left() > 1) {
    std::fprintf(stderr, "seed %llu, at the end: %s, %zu connections left\n", static_cast<unsigned long long>(seed),
                 wrong.c_str(), campaign.left());
    return 1;
  }
  return campaign.opened() > batch / 4 ? 0 : 3;  // a campaign that never gets in attacks nothing
}

std::uint64_t number_of(const char* text) {
  const std::string_view view = text == nullptr ? "" : text;
  std::uint64_t out = 0;
  if (std::from_chars(view.data(), view.data() + view.size(), out).ptr != view.data() + view.size() || view.empty()) {
    std::fprintf(stderr, "quic_attack: '%s' is not a number\n", text == nullptr ? "" : text);
    std::exit(64);
  }
  return out;
}

Options options_of(int count, char** words) {
  Options out;
  out.seed = std::random_device{}() | std::uint64_t{std::random_device{}()} << 20U;
  for (int i = 1; i < count; i += 2) {
    const std::string_view word = words[i];
    const char* const value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--connections")
      out.connections = number_of(value);
    else if (word == "--seed")
      out.seed = number_of(value);
    else if (word == "--jobs")
      out.jobs = number_of(value);
    else if (word == "--seconds")
      out.seconds = number_of(value);
    else {
      std::fprintf(stderr, "usage: quic_attack [--connections N] [--seed S] [--jobs J] [--seconds T]\n");
      std::exit(64);
    }
  }
  return out;
}

}  // namespace

int main(int count, char** words) {
  const Options options = options_of(count, words);
  const auto begun = std::chrono::steady_clock::now();
  const std::uint64_t batches = (options.connections + batch - 1) / batch;
  std::printf("quic_attack: %llu connections from seed %llu\n", static_cast<unsigned long long>(batches * batch),
              static_cast<unsigned long long>(options.seed));
  std::map<pid_t, std::uint64_t> running;
  std::uint64_t next = 0, passed = 0, failed = 0;
  const auto more = [&] {
    if (options.seconds > 0) return std::chrono::steady_clock::now() - begun < std::chrono::seconds(options.seconds);
    return next < batches;
  };
  while (more() || !running.empty()) {
    while (more() && running.size() < std::max<std::uint64_t>(options.jobs, 1)) {
      const std::uint64_t seed = options.seed + next++;
      std::fflush(nullptr);
      const pid_t child = fork();
      if (child == 0) std::_Exit(run_batch(seed));
      running[child] = seed;
    }
    int status = 0;
    const pid_t ended = wait(&status);
    const auto found = running.find(ended);
    if (found == running.end()) continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
      ++passed;
    } else {
      ++failed;
      std::printf("FAILED: quic_attack --seed %llu --connections 1 (%s %d)\n",
                  static_cast<unsigned long long>(found->second), WIFSIGNALED(status) ? "signal" : "exit",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    running.erase(found);
  }
  std::printf("%llu connections in %.1f s\n", static_cast<unsigned long long>(next * batch),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}
