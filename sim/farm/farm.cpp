#include "sim/farm/farm.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <sstream>

#include "base/code_probe.hpp"
#include "sim/farm/probes.hpp"

namespace mosaik::sim {

namespace {

constexpr int patience_ms = 120'000;

std::map<std::string_view, std::uint64_t>& reached() {
  static std::map<std::string_view, std::uint64_t> counts;
  return counts;
}

/// What a worker tells, a line each; numbers first, so that text may hold anything but the end of a line.
void work(const std::vector<Job>& jobs, std::size_t first, std::size_t step, const FarmOptions& options, int to) {
  const auto say = [&](const std::string& line) {
    for (std::size_t at = 0; at < line.size();) {
      const ssize_t size = write(to, line.data() + at, line.size() - at);
      if (size <= 0) _exit(1);
      at += static_cast<std::size_t>(size);
    }
  };
  code_probe_reached = [](const char* name) { ++reached()[name]; };
  Tally tally;
  for (std::size_t i = first; i < jobs.size(); i += step) {
    say("begin " + std::to_string(i) + "\n");
    Outcome out = run_seed(*jobs[i].scenario, jobs[i].seed, options.run);
    if (!out.failure && jobs[i].twice && run_seed(*jobs[i].scenario, jobs[i].seed, options.run).digest != out.digest)
      out.failure = Failure{"digest.repeats", "a second run of the seed went another way"};
    tally.add(out.tally);
    std::ostringstream line;
    line << "end " << i << ' ' << out.digest << ' ' << out.canonical << ' ' << out.simulated.count() << ' '
         << out.whole_after.count() << ' ' << (out.failure ? out.failure->invariant + " " + out.failure->text : "-")
         << '\n';
    say(line.str());
  }
  for (const auto& [name, count] : tally.counts) say("tally " + std::to_string(count) + " " + name + "\n");
  for (const auto& [name, count] : reached()) say("probe " + std::to_string(count) + " " + std::string(name) + "\n");
}

struct Worker {
  pid_t process = -1;
  int from = -1;
  std::size_t next = 0;  ///< the job that it begins with when it is started anew
  std::optional<std::size_t> at;
  std::string rest;
};

class Farm {
 public:
  Farm(const std::vector<Job>& jobs, const FarmOptions& options)
      : jobs_(jobs), options_(options), workers_(std::min(std::max<std::size_t>(options.workers, 1), jobs.size())) {}

  FarmResult run() {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i].next = i;
      start(workers_[i]);
    }
    while (std::ranges::any_of(workers_, [](const Worker& worker) { return worker.from >= 0; })) wait();
    if (options_.progress) std::fprintf(stderr, "\r\x1b[K");
    if (options_.need_probes)
      for (const std::string_view name : probes)
        if (out_.probes[std::string(name)] == 0) out_.missing_probes.emplace_back(name);
    for (const std::string& name : out_.missing_probes) std::printf("probe never reached: %s\n", name.c_str());
    return std::move(out_);
  }

 private:
  void start(Worker& worker) {
    worker.at.reset();
    worker.rest.clear();
    if (worker.next >= jobs_.size()) return;
    int ends[2];
    if (pipe(ends) != 0) return;
    std::fflush(nullptr);
    worker.process = fork();
    if (worker.process == 0) {
      close(ends[0]);
      work(jobs_, worker.next, workers_.size(), options_, ends[1]);
      _exit(0);
    }
    close(ends[1]);
    worker.from = ends[0];
  }

  void wait() {
    std::vector<pollfd> fds;
    for (const Worker& worker : workers_) fds.push_back({worker.from, POLLIN, 0});
    if (poll(fds.data(), fds.size(), patience_ms) == 0) {
      for (Worker& worker : workers_)
        if (worker.from >= 0) kill(worker.process, SIGKILL);
    }
    for (Worker& worker : workers_)
      if (worker.from >= 0) hear(worker);
  }

  void hear(Worker& worker) {
    pollfd look{worker.from, POLLIN, 0};
    if (poll(&look, 1, 0) <= 0) return;
    char block[65536];
    const ssize_t size = read(worker.from, block, sizeof block);
    if (size <= 0) return end(worker);
    worker.rest.append(block, static_cast<std::size_t>(size));
    if (options_.stop_at_first && out_.failed != 0) return;
    std::size_t from = 0;
    for (std::size_t to = worker.rest.find('\n'); to != std::string::npos; to = worker.rest.find('\n', from)) {
      on_line(worker, worker.rest.substr(from, to - from));
      from = to + 1;
    }
    worker.rest.erase(0, from);
  }

  void end(Worker& worker) {
    close(worker.from);
    worker.from = -1;
    int status = 0;
    waitpid(worker.process, &status, 0);
    if (!worker.at) return;
    const std::size_t at = *worker.at;
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    failed(jobs_[at], {signal == SIGKILL ? "process.goes_on" : "process.lives",
                       signal == SIGKILL ? "it hung" : "it died with signal " + std::to_string(signal), 0});
    worker.next = at + workers_.size();
    start(worker);
  }

