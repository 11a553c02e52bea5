#pragma once
/// The farm: many seeds on several processes. A worker that dies or hangs is a failure of the seed that it was at, and
/// the others go on.

#include <cstdio>
#include <string>
#include <vector>

#include "sim/farm/run.hpp"

namespace mosaik::sim {

/// One thing to run.
struct Job {
  const Scenario* scenario = nullptr;
  std::uint64_t seed = 0;
  bool twice = false;  ///< and its digest must be the same the second time
};

struct FarmOptions {
  RunOptions run;
  std::size_t workers = 1;
  std::string command = "mosaik-sim";  ///< how to call this program
  bool progress = false;               ///< a line that is written over and over
  bool print_digests = false;          ///< a line for each seed, to be compared with another build's
  bool need_probes = false;
  bool stop_at_first = false;    ///< the first failure ends all, told in a line
  std::size_t most_reports = 5;  ///< failures that are shrunk and told at length
};

struct FarmResult {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t repeated = 0;  ///< run twice
  Tally tally;
  std::map<std::string, std::uint64_t> probes;
  Nanoseconds simulated{};
  Nanoseconds slowest_heal{};
  std::vector<std::string> missing_probes;
};

/// Runs all jobs and prints what went wrong.
[[nodiscard]] FarmResult run_farm(const std::vector<Job>& jobs, const FarmOptions& options);

/// The command line that repeats a run; `kept`: places in the drawn list of faults, empty for all.
[[nodiscard]] std::string replay_command(const FarmOptions& options, const Job& job,
                                         const std::optional<std::vector<std::size_t>>& kept);

/// What a run in a process of its own came to; a crash and a hang are outcomes too.
struct Verdict {
  std::string invariant;  ///< empty: it passed
  std::string text;
  std::uint64_t digest = 0;
};
[[nodiscard]] Verdict run_apart(const Job& job, const RunOptions& options);

/// Leaves faults out as long as the same invariant breaks (delta debugging); places in the drawn list.
[[nodiscard]] std::vector<std::size_t> shrink(const Job& job, const RunOptions& options, const std::string& invariant);
/// The faults of a job at these places.
[[nodiscard]] Plan keep_faults(const Job& job, const RunOptions& options, const std::vector<std::size_t>& kept);

}  // namespace mosaik::sim
