#include "sim/farm/trace.hpp"

namespace mosaik::sim {

void Trace::note_decision(Mono time, std::string_view who, const Decision& decision) {
  std::string line = time_text(time) + "  " + std::string(who) + "  " + std::string(decision.component) + ": " +
                     std::string(decision.what) + " (" + std::string(decision.reason) + ")";
  if (!decision.peer.is_zero()) line += " peer=" + decision.peer.brief();
  if (!decision.group.is_zero()) line += " group=" + decision.group.brief();
  for (const Decision::Field& field : decision.fields)
    if (!field.name.empty()) line += " " + std::string(field.name) + "=" + std::to_string(field.value);
  if (echo_decisions) echo_decisions(line);
  decisions_.push_back(std::move(line));
  if (decisions_.size() > kept) decisions_.pop_front();
}

}  // namespace mosaik::sim
