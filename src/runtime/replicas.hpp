#pragma once
/// Replicas: the groups with a machine: where each machine runs, where its log is kept, and what readers see of it.
/// Used on the loop's thread only.

#include <map>
#include <memory>
#include <vector>

#include "consensus/api/log_store.hpp"
#include "node/node.hpp"
#include "runtime/disk_thread.hpp"
#include "runtime/machine_executor.hpp"
#include "runtime/publisher.hpp"

namespace mosaik::runtime {

/// A machine to join a group with, and how this member takes part.
struct MachineSetup : consensus::Participation {
  std::unique_ptr<Machine> machine;
  std::shared_ptr<consensus::LogStore> store;  ///< null: the log lives as long as the process
  consensus::Restored restored;                ///< what the store had
};

class Replicas {
 public:
  /// `node` and `now`, the moment of the turn, outlive this.
  Replicas(node::Node& node, const Now& now, std::shared_ptr<Inbox> inbox)
      : node_(node), now_(now), inbox_(std::move(inbox)) {}

  /// Errors: as node::Node::join; limit when a thread cannot be started.
  [[nodiscard]] Result<GroupId> join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup setup);
  void on_left(const GroupId& group);

  /// True when the machine has done it in line: the node has new inputs.
  [[nodiscard]] bool work(const GroupId& group, MachineWork work);
  void keep(const GroupId& group, consensus::Persist& state);

  /// What readers see of some engine is behind.
  void note_news() noexcept { behind_ = true; }
  /// The turn ends: work that was handed over goes to its threads.
  void flush();
  [[nodiscard]] bool is_behind() const noexcept { return behind_; }
  [[nodiscard]] bool empty() const noexcept { return replicas_.empty(); }
  /// Of now.
  [[nodiscard]] ReplicaStatuses look();
  /// The loop ends. What readers saw last stays.
  void end();

 private:
  struct Replica {
    std::unique_ptr<MachineExecutor> executor;
    std::shared_ptr<const MachineInfo> info;
    std::shared_ptr<consensus::LogStore> store;
  };
  /// Errors: limit.
  Result<> start_disk();
  void on_results(const GroupId& group, const std::vector<MachineResult>& results);
  void on_kept(const std::vector<Kept>& kept);

  node::Node& node_;
  const Now& now_;
  std::shared_ptr<Inbox> inbox_;
  std::map<GroupId, Replica> replicas_;
  std::unique_ptr<DiskThread> disk_;  ///< from the first store on
  bool behind_ = false;
};

}  // namespace mosaik::runtime
