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
#include "runtime/loop_context.hpp"
#include "runtime/publisher.hpp"
#include "runtime/resolver.hpp"
#include "runtime/sentinel_sockets.hpp"
#include "runtime/state_writer.hpp"

namespace mosaik::runtime {

class RequestDispatcher final : public LoopContext {
 public:
  RequestDispatcher(node::Node& node, SentinelSockets& sentinels, Publisher& publisher, std::shared_ptr<Inbox> inbox,
                    std::string state_file, Saved saved);

  /// The moment of the inputs that follow.
  void set_now(const Now& now) noexcept { now_ = now; }
  /// True when that gave the node new inputs: addresses that it had asked for.
  bool take_actions();
  /// Some call has not ended that completes on the loop's thread.
  [[nodiscard]] bool has_calls_on_loop() const noexcept { return calls_on_loop_ > 0; }
  /// Publishes when it is time, then hands over events and answers.
  void finish_turn();
  /// When finish_turn will have something to do though nothing happens.
  [[nodiscard]] Mono next_deadline() const noexcept;
  [[nodiscard]] bool in_any_group() const noexcept { return !joined_.empty(); }
  /// The loop ends: answers everything that still waits.
  void end();

  // LoopContext.
  void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) override;
  void join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup machine, Answer<GroupId> done) override;
  void submit(CallTerms terms, std::vector<Blob> commands, consensus::Until until) override;
  void query(CallTerms terms, Blob query, Consistency consistency) override;
  void on_machine(const GroupId& group, std::vector<MachineResult> results) override;
  void leave(const GroupId& group, Task done) override;
  void leave_all(Task done) override;
  void leave_all_when_covered(Nanoseconds wait, Task done) override;
  void forget(const PeerId& peer, Answer<void> done) override;
  void sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) override;
  void ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done) override;
  void run(Task task) override { tasks_.push_back(std::move(task)); }
  void resolve(std::string host, std::uint16_t port, Resolved done, Names names = Names::host) override;
  void warn(const std::string& text) override { node_.warn(now_, text); }
  void refresh() override { refresh_ = true; }
  void look(Task done) override { looks_.push_back(std::move(done)); }

 private:
  // desk_machines.cpp
  struct Call {
    CallDone done;
    CallSettle settle;
    bool on_loop = false;
  };
  struct Machinery {
    std::unique_ptr<MachineExecutor> room;
    std::shared_ptr<ConsensusStatusCell> board;
    bool news = false;  // the board is behind
  };
  consensus::CallId begin(CallTerms& terms);
  void end(consensus::CallId call, const consensus::Outcome& outcome);
  void carry_out(const GroupId& group, consensus::Action& action);
  void note_news(const GroupId& group);
  void work(const GroupId& group, MachineWork work);
  void finish_machines();
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
  std::map<consensus::CallId, Call> calls_;
  std::size_t calls_on_loop_ = 0;  // of them
  std::uint64_t last_call_ = 0;

  struct Join {
    GroupId group;
    Answer<GroupId> done;
  };
  std::vector<Join> joining_;  // until a snapshot shows the group

  std::vector<std::pair<CallSettle, consensus::Outcome>> settled_;  // at the end of the turn
  std::vector<Task> tasks_;                                         // for the delivery thread, at the end of the turn
  std::vector<Event> events_;                                       // the same

  std::shared_ptr<const NodeStatus> status_;
  std::shared_ptr<const std::vector<identity::EntryRef>> catalog_;
  EntryVersion own_version_;
  bool catalog_changed_ = true;
  bool refresh_ = false;
  std::vector<Task> looks_;  // those who wait for a snapshot of now
  bool answered_ = false;    // the node got an answer while its outputs were taken
  Mono looked_at_;           // when status_ was made
};

}  // namespace mosaik::runtime
