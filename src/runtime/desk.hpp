#pragma once
/// Desk: what came in as a request goes out as an answer. It keeps what requests wait for, hands the node's outputs to
/// whom they belong, and decides when a snapshot is worth making. Used on the loop's thread only.
///
/// Snapshots are made at most once a turn, when something changed or somebody reads; and never so often that making
/// them takes more than about a tenth of the thread: after a costly one (a large mesh) there is a pause of ten times
/// its cost.

#include <map>
#include <set>

#include "node/node.hpp"
#include "runtime/outlet.hpp"
#include "runtime/resolver.hpp"
#include "runtime/step.hpp"

namespace mosaik::runtime {

class Desk final : public Step {
 public:
  Desk(node::Node& node, Outlet& outlet, std::shared_ptr<Inbox> inbox);

  /// The moment of the inputs that follow.
  void set_now(const Now& now) noexcept { now_ = now; }
  void take_outputs();
  /// Publishes when it is time, then hands over events and answers.
  void finish_turn();
  /// When finish_turn has something to publish that it had to put off.
  [[nodiscard]] Mono next_publication() const noexcept;
  [[nodiscard]] bool in_any_group() const noexcept { return !joined_.empty(); }
  /// The loop ends: answers everything that still waits.
  void end();

  // Step.
  void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) override;
  void leave(const GroupId& group, Task done) override;
  void leave_all(Task done) override;
  void sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) override;
  void ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done) override;
  void run(Task task) override { tasks_.push_back(std::move(task)); }
  void resolve(std::string host, std::uint16_t port, Resolved done) override;
  void refresh() override { refresh_ = true; }

 private:
  void on_output(node::ResolveName& output);
  void on_output(node::SyncDone& output);
  void on_output(node::PingDone& output);
  void on_output(node::GroupLeft& output);
  void on_output(Event& output);
  [[nodiscard]] bool own_entry_changed() const;
  void publish();

  node::Node& node_;
  Outlet& outlet_;
  Resolver resolver_;
  Now now_;

  std::uint64_t last_request_ = 0;
  std::map<node::RequestId, Answer<void>> syncs_;
  std::map<node::RequestId, Answer<Nanoseconds>> pings_;
  std::set<GroupId> joined_;  // until GroupLeft
  std::multimap<GroupId, Task> leaving_;
  std::vector<Task> when_all_left_;

  std::vector<Task> tasks_;              // for the delivery thread, at the end of the turn
  std::vector<Event> events_;            // the same
  std::vector<Task> after_publication_;  // for this thread

  std::shared_ptr<const std::vector<identity::EntryRef>> catalog_;
  EntryVersion own_version_;
  bool changed_ = false;
  bool catalog_changed_ = true;
  bool refresh_ = false;
  Mono published_;
  Mono not_before_;
};

}  // namespace mosaik::runtime
