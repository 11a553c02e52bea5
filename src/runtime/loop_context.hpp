#pragma once
/// What a request may do in the loop: it is run with a LoopContext, on the loop's thread, between reading and sending.

#include <functional>
#include <string>
#include <vector>

#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/id.hpp>

#include "consensus/dynamic/config.hpp"
#include "runtime/consensus_status_cell.hpp"
#include "runtime/machine_executor.hpp"
#include "runtime/publisher.hpp"
#include "runtime/resolver.hpp"

namespace mosaik::runtime {

/// An answer that is given exactly once, on the delivery thread unless the request says otherwise; Errc::closed when
/// the loop ends first.
template <class T>
using Answer = std::move_only_function<void(Result<T>)>;

/// The end of a call on a group: on the delivery thread, or on the loop's when the call asked for that.
using CallDone = std::move_only_function<void(const consensus::Outcome&)>;
/// Ends a call whose caller waits; what it returns, if anything, is the user's code and runs on the delivery thread.
using CallSettle = std::move_only_function<Task(const consensus::Outcome&)>;

/// A machine to join a group with, and how this member takes part.
struct MachineSetup : consensus::Participation {
  std::unique_ptr<Machine> machine;
  std::shared_ptr<ConsensusStatusCell> board;  ///< kept up to date
  /// Runs on the loop's thread before anybody can see the group.
  std::move_only_function<void(const GroupId&)> on_joined;
};

/// What every call has.
struct CallTerms {
  GroupId group;
  Nanoseconds time{};    ///< until it ends at the latest
  bool on_loop = false;  ///< `done` runs on the loop's thread: it must be quick, and may only post
  CallDone done = {};
  /// Instead of `done`: runs on the loop's thread at the end of the turn, behind what it publishes. It wakes who waits
  /// without the way over the delivery thread.
  CallSettle settle = {};
};

class LoopContext {
 public:
  /// `done` runs on the loop's thread, once a snapshot with the group is published, or at once with an error: no user
  /// code in it.
  /// Errors: invalid_argument, in_use, limit.
  virtual void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) = 0;
  /// The same, with a machine. Errors: also limit when its thread can not be started.
  virtual void join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup machine,
                    Answer<GroupId> done) = 0;
  virtual void submit(CallTerms terms, std::vector<Blob> commands, consensus::Until until) = 0;
  virtual void query(CallTerms terms, Blob query, Consistency consistency) = 0;
  /// What a machine has done.
  virtual void on_machine(const GroupId& group, std::vector<MachineResult> results) = 0;
  /// `done` runs on the delivery thread when the group is left; at once when it is not joined.
  virtual void leave(const GroupId& group, Task done) = 0;
  virtual void leave_all(Task done) = 0;
  /// The same as soon as the groups lose nothing by it: another member of each has all that is committed, nothing is
  /// committed, or no other member is known. After `wait` at the latest; a notice says that and how the wait ended.
  virtual void leave_all_when_covered(Nanoseconds wait, Task done) = 0;
  /// node::Node::forget; `done` runs on the delivery thread.
  virtual void forget(const PeerId& peer, Answer<void> done) = 0;
  virtual void sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) = 0;
  virtual void ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done) = 0;
  /// Runs a task on the delivery thread.
  virtual void run(Task task) = 0;
  /// runtime/resolver.hpp.
  virtual void resolve(std::string host, std::uint16_t port, Resolved done, Names names = Names::host) = 0;
  /// Tells of trouble outside the node, as a notice.
  virtual void warn(const std::string& text) = 0;
  /// Somebody reads: publish a snapshot within 500 ms, though nothing changed but ages and round trips.
  virtual void refresh() = 0;
  /// Somebody asks: at the end of this turn a snapshot of now is published, machines' statuses are up to date, and
  /// `done` runs, on the loop's thread: no user code in it.
  virtual void look(Task done) = 0;

 protected:
  ~LoopContext() = default;
};

}  // namespace mosaik::runtime