  void on_line(Worker& worker, const std::string& line) {
    std::istringstream in(line);
    std::string word;
    in >> word;
    std::uint64_t number = 0;
    in >> number;
    if (word == "begin") worker.at = number;
    if (word == "tally" || word == "probe") {
      std::string name;
      std::getline(in >> std::ws, name);
      (word == "tally" ? out_.tally.counts : out_.probes)[name] += number;
    }
    if (word != "end") return;
    worker.at.reset();
    std::uint64_t digest = 0;
    std::uint64_t canonical = 0;
    std::int64_t simulated = 0;
    std::int64_t healed = 0;
    std::string invariant;
    std::string text;
    in >> digest >> canonical >> simulated >> healed >> invariant;
    std::getline(in >> std::ws, text);
    out_.simulated += Nanoseconds(simulated);
    out_.slowest_heal = std::max(out_.slowest_heal, Nanoseconds(healed));
    out_.repeated += jobs_[number].twice ? 1U : 0U;
    if (options_.print_digests)
      std::printf("digest %s %llu %016llx %016llx\n", std::string(jobs_[number].scenario->name).c_str(),
                  static_cast<unsigned long long>(jobs_[number].seed), static_cast<unsigned long long>(digest),
                  static_cast<unsigned long long>(canonical));
    if (invariant == "-") {
      ++out_.passed;
      return progress();
    }
    failed(jobs_[number], {invariant, text, digest});
  }

  void progress() {
    if (!options_.progress) return;
    const std::size_t done = out_.passed + out_.failed;
    if (done % 16 != 0 && done != jobs_.size()) return;
    constexpr std::size_t width = 40;
    const std::size_t full = done * width / jobs_.size();
    std::fprintf(stderr, "\r[%s%s] %zu of %zu, %zu failed", std::string(full, '#').c_str(),
                 std::string(width - full, '.').c_str(), done, jobs_.size(), out_.failed);
  }

  void failed(const Job& job, const Verdict& verdict) {
    ++out_.failed;
    if (options_.progress) std::fprintf(stderr, "\r\x1b[K");
    std::printf("FAILED %s seed %llu: %s: %s (digest %016llx)\n", std::string(job.scenario->name).c_str(),
                static_cast<unsigned long long>(job.seed), verdict.invariant.c_str(), verdict.text.c_str(),
                static_cast<unsigned long long>(verdict.digest));
    if (options_.stop_at_first) return stop();
    if (out_.failed > options_.most_reports) {
      std::printf("  replay: %s\n", replay_command(options_, job, {}).c_str());
      return;
    }
    RunOptions again = options_.run;
    if (verdict.digest != 0) {
      again.decisions = true;
      const Outcome told = run_seed(*job.scenario, job.seed, again);
      for (const std::string& line : told.lines) std::printf("  %s\n", line.c_str());
      std::printf("  the last decisions of the nodes:\n");
      for (const std::string& line : told.decisions) std::printf("  %s\n", line.c_str());
    }
    const std::vector<std::size_t> kept = shrink(job, options_.run, verdict.invariant);
    std::printf("  %zu of its faults are enough:\n", kept.size());
    for (const Fault& fault : keep_faults(job, options_.run, kept)) std::printf("    %s\n", to_text(fault).c_str());
    std::printf("  replay: %s\n", replay_command(options_, job, {}).c_str());
    std::printf("  replay with these faults alone: %s\n", replay_command(options_, job, kept).c_str());
    std::fflush(stdout);
  }

  void stop() {
    for (Worker& worker : workers_) {
      if (worker.from < 0) continue;
      kill(worker.process, SIGKILL);
      worker.at.reset();
      worker.next = jobs_.size();
    }
  }

  const std::vector<Job>& jobs_;
  const FarmOptions& options_;
  std::vector<Worker> workers_;
  FarmResult out_;
};

}  // namespace

std::string replay_command(const FarmOptions& options, const Job& job,
                           const std::optional<std::vector<std::size_t>>& kept) {
  std::string out = options.command + " --scenario " + std::string(job.scenario->name) + " --seed " +
                    std::to_string(job.seed) + (options.run.tier == Tier::quic ? " --tier quic" : "");
  if (options.run.nodes != 0) out += " --nodes " + std::to_string(options.run.nodes);
  if (kept) {
    out += " --faults ";
    for (std::size_t i = 0; i < kept->size(); ++i) out += (i == 0 ? "" : ",") + std::to_string((*kept)[i]);
    if (kept->empty()) out += "none";
  }
  return out + " --trace";
}

FarmResult run_farm(const std::vector<Job>& jobs, const FarmOptions& options) {
  if (jobs.empty()) return {};
  return Farm(jobs, options).run();
}

}  // namespace mosaik::sim
