// Groups with a machine: calls in, work for the machine out, and what readers see of both.

#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "runtime/request_dispatcher.hpp"

namespace mosaik::runtime {

void RequestDispatcher::join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup setup,
                             Answer<GroupId> done) {
  node::MachineSpec machine{static_cast<const consensus::Participation&>(setup), setup.machine->signature(),
                            setup.machine->rust_type()};
  if (setup.store) {
    machine.store = consensus::Store::durable;
    machine.restored = std::move(setup.restored);
    if (!disk_) {
      auto disk = DiskThread::open(inbox_, [this](const std::vector<Kept>& kept) { on_kept(kept); });
      if (!disk) return done(std::unexpected(disk.error()));
      disk_ = std::move(*disk);
    }
  }
  auto info = std::make_shared<const MachineInfo>(setup.machine->name(), setup.machine->command_check());
  auto group = node_.join(now_, key, consensus, machine);
  if (!group) return done(std::move(group));
  auto room = MachineExecutor::open(
      std::move(setup.machine), *group, node_.own_entry()->entry.network, inbox_,
      [this](const GroupId& of, const std::vector<MachineResult>& results) { on_machine(of, results); });
  if (!room) {
    node_.leave(now_, *group);
    return done(std::unexpected(room.error()));
  }
  machines_[*group] = {std::move(*room), std::move(info), std::move(setup.store)};
  replicas_behind_ = true;
  joined_.insert(*group);
  joining_.push_back({*group, std::move(done)});
}

// -- calls

void RequestDispatcher::call(const GroupId& group, consensus::Call call, Nanoseconds time, Completion done) {
  node_.call(now_, group, calls_.begin(std::move(done)), std::move(call), later(now_.mono, time));
}

// -- actions

void RequestDispatcher::on_action(node::GroupActions& output) {
  for (consensus::Action& action : output.actions) carry_out(output.group, action);
}

void RequestDispatcher::carry_out(const GroupId& group, consensus::Action& action) {
  std::visit(overloaded{[&](const consensus::Answer& answer) {
                          if (Task rest = calls_.end(answer.call, answer.outcome)) run(std::move(rest));
                        },
                        [&](consensus::Apply& apply) { work(group, std::move(apply)); },
                        [&](const consensus::Reset& reset) { work(group, reset); },
                        [&](consensus::AskMachine& ask) { work(group, std::move(ask)); },
                        [&](const consensus::Event&) { replicas_behind_ = true; },
                        [&](consensus::Persist& state) { keep(group, state); },
                        // The group has sent the one, and the node has seen the other.
                        [](const consensus::Send&) { MOSAIK_ASSERT(false); }, [](const consensus::Remember&) {}},
             action);
}

void RequestDispatcher::work(const GroupId& group, MachineWork work) {
  const auto found = machines_.find(group);
  if (found == machines_.end()) return;
  auto results = found->second.room->put(std::move(work));
  if (results.empty()) return;
  on_machine(group, results);
  answered_ = true;
}

void RequestDispatcher::keep(const GroupId& group, consensus::Persist& state) {
  const auto found = machines_.find(group);
  if (found == machines_.end()) return;  // it is left: nothing waits for the ticket
  // Only a group with a store asks for that; dropped, its frames would wait for ever.
  MOSAIK_ASSERT(disk_ && found->second.store);
  disk_->keep(group, found->second.store, std::move(state));
}

void RequestDispatcher::on_kept(const std::vector<Kept>& kept) {
  for (const Kept& one : kept) {
    const auto found = machines_.find(one.group);
    // A group that was left and joined again has another engine, whose tickets begin anew.
    if (found == machines_.end() || found->second.store != one.store) continue;
    if (one.result)
      node_.on_persisted(now_, one.group, one.ticket);
    else
      node_.on_persist_failed(now_, one.group, one.result.error().message);
  }
}

void RequestDispatcher::on_machine(const GroupId& group, const std::vector<MachineResult>& results) {
  replicas_behind_ = true;
  const overloaded take{
      [&](const MachineApplied& applied) { node_.on_applied(now_, group, applied.epoch, applied.index); },
      [&](const MachineAnswered& answered) { node_.on_answered(now_, group, answered.query, answered.answer); },
      [&](const MachineFailed& failed) { node_.on_machine_failed(now_, group, failed.why); }};
  for (const MachineResult& result : results) std::visit(take, result);
}

void RequestDispatcher::finish_machines() {
  for (auto& [group, machinery] : machines_) {
    machinery.room->flush();
    if (auto warning = machinery.room->take_warning(); !warning.empty()) node_.warn(now_, warning);
  }
  if (replicas_behind_ || (!looks_.empty() && !machines_.empty())) look_at_replicas();
}

void RequestDispatcher::look_at_replicas() {
  auto replicas = std::make_shared<std::vector<ReplicaStatus>>();
  replicas->reserve(machines_.size());
  for (const auto& [group, machinery] : machines_)
    if (auto status = node_.consensus(group)) replicas->push_back({group, machinery.info, std::move(*status)});
  replicas_ = std::move(replicas);
  replicas_behind_ = false;
  replicas_told_ = false;
}

void RequestDispatcher::publish_replicas() {
  publisher_.publish({.status = status_, .catalog = catalog_, .own = own_, .replicas = replicas_});
  replicas_told_ = true;
  if (publisher_.is_watched(Interest::consensus)) publisher_.flush();
}

void RequestDispatcher::end_machines() {
  finish_machines();  // what readers saw last stays
  machines_.clear();
  calls_.end_all(consensus::Unknown{consensus::Doubt::stopped}, [this](Task rest) { run(std::move(rest)); });
}

}  // namespace mosaik::runtime
