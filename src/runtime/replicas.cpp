#include "runtime/replicas.hpp"

#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace mosaik::runtime {

Result<GroupId> Replicas::join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup setup) {
  node::MachineSpec machine{static_cast<const consensus::Participation&>(setup), setup.machine->signature(),
                            setup.machine->rust_type()};
  if (setup.store) {
    machine.store = consensus::Store::durable;
    machine.restored = std::move(setup.restored);
    if (const auto started = start_disk(); !started) return std::unexpected(started.error());
  }
  auto info = std::make_shared<const MachineInfo>(setup.machine->name(), setup.machine->command_check());
  const auto group = node_.join(now_, key, consensus, machine);
  if (!group) return group;
  auto executor = MachineExecutor::open(
      std::move(setup.machine), *group, node_.own_entry()->entry.network, inbox_,
      [this](const GroupId& of, const std::vector<MachineResult>& results) { on_results(of, results); });
  if (!executor) {
    node_.leave(now_, *group);
    return std::unexpected(executor.error());
  }
  replicas_[*group] = {std::move(*executor), std::move(info), std::move(setup.store)};
  behind_ = true;
  return group;
}

Result<> Replicas::start_disk() {
  if (disk_) return {};
  auto disk = DiskThread::open(inbox_, [this](const std::vector<Kept>& kept) { on_kept(kept); });
  if (!disk) return std::unexpected(disk.error());
  disk_ = std::move(*disk);
  return {};
}

void Replicas::on_left(const GroupId& group) {
  if (replicas_.erase(group) > 0) behind_ = true;
}

// ------------------------------------------------------------------------------------------------ the machine

bool Replicas::work(const GroupId& group, MachineWork work) {
  const auto found = replicas_.find(group);
  if (found == replicas_.end()) return false;
  const auto results = found->second.executor->put(std::move(work));
  if (results.empty()) return false;
  on_results(group, results);
  return true;
}

void Replicas::on_results(const GroupId& group, const std::vector<MachineResult>& results) {
  behind_ = true;
  const overloaded take{
      [&](const MachineApplied& applied) { node_.on_applied(now_, group, applied.epoch, applied.index); },
      [&](const MachineAnswered& answered) { node_.on_answered(now_, group, answered.query, answered.answer); },
      [&](const MachineFailed& failed) { node_.on_machine_failed(now_, group, failed.why); }};
  for (const MachineResult& result : results) std::visit(take, result);
}

void Replicas::flush() {
  for (auto& [group, replica] : replicas_) {
    replica.executor->flush();
    if (auto warning = replica.executor->take_warning(); !warning.empty()) node_.warn(now_, warning);
  }
}

// ------------------------------------------------------------------------------------------------ the disk

void Replicas::keep(const GroupId& group, consensus::Persist& state) {
  const auto found = replicas_.find(group);
  if (found == replicas_.end()) return;  // it is left: nothing waits for the ticket
  // Only a group with a store asks for that; dropped, its frames would wait for ever.
  MOSAIK_ASSERT(disk_ && found->second.store);
  disk_->keep(group, found->second.store, std::move(state));
}

void Replicas::on_kept(const std::vector<Kept>& kept) {
  for (const Kept& one : kept) {
    const auto found = replicas_.find(one.group);
    // A group that was left and joined again has another engine, whose tickets begin anew.
    if (found == replicas_.end() || found->second.store != one.store) continue;
    if (one.result)
      node_.on_persisted(now_, one.group, one.ticket);
    else
      node_.on_persist_failed(now_, one.group, one.result.error().message);
  }
}

// ------------------------------------------------------------------------------------------------ readers

ReplicaStatuses Replicas::look() {
  auto out = std::make_shared<ReplicaStatus[]>(replicas_.size());
  std::ptrdiff_t count = 0;
  for (const auto& [group, replica] : replicas_)
    if (auto status = node_.consensus(group)) out[count++] = {group, replica.info, std::move(*status)};
  behind_ = false;
  return {std::move(out), static_cast<std::size_t>(count)};
}

void Replicas::end() {
  replicas_.clear();
  behind_ = false;
}

}  // namespace mosaik::runtime
