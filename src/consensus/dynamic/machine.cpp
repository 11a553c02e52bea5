// What the machine gets: committed entries in runs of one term, and queries behind them (spec: groups 6.8). It works
// elsewhere and in its own time; what is handed over and not yet applied is bounded.

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

Apply Engine::Impl::next_run() const {
  const Term term = log.at(handed_.next()).term;
  Apply out{epoch_, {*log.term_at(handed_), handed_}, log.last(), term, {}};
  std::size_t bytes = 0;
  for (Index index = handed_.next(); index <= log.committed(); index = index.next()) {
    const Entry& entry = log.at(index);
    if (entry.term != term || out.commands.size() >= limits::apply_commands) break;
    bytes += entry.command.size();
    if (!out.commands.empty() && bytes > limits::apply_bytes) break;
    out.commands.push_back(entry.command);
  }
  return out;
}

void Engine::Impl::feed_machine() {
  while (handed_ < log.committed() && applying_commands_ < limits::applying_commands &&
         applying_bytes_ < limits::applying_bytes) {
    Apply run = next_run();
    const std::size_t bytes = total_bytes(run.commands);
    handed_ = handed_.plus(run.commands.size());
    applying_.push_back({handed_, run.commands.size(), bytes});
    applying_commands_ += run.commands.size();
    applying_bytes_ += bytes;
    actions.emplace_back(std::move(run));
  }
  hand_over_queries();
}

bool Engine::Impl::may_ask(const WaitingQuery& waiting) const {
  if (waiting.position > handed_) return false;
  if (asking_.empty()) return true;
  return asking_.size() < limits::asking && asking_bytes_ + waiting.query.size() <= limits::asking_bytes;
}

// In their order: nobody overtakes one that has no room yet. Those that wait here longer than they may end without
// having cost the machine anything; those that it has been handed cost room until it is through with them.
void Engine::Impl::hand_over_queries() {
  while (!queries_for_machine_.empty()) {
    const std::uint64_t key = *queries_for_machine_.begin();
    WaitingQuery& waiting = queries_.at(key);
    if (!may_ask(waiting)) return;
    queries_for_machine_.erase(queries_for_machine_.begin());
    waiting.position = handed_;
    waiting.history = epoch_.value;
    asking_.emplace(key, waiting.query.size());
    asking_bytes_ += waiting.query.size();
    actions.emplace_back(AskMachine{QueryId{key}, waiting.query, handed_});
  }
}

void Engine::Impl::on_applied(const Now&, Epoch epoch, Index index) {
  if (epoch != epoch_) return;
  applied_ = std::max(applied_, std::min(index, handed_));
  for (; !applying_.empty() && applying_.front().last <= applied_; applying_.pop_front()) {
    applying_commands_ -= applying_.front().commands;
    applying_bytes_ -= applying_.front().bytes;
  }
}

}  // namespace mosaik::consensus
