#include "sim/invariants/judge.hpp"

#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {

void Judge::fail(std::string_view invariant, std::string text) {
  if (failure_) return;
  trace_.note(scheduler_.now(), "world", "BROKEN " + std::string(invariant) + ": " + text);
  failure_ = Failure{std::string(invariant), std::move(text)};
}

void Judge::hold(std::string_view invariant, const Broken& broken) {
  if (broken) fail(invariant, *broken);
}

void Judge::on_event(const Life& life, const Event& event) {
  for (const auto& invariant : invariants_) hold(invariant->name(), invariant->on_event(world_, life, event));
  if (workload_ != nullptr) hold("workload", workload_->on_event(world_, life, event));
}

void Judge::on_turn(Host& host) {
  if (workload_ != nullptr) hold("workload", workload_->on_turn(world_, host));
}

void Judge::on_sweep() {
  for (const auto& invariant : invariants_) hold(invariant->name(), invariant->on_sweep(world_));
}

void Judge::at_rest(Mono since) {
  for (const auto& invariant : invariants_) hold(invariant->name(), invariant->at_rest(world_, since));
}

}  // namespace mosaik::sim
