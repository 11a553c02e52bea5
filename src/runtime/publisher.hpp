#pragma once
/// publisher: the way out of the loop: snapshots for readers, completions and events for the user's code.
///
/// Place. The loop hands over through two lock-free boxes and never waits: the newest snapshot in a slot, tasks and
/// events in a mailbox. Everybody else, the delivery thread among them, meets behind the publisher's own mutex; whoever
/// takes it first empties the boxes, so that a reader sees the newest snapshot even while the delivery thread is in a
/// callback.
///
/// Order. A snapshot is handed over before the events of the same turn, and taken up after them: who hears an event
/// reads a snapshot that is at least as new as the one that was published with it. Snapshots that come faster than they
/// are taken up are skipped; so a watch waits for a state, not for each passing moment. Events and tasks are not
/// skipped.
///
/// The delivery thread runs all tasks (completions), then one event of each subscriber, and looks for tasks again: a
/// slow callback delays other people's completions by the time of one callback for each subscriber, not by its backlog.
/// A callback that does not return stops deliveries of this node (never its loop).
///
/// A child of fork has no delivery thread: it reads the snapshot of the start, its watches end at once, its
/// subscriptions hear nothing.
///
/// Limits. limits::event_backlog events for each subscriber: the oldest go first, and one event `lost` stands for them.
/// The same number in the mailbox: when the delivery thread is stuck, the newest are counted instead of kept.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <mosaik/types/event.hpp>
#include <mosaik/types/result.hpp>
#include <mosaik/types/status.hpp>

#include "identity/entry.hpp"
#include "runtime/completion.hpp"

namespace mosaik::runtime {

/// What people and checks need of the machine of a group.
struct MachineInfo {
  std::string name;
  std::function<bool(BytesView)> is_command;  ///< null: every text of bytes is
};
/// The consensus of a group with a machine, as this member knows it.
struct ReplicaStatus {
  GroupId group;
  std::shared_ptr<const MachineInfo> machine;
  ConsensusStatus consensus;
};

/// Those of all groups: one block, made anew with each commit and shared by all snapshots that have it.
class ReplicaStatuses {
 public:
  ReplicaStatuses() = default;
  ReplicaStatuses(std::shared_ptr<const ReplicaStatus[]> first, std::size_t count)
      : first_(std::move(first)), count_(count) {}
  [[nodiscard]] std::span<const ReplicaStatus> view() const noexcept { return {first_.get(), count_}; }

 private:
  std::shared_ptr<const ReplicaStatus[]> first_;
  std::size_t count_ = 0;
};

/// What readers see. Immutable; parts are shared with earlier snapshots where nothing changed.
struct Snapshot {
  std::shared_ptr<const NodeStatus> status;
  std::shared_ptr<const std::vector<identity::EntryRef>> catalog;  ///< ascending by id, ours not among them
  identity::EntryRef own;
  ReplicaStatuses replicas = {};  ///< never older than the rest

  /// Null: no such group, or none with a machine.
  [[nodiscard]] const ReplicaStatus* replica(const GroupId& group) const noexcept;
};

/// Looks at each snapshot until it returns a task, which then runs on the delivery thread. It gets null when no
/// snapshot will follow, and must return a task then. Runs under the publisher's mutex: no user code in it.
using Watch = std::move_only_function<Task(const Snapshot*)>;
/// Of a watch: what it looks at. Consensus moves with every commit, and wakes the delivery thread for those that look
/// at it.
enum class Interest : std::uint8_t { mesh, consensus };

class Publisher {
 public:
  /// Starts the delivery thread. Errors: limit.
  [[nodiscard]] static Result<std::unique_ptr<Publisher>> open(Snapshot first);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  ~Publisher();

  // The loop's side: one thread at a time. Nothing here waits.
  void publish(Snapshot snapshot);
  void run(Task task);
  void tell(Event event);
  /// Wakes the delivery thread, after one or several of the above.
  void flush();
  [[nodiscard]] bool is_watched(Interest interest) const noexcept;

  // Any thread's side.
  struct Reading {
    Snapshot snapshot;
    bool first = false;  ///< nobody had read this status of the node before
  };
  [[nodiscard]] Reading latest();
  /// A watch that is satisfied at once runs its task here and now.
  void watch(Watch watch, Interest interest = Interest::mesh);
  /// Shows the current snapshot to all watches again: something that they look at beside it has changed.
  void reconsider();
  /// The subscription lives as long as what is returned; letting it go waits for a running callback of this
  /// subscription, unless it is let go on the delivery thread.
  [[nodiscard]] std::shared_ptr<void> subscribe(std::function<void(const Event&)> call);
  /// Ends all watches, delivers what is due, and ends the thread; at most `limit`: a callback that runs longer is left
  /// behind, no other is called after it, and the tasks that are left run here. May be called on the delivery thread
  /// itself, which then ends after the callback. The loop must be gone.
  void stop(Nanoseconds limit);

 private:
  class State;
  explicit Publisher(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace mosaik::runtime
