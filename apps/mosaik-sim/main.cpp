// mosaik-sim: worlds from seeds. One seed with its trace, or a farm of many (docs/SIMULATOR.md).

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "sim/farm/farm.hpp"

namespace {

using namespace mosaik;

struct Wishes {
  std::optional<std::uint64_t> seed;
  std::string seeds;      // A..B
  std::size_t fresh = 0;  // so many seeds that nobody has seen
  std::vector<std::string> scenarios;
  std::string tier = "links";
  std::string faults;  // places in the drawn list
  std::size_t nodes = 0;
  std::size_t jobs = std::max(1U, std::thread::hardware_concurrency());
  unsigned twice = 0;  // so many of a hundred are run twice
  bool trace = false;
  bool decisions = false;
  bool digests = false;
  bool probes = false;
  bool list = false;
  bool first = false;
  std::string report;  // a file
};

bool read_range(const std::string& text, std::uint64_t& from, std::uint64_t& to) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return false;
  try {
    from = std::stoull(text.substr(0, dots));
    to = std::stoull(text.substr(dots + 2));
  } catch (const std::exception&) {
    return false;
  }
  return from <= to;
}

std::optional<std::vector<std::size_t>> read_places(const std::string& text) {
  std::vector<std::size_t> out;
  if (text == "none") return out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t used = 0;
    try {
      out.push_back(std::stoull(text.substr(at), &used));
    } catch (const std::exception&) {
      return std::nullopt;
    }
    at += used + 1;
  }
  return out;
}

/// A name, or the beginning of several: raft-*
bool means(const std::string& wish, std::string_view name) {
  return wish.ends_with('*') ? name.starts_with(std::string_view(wish).substr(0, wish.size() - 1)) : wish == name;
}

std::vector<const sim::Scenario*> chosen(const Wishes& wishes) {
  if (wishes.scenarios.empty()) return sim::all_scenarios();
  std::vector<const sim::Scenario*> out;
  for (const std::string& name : wishes.scenarios)
    for (const sim::Scenario* scenario : sim::all_scenarios())
      if (means(name, scenario->name)) out.push_back(scenario);
  return out;
}

int list() {
  for (const sim::Scenario* scenario : sim::all_scenarios())
    std::printf("%-24s %s\n", std::string(scenario->name).c_str(), std::string(scenario->about).c_str());
  return 0;
}

int show_one(const Wishes& wishes, const sim::FarmOptions& options) {
  const sim::Job job{sim::find_scenario(wishes.scenarios.empty() ? "everything" : wishes.scenarios.front()),
                     *wishes.seed, false};
  sim::RunOptions run = options.run;
  if (!wishes.faults.empty()) {
    const auto places = read_places(wishes.faults);
    if (!places) {
      std::fprintf(stderr, "mosaik-sim: '%s' is no list of places; give e.g. --faults 0,3,4\n", wishes.faults.c_str());
      return 64;
    }
    run.plan = sim::keep_faults(job, options.run, *places);
  }
  run.decisions = true;
  if (wishes.trace) run.echo = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  if (wishes.decisions) run.echo_decisions = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  const sim::Outcome out = sim::run_seed(*job.scenario, job.seed, run);
  std::printf("scenario %s, seed %llu, %zu faults: digest %016llx, %lld ms simulated\n",
              std::string(job.scenario->name).c_str(), static_cast<unsigned long long>(job.seed), out.plan.size(),
              static_cast<unsigned long long>(out.digest), static_cast<long long>(out.simulated / 1ms));
  if (!out.failure) return 0;
  if (!wishes.trace)
    for (const std::string& line : out.lines) std::printf("  %s\n", line.c_str());
  if (!wishes.decisions) {
    std::printf("  the last decisions of the nodes:\n");
    for (const std::string& line : out.decisions) std::printf("  %s\n", line.c_str());
  }
  std::printf("FAILED %s: %s\n", out.failure->invariant.c_str(), out.failure->text.c_str());
  return 1;
}

/// What the table in docs/RELIABILITY.md is made of (tools/mutants.py --table). Names need no escapes.
bool write_report(const std::string& file, const Wishes& wishes, const sim::FarmResult& result, std::uint64_t from,
                  std::uint64_t count, std::size_t scenarios) {
  std::FILE* out = std::fopen(file.c_str(), "w");
  if (out == nullptr) return false;
  const auto number = [](auto value) { return static_cast<unsigned long long>(value); };
  std::fprintf(
      out,
      "{\"tier\": \"%s\", \"from\": %llu, \"seeds\": %llu, \"scenarios\": %llu, \"passed\": %llu, "
      "\"failed\": %llu, \"repeated\": %llu, \"simulated_seconds\": %llu, \"slowest_heal_ms\": %llu,\n \"counts\": {",
      wishes.tier.c_str(), number(from), number(count), number(scenarios), number(result.passed), number(result.failed),
      number(result.repeated), number(result.simulated / 1s), number(result.slowest_heal / 1ms));
  const char* comma = "";
  for (const auto& [name, amount] : result.tally.counts) {
    std::fprintf(out, "%s\n  \"%s\": %llu", comma, name.c_str(), number(amount));
    comma = ",";
  }
  std::fprintf(out, "}}\n");
  return std::fclose(out) == 0;
}

