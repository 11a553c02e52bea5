#pragma once
/// RequestDispatcher: what came in as a request goes out as an answer. It hands requests to the node, the node's
/// actions to whom they belong, and answers to those who wait. Used on the loop's thread only.

#include <map>
#include <vector>

#include "node/node.hpp"
#include "runtime/memberships.hpp"
#include "runtime/pending_calls.hpp"
#include "runtime/publication.hpp"
#include "runtime/replicas.hpp"
#include "runtime/resolver.hpp"
#include "runtime/sentinel_sockets.hpp"
#include "runtime/state_keeper.hpp"
#include "runtime/tracing.hpp"

namespace mosaik::runtime {

/// An answer that is given exactly once, on the delivery thread unless the request says otherwise; Errc::closed when
/// the loop ends first.
template <class T>
using Answer = std::move_only_function<void(Result<T>)>;

class RequestDispatcher {
 public:
  RequestDispatcher(node::Node& node, SentinelSockets& sentinels, Publisher& publisher,
                    const std::shared_ptr<Inbox>& inbox, std::string state_file, Saved saved);
  RequestDispatcher(const RequestDispatcher&) = delete;
  RequestDispatcher& operator=(const RequestDispatcher&) = delete;

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
  [[nodiscard]] bool in_any_group() const noexcept { return memberships_.in_any_group(); }
  /// The loop ends: answers everything that still waits.
  void end();

  // Requests.
  /// `done` runs on the loop's thread, once a snapshot with the group is published, or at once with an error: no user
  /// code in it. Errors: invalid_argument, in_use, limit.
  void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done);
  /// The same, with a machine. Errors: also limit when its thread cannot be started.
  void join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup machine, Answer<GroupId> done);
  /// `done` runs when the call has ended, after `time` at the latest.
  void call(const GroupId& group, consensus::Call call, Nanoseconds time, Completion done);
  /// `done` runs on the delivery thread when the group is left; at once when it is not joined.
  void leave(const GroupId& group, Task done) { memberships_.leave(now_, group, std::move(done)); }
  void leave_all(Task done) { memberships_.leave_all(now_, std::move(done)); }
  /// The same as soon as the groups lose nothing by it: another member of each has all that is committed, nothing is
  /// committed, or no other member is known. After `wait` at the latest; a notice says that and how the wait ended.
  void leave_all_when_covered(Nanoseconds wait, Task done) {
    memberships_.leave_all_when_covered(now_, wait, std::move(done));
  }
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
  /// Who reads the decisions of the node.
  [[nodiscard]] Tracing& tracing() noexcept { return tracing_; }
  /// Tells of trouble outside the node, as a notice.
  void warn(const std::string& text) { node_.warn(now_, text); }
  /// Somebody reads: publish a snapshot within 500 ms, though nothing changed but ages and round trips.
  void refresh() { publication_.refresh(); }
  /// Somebody asks: at the end of this turn a snapshot of now is published, machines' statuses are up to date, and
  /// `done` runs, on the loop's thread: no user code in it.
  void look(Task done) { publication_.look(std::move(done)); }

 private:
  void carry_out(const GroupId& group, consensus::Action& action);
  void work(const GroupId& group, MachineWork work) { answered_ = replicas_.work(group, std::move(work)) || answered_; }
  void on_action(node::ResolveName& output);
  void on_action(node::SyncDone& output);
  void on_action(node::PingDone& output);
  void on_action(node::GroupLeft& output);
  void on_action(node::GroupActions& output);
  void on_action(Event& output);
  void on_action(const detector::ExpectSentinel& output) { sentinels_.expect(output); }
  void on_action(const detector::DialSentinel& output) { sentinels_.dial(output); }
  void on_action(const detector::CloseSentinel& output) { sentinels_.close(output); }
  void look_at_replicas();

  node::Node& node_;
  SentinelSockets& sentinels_;
  Publisher& publisher_;
  Now now_;
  Resolver resolver_;
  StateKeeper state_;
  Publication publication_;
  Memberships memberships_;
  Replicas replicas_;
  Tracing tracing_{node_};
  PendingCalls calls_;
  std::map<node::RequestId, Answer<void>> syncs_;
  std::map<node::RequestId, Answer<Nanoseconds>> pings_;
  std::uint64_t last_request_ = 0;
  std::vector<Task> tasks_;    ///< for the delivery thread, at the end of the turn
  std::vector<Event> events_;  ///< the same
  bool answered_ = false;      ///< the node got an answer while its actions were taken
};

}  // namespace mosaik::runtime
