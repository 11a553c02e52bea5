// A failure with few faults is half explained.

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "posix/descriptor.hpp"
#include "sim/farm/farm.hpp"

namespace mosaik::sim {

namespace {

constexpr int patience_ms = 60'000;
constexpr std::size_t most_tries = 150;

std::string read_all(int from) {
  std::string out;
  char block[4096];
  pollfd wait{from, POLLIN, 0};
  while (poll(&wait, 1, patience_ms) > 0) {
    const ssize_t size = read(from, block, sizeof block);
    if (size <= 0) return out;
    out.append(block, static_cast<std::size_t>(size));
  }
  return "hang\n";
}

}  // namespace

Verdict run_apart(const Job& job, const RunOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) return {"simulator", "no pipe", 0};
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const Outcome out = run_seed(*job.scenario, job.seed, options);
    std::string text = std::to_string(out.digest) + "\n";
    if (out.failure) text += out.failure->invariant + "\n" + out.failure->text + "\n";
    _exit(write_all(ends[1], text + "end\n") ? 0 : 1);
  }
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return {"simulator", "no process", 0};
  }
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  if (text == "hang\n") kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  Verdict out;
  if (text == "hang\n") return {"process.goes_on", "no end within a minute", 0};
  if (!text.ends_with("end\n"))
    return {"process.lives", "it died with signal " + std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : 0), 0};
  const std::size_t first = text.find('\n');
  out.digest = std::stoull(text.substr(0, first));
  const std::size_t second = text.find('\n', first + 1);
  const std::string word = text.substr(first + 1, second - first - 1);
  if (word == "end") return out;
  out.invariant = word;
  out.text = text.substr(second + 1, text.size() - second - 6);
  return out;
}

Plan keep_faults(const Job& job, const RunOptions& options, const std::vector<std::size_t>& kept) {
  const Plan all = plan_of(*job.scenario, job.seed, options);
  Plan out;
  for (const std::size_t place : kept)
    if (place < all.size()) out.push_back(all[place]);
  return out;
}

std::vector<std::size_t> shrink(const Job& job, const RunOptions& options, const std::string& invariant) {
  const Plan all = plan_of(*job.scenario, job.seed, options);
  std::vector<std::size_t> kept(all.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  std::size_t tries = 0;
  const auto still_fails = [&](const std::vector<std::size_t>& some) {
    ++tries;
    RunOptions fewer = options;
    fewer.echo = nullptr;
    fewer.plan = keep_faults(job, options, some);
    return run_apart(job, fewer).invariant == invariant;
  };
  for (std::size_t parts = 2; !kept.empty() && tries < most_tries;) {
    const std::size_t size = std::max<std::size_t>(1, kept.size() / parts);
    bool smaller = false;
    for (std::size_t from = 0; from < kept.size() && tries < most_tries; from += size) {
      std::vector<std::size_t> rest = kept;
      const auto begin = rest.begin() + static_cast<std::ptrdiff_t>(from);
      rest.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(size, kept.size() - from)));
      if (!still_fails(rest)) continue;
      kept = std::move(rest);
      smaller = true;
      break;
    }
    if (smaller)
      parts = std::max<std::size_t>(parts - 1, 2);
    else if (size == 1)
      break;
    else
      parts = std::min(parts * 2, kept.size());
  }
  return kept;
}

}  // namespace mosaik::sim
