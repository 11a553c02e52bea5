#include <CLI/CLI.hpp>
#include <iostream>

#include "sim/run.hpp"

int main(int argc, char** argv) {
  CLI::App app("mosaik-sim");
  std::uint64_t seed = 1;
  std::string name = "join-storm";
  std::string tier = "links";
  bool trace = false;
  mosaik::sim::RunOptions options;
  app.add_option("--seed", seed);
  app.add_option("--scenario", name);
  app.add_option("--tier", tier);
  app.add_option("--nodes", options.nodes);
  app.add_flag("--trace", trace);
  CLI11_PARSE(app, argc, argv);
  if (tier == "quic") options.tier = mosaik::sim::Tier::quic;
  if (trace) options.echo = [](const std::string& line) { std::cout << line << '\n'; };
  const auto* scenario = mosaik::sim::find_scenario(name);
  if (scenario == nullptr) return 64;
  const auto out = mosaik::sim::run_seed(*scenario, seed, options);
  std::cout << std::hex << out.digest << std::dec << " " << out.simulated / std::chrono::milliseconds(1)
            << " ms, whole after " << out.whole_after / std::chrono::milliseconds(1) << " ms\n";
  for (const auto& [what, count] : out.tally.counts) std::cout << what << ": " << count << '\n';
  if (out.failure) std::cout << "FAILED " << out.failure->invariant << ": " << out.failure->text << '\n';
  return out.failure ? 1 : 0;
}
