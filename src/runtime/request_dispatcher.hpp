#pragma once
/// RequestDispatcher: what came in as a request goes out as an answer. It keeps what requests wait for, hands the
/// node's outputs to whom they belong, and decides when a snapshot is worth making. Used on the loop's thread only.
///
/// A snapshot is published at most once a turn: when the node says that it changed (it keeps limits::snapshot_pause
/// between two of a changing mesh), when the catalog changed, and, while somebody reads, every 500 ms for what moves
/// with time.

#include <map>
#include <set>

#include "base/assert.hpp"
#include "node/node.hpp"
#include "runtime/disk_thread.hpp"
#include "runtime/machine_executor.hpp"
#include "runtime/pending_calls.hpp"
#include "runtime/publisher.hpp"
#include "runtime/resolver.hpp"
#include "runtime/sentinel_sockets.hpp"
#include "runtime/state_writer.hpp"

namespace mosaik::runtime {

/// An answer that is given exactly once, on the delivery thread unless the request says otherwise; Errc::closed when
/// the loop ends first.
template <class T>
using Answer = std::move_only_function<void(Result<T>)>;

/// A machine to join a group with, and how this member takes part.
struct MachineSetup : consensus::Participation {
  std::unique_ptr<Machine> machine;
  std::shared_ptr<consensus::LogStore> store;  ///< null: the log lives as long as the process
  consensus::Restored restored;                ///< what the store had
};

class RequestDispatcher {
 public:
  RequestDispatcher(node::Node& node, SentinelSockets& sentinels, Publisher& publisher, std::shared_ptr<Inbox> inbox,
                    std::string state_file, Saved saved);

  /// The moment of the inputs that follow.
  void set_now(const Now& now) noexcept { now_ = now; }
  /// True when that gave the node new inputs: addresses that it had asked for.
  bool take_actions();
  /// Some call has not ended that completes on the loop's thread.
  [[nodiscard]] bool has_calls_on_loop() const noexcept { return calls_.any_on_loop(); }
  /// Publishes when it is time, then hands over events and answers.
  void finish_turn();
  /// When finish_turn will have something to do though nothing happens.
  [[nodiscard]] Mono next_deadline() const noexcept;
  [[nodiscard]] bool in_any_group() const noexcept { return !joined_.empty(); }
  /// The loop ends: answers everything that still waits.
  void end();

  // Requests.
  /// `done` runs on the loop's thread, once a snapshot with the group is published, or at once with an error: no user
  /// code in it.
  /// Errors: invalid_argument, in_use, limit.
  void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done);
  /// The same, with a machine. Errors: also limit when its thread can not be started.
  void join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup machine, Answer<GroupId> done);
  /// `done` runs when the call has ended, after `time` at the latest.
  void call(const GroupId& group, consensus::Call call, Nanoseconds time, Completion done);
  /// `done` runs on the delivery thread when the group is left; at once when it is not joined.
  void leave(const GroupId& group, Task done);
  void leave_all(Task done);
  /// The same as soon as the groups lose nothing by it: another member of each has all that is committed, nothing is
  /// committed, or no other member is known. After `wait` at the latest; a notice says that and how the wait ended.
  void leave_all_when_covered(Nanoseconds wait, Task done);
  /// node::Node::forget; `done` runs on the delivery thread.
  void forget(const PeerId& peer, Answer<void> done);
  void sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done);
  void ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done);
  /// Runs a task on the delivery thread.
  void run(Task task) { tasks_.push_back(std::move(task)); }
  /// runtime/resolver.hpp.
  void resolve(std::string host, std::uint16_t port, Resolved done, Names names = Names::host) {
    resolver_.resolve(std::move(host), port, std::move(done), names);
  }
  /// Tells of trouble outside the node, as a notice.
  void warn(const std::string& text) { node_.warn(now_, text); }
  /// Somebody reads: publish a snapshot within 500 ms, though nothing changed but ages and round trips.
  void refresh() { refresh_ = true; }
  /// Somebody asks: at the end of this turn a snapshot of now is published, machines' statuses are up to date, and
  /// `done` runs, on the loop's thread: no user code in it.
  void look(Task done) { looks_.push_back(std::move(done)); }

 private:
  // dispatcher_machines.cpp
  struct Machinery {
    std::unique_ptr<MachineExecutor> room;
    std::shared_ptr<const MachineInfo> info;
    std::shared_ptr<consensus::LogStore> store;
  };
  void carry_out(const GroupId& group, consensus::Action& action);
  void work(const GroupId& group, MachineWork work);
  void keep(const GroupId& group, consensus::Persist& state);
  void on_kept(const std::vector<Kept>& kept);
  void on_machine(const GroupId& group, const std::vector<MachineResult>& results);
  void finish_machines();
  void look_at_replicas();
  /// What is published when only replicas have news.
  void publish_replicas();
  void end_machines();
  [[nodiscard]] Mono next_publication() const noexcept;
  /// How many committed entries of a group only this member may have; 0: leaving it costs nothing.
  [[nodiscard]] std::uint64_t uncovered(const GroupId& group) const;
  [[nodiscard]] std::uint64_t uncovered() const;
  void part_when_covered();
  void on_action(node::ResolveName& output);
  void on_action(node::SyncDone& output);
  void on_action(node::PingDone& output);
  void on_action(node::GroupLeft& output);
  void on_action(node::GroupActions& output);
  void on_action(Event& output);
  void on_action(const detector::ExpectSentinel& output) { sentinels_.expect(output); }
  void on_action(const detector::DialSentinel& output) { sentinels_.dial(output); }
  void on_action(const detector::CloseSentinel& output) { sentinels_.close(output); }
  [[nodiscard]] bool is_news() const;
  void publish();
  void keep_memory(bool at_the_end);
  void answer_joins(const NodeStatus& published);

  node::Node& node_;
  SentinelSockets& sentinels_;
  Publisher& publisher_;
  std::shared_ptr<Inbox> inbox_;
  Resolver resolver_;
  std::optional<StateWriter> state_;
  Mono memory_due_ = never;  // when the changed memory is to be kept
  Now now_;

  std::uint64_t last_request_ = 0;
  std::map<node::RequestId, Answer<void>> syncs_;
  std::map<node::RequestId, Answer<Nanoseconds>> pings_;
  std::set<GroupId> joined_;  // until GroupLeft
  std::multimap<GroupId, Task> leaving_;
  std::vector<Task> when_all_left_;
  struct Parting {
    Mono until{};
    Task done;
  };
  std::vector<Parting> parting_;  // leave when the groups lose nothing by it

  std::map<GroupId, Machinery> machines_;
  std::unique_ptr<DiskThread> disk_;  // from the first store on
  PendingCalls calls_;

  struct Join {
    GroupId group;
    Answer<GroupId> done;
  };
  std::vector<Join> joining_;  // until a snapshot shows the group

  std::vector<Task> tasks_;    // for the delivery thread, at the end of the turn
  std::vector<Event> events_;  // the same

  std::shared_ptr<const NodeStatus> status_;
  std::shared_ptr<const std::vector<identity::EntryRef>> catalog_;
  identity::EntryRef own_;
  std::shared_ptr<const std::vector<ReplicaStatus>> replicas_;
  bool replicas_behind_ = false;  // replicas_ is older than what the engines say
  bool replicas_told_ = true;     // replicas_ is published
  bool catalog_changed_ = true;
  bool refresh_ = false;
  std::vector<Task> looks_;  // those who wait for a snapshot of now
  bool answered_ = false;    // the node got an answer while its outputs were taken
  Mono looked_at_;           // when status_ was made
};

}  // namespace mosaik::runtime