int run_many(const Wishes& wishes, const sim::FarmOptions& options, std::uint64_t from, std::uint64_t count) {
  const auto scenarios = chosen(wishes);
  std::vector<sim::Job> jobs;
  for (std::uint64_t i = 0; i < count; ++i)
    jobs.push_back({scenarios[i % scenarios.size()], from + i, wishes.twice != 0 && i % 100 < wishes.twice});
  std::printf("seeds %llu..%llu, %zu scenarios, tier %s, %zu processes\n", static_cast<unsigned long long>(from),
              static_cast<unsigned long long>(from + count - 1), scenarios.size(), wishes.tier.c_str(), wishes.jobs);
  std::fflush(stdout);
  const auto begin = std::chrono::steady_clock::now();
  const sim::FarmResult result = sim::run_farm(jobs, options);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  for (const auto& [name, amount] : result.tally.counts)
    std::printf("  %12llu  %s\n", static_cast<unsigned long long>(amount), name.c_str());
  for (const auto& [name, amount] : result.probes)
    std::printf("  %12llu  probe %s\n", static_cast<unsigned long long>(amount), name.c_str());
  std::printf("%lld s simulated in %lld ms; the slowest heal took %lld ms; %zu seeds were run twice\n",
              static_cast<long long>(result.simulated / 1s), static_cast<long long>(took.count()),
              static_cast<long long>(result.slowest_heal / 1ms), result.repeated);
  const std::size_t failed = result.failed + result.missing_probes.size();
  if (!wishes.report.empty() && !write_report(wishes.report, wishes, result, from, count, scenarios.size())) {
    std::fprintf(stderr, "mosaik-sim: '%s' cannot be written\n", wishes.report.c_str());
    return 74;
  }
  std::printf("%zu passed, %zu failed\n", result.passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Wishes wishes;
  CLI::App app("Runs the node in simulated worlds, each made of one seed.", "mosaik-sim");
  app.add_option("--seed", wishes.seed, "run this seed of one scenario");
  app.add_option("--seeds", wishes.seeds, "run these seeds, as A..B, over the scenarios in turn");
  app.add_option("--fresh", wishes.fresh, "run so many seeds that nobody has seen");
  app.add_option("--scenario", wishes.scenarios, "run these scenarios only, e.g. partitions or raft-*; see --list");
  app.add_option("--tier", wishes.tier, "links: without QUIC, fast; quic: the real QUIC and TLS")
      ->check(CLI::IsMember({"links", "quic"}));
  app.add_option("--nodes", wishes.nodes, "so many nodes, instead of the drawn number")->check(CLI::Range(2, 20));
  app.add_option("--faults", wishes.faults, "with --seed: only these faults of the drawn list, e.g. 0,3,4, or none");
  app.add_option("--jobs", wishes.jobs, "so many processes")->check(CLI::Range(1, 64));
  app.add_option("--twice", wishes.twice, "run so many of a hundred seeds twice and compare")
      ->check(CLI::Range(0, 100));
  app.add_flag("--trace", wishes.trace, "with --seed: print what happens");
  app.add_flag("--decisions", wishes.decisions, "with --seed: print what the nodes decide, and why");
  app.add_flag("--digests", wishes.digests,
               "print of each seed the digest of everything, and that of the events alone");
  app.add_flag("--probes", wishes.probes, "fail when a rare branch was never reached");
  app.add_flag("--first", wishes.first, "stop at the first failure");
  app.add_option("--report", wishes.report, "write what was run, injected and found to this file, as JSON");
  app.add_flag("--list", wishes.list, "list the scenarios");
  CLI11_PARSE(app, argc, argv);
  if (wishes.list) return list();
  for (const std::string& name : wishes.scenarios) {
    const auto all = sim::all_scenarios();
    if (std::ranges::any_of(all, [&](const sim::Scenario* scenario) { return means(name, scenario->name); })) continue;
    std::fprintf(stderr, "mosaik-sim: there is no scenario '%s'; see mosaik-sim --list\n", name.c_str());
    return 64;
  }
  sim::FarmOptions options;
  options.run.tier = wishes.tier == "quic" ? sim::Tier::quic : sim::Tier::links;
  options.run.nodes = wishes.nodes;
  options.workers = wishes.jobs;
  options.command = argv[0];
  options.progress = isatty(2) == 1;
  options.print_digests = wishes.digests;
  options.need_probes = wishes.probes;
  options.stop_at_first = wishes.first;
  if (wishes.seed) return show_one(wishes, options);
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  if (!wishes.seeds.empty()) {
    if (!read_range(wishes.seeds, from, to)) {
      std::fprintf(stderr, "mosaik-sim: '%s' is no range of seeds; give e.g. --seeds 1..100\n", wishes.seeds.c_str());
      return 64;
    }
    return run_many(wishes, options, from, to - from + 1);
  }
  std::random_device device;
  const std::uint64_t base = (std::uint64_t{device()} << 16U) & 0xffff'ffff'0000U;
  return run_many(wishes, options, base, wishes.fresh == 0 ? 200 : wishes.fresh);
}
