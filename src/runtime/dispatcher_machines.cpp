// Groups with a machine: calls in, work for the machine out, and the board that readers look at.

#include <utility>

#include "base/overloaded.hpp"
#include "runtime/request_dispatcher.hpp"

namespace mosaik::runtime {
void RequestDispatcher::join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup setup,
                             Answer<GroupId> done) {
  const node::MachineSpec machine{static_cast<const consensus::Participation&>(setup), setup.machine->signature(),
                                  setup.machine->rust_type()};
  auto group = node_.join(now_, key, consensus, machine);
  if (!group) return done(std::move(group));
  auto room = MachineExecutor::open(std::move(setup.machine), *group, node_.own_entry()->entry.network, inbox_);
  if (!room) {
    node_.leave(now_, *group);
    return done(std::unexpected(room.error()));
  }
  machines_[*group] = {std::move(*room), std::move(setup.board), true};
  joined_.insert(*group);
  if (setup.on_joined) setup.on_joined(*group);
  joining_.push_back({*group, std::move(done)});
}

// -- calls

consensus::CallId RequestDispatcher::begin(CallTerms& terms) {
  const consensus::CallId call{++last_call_};
  if (terms.on_loop) ++calls_on_loop_;
  calls_.emplace_hint(calls_.end(), call, Call{std::move(terms.done), std::move(terms.settle), terms.on_loop});
  return call;
}

void RequestDispatcher::submit(CallTerms terms, std::vector<Blob> commands, consensus::Until until) {
  const consensus::CallId call = begin(terms);
  node_.submit(now_, terms.group, call, std::move(commands), until, later(now_.mono, terms.time));
}

void RequestDispatcher::query(CallTerms terms, Blob query, Consistency consistency) {
  const consensus::CallId call = begin(terms);
  node_.query(now_, terms.group, call, std::move(query), consistency, later(now_.mono, terms.time));
}

void RequestDispatcher::end(consensus::CallId call, const consensus::Outcome& outcome) {
  auto found = calls_.extract(call);
  if (!found) return;
  Call& ended = found.mapped();
  if (ended.on_loop) --calls_on_loop_;
  if (ended.settle) return static_cast<void>(settled_.emplace_back(std::move(ended.settle), outcome));
  if (ended.on_loop) return ended.done(outcome);
  run([done = std::move(ended.done), outcome]() mutable { done(outcome); });
}

// -- actions

void RequestDispatcher::on_action(node::GroupActions& output) {
  for (consensus::Action& action : output.actions) carry_out(output.group, action);
}

void RequestDispatcher::carry_out(const GroupId& group, consensus::Action& action) {
  std::visit(
      overloaded{[&](const consensus::Answer& answer) { end(answer.call, answer.outcome); },
                 [&](consensus::Apply& apply) { work(group, std::move(apply)); },
                 [&](const consensus::Reset& reset) { work(group, reset); },
                 [&](consensus::AskMachine& ask) { work(group, std::move(ask)); },
                 [&](const consensus::Event&) { note_news(group); },
                 // The node keeps these two to itself; logs are in memory.
                 [](const consensus::Send&) {}, [](const consensus::Remember&) {}, [](const consensus::Persist&) {}},
      action);
}

void RequestDispatcher::note_news(const GroupId& group) {
  if (const auto found = machines_.find(group); found != machines_.end()) found->second.news = true;
}

void RequestDispatcher::work(const GroupId& group, MachineWork work) {
  const auto found = machines_.find(group);
  if (found == machines_.end()) return;
  auto results = found->second.room->put(std::move(work));
  if (results.empty()) return;
  on_machine(group, std::move(results));
  answered_ = true;
}

void RequestDispatcher::on_machine(const GroupId& group, std::vector<MachineResult> results) {
  note_news(group);
  const overloaded take{
      [&](const MachineApplied& applied) { node_.on_applied(now_, group, applied.epoch, applied.index); },
      [&](const MachineAnswered& answered) { node_.on_answered(now_, group, answered.query, answered.answer); },
      [&](const MachineFailed& failed) { node_.on_machine_failed(now_, group, failed.why); }};
  for (const MachineResult& result : results) std::visit(take, result);
}

void RequestDispatcher::finish_machines() {
  bool watched = false;
  for (auto& [group, machinery] : machines_) {
    machinery.room->flush();
    if (auto warning = machinery.room->take_warning(); !warning.empty()) node_.warn(now_, warning);
    if (!std::exchange(machinery.news, false) && looks_.empty()) continue;
    if (const auto status = node_.consensus(group)) machinery.board->put(*status);
    watched = watched || machinery.board->watched();
  }
  if (watched) run([&publisher = publisher_] { publisher.reconsider(); });
}

void RequestDispatcher::end_machines() {
  machines_.clear();
  const consensus::Outcome outcome = consensus::Unknown{consensus::Doubt::stopped};
  calls_on_loop_ = 0;
  for (auto& [call, ended] : std::exchange(calls_, {})) {
    if (ended.settle)
      settled_.emplace_back(std::move(ended.settle), outcome);
    else
      run([done = std::move(ended.done), outcome]() mutable { done(outcome); });
  }
}

}  // namespace mosaik::runtime
