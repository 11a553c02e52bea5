#pragma once
/// The judge: holds every event, sweep and rest against the invariants and the workload. The first that breaks is the
/// failure of the run.

#include "sim/farm/trace.hpp"
#include "sim/invariants/invariant.hpp"

namespace mosaik::sim {

class Workload;

class Judge {
 public:
  Judge(World& world, const Scheduler& scheduler, Trace& trace)
      : world_(world), scheduler_(scheduler), trace_(trace), invariants_(all_invariants()) {}

  /// Judges events too; the caller keeps it alive.
  void watch(Workload* workload) { workload_ = workload; }
  /// An input to the farm's judgement that is no invariant of its own.
  void fail(std::string_view invariant, std::string text);
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

  void on_event(const Life& life, const Event& event);
  void on_turn(Host& host);
  void on_sweep();
  void at_rest(Mono since);

 private:
  void hold(std::string_view invariant, const Broken& broken);

  World& world_;
  const Scheduler& scheduler_;
  Trace& trace_;
  Invariants invariants_;
  Workload* workload_ = nullptr;
  std::optional<Failure> failure_;
};

}  // namespace mosaik::sim
