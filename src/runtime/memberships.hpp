#pragma once
/// Memberships: the groups that this node is in, who waits to be in one, and who waits to be out. Used on the loop's
/// thread only.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "node/node.hpp"
#include "runtime/completion.hpp"

namespace mosaik::runtime {

class Memberships {
 public:
  using Joined = std::move_only_function<void(Result<GroupId>)>;
  /// Runs the caller's code on the delivery thread.
  using Run = std::function<void(Task)>;

  /// `node` outlives this.
  Memberships(node::Node& node, Run run) : node_(node), run_(std::move(run)) {}

  /// `done` runs once a snapshot shows the group.
  void on_joined(const GroupId& group, Joined done);
  void on_left(const GroupId& group);
  /// A snapshot with this status is published.
  void on_published(std::shared_ptr<const NodeStatus> status);

  void leave(const Now& now, const GroupId& group, Task done);
  void leave_all(const Now& now, Task done);
  void leave_all_when_covered(const Now& now, Nanoseconds wait, Task done);
  /// Leaves if that costs nothing any more, or its time is over. True when it did.
  bool leave_if_covered(const Now& now);
  [[nodiscard]] Mono next_deadline() const noexcept;
  [[nodiscard]] bool in_any_group() const noexcept { return !joined_.empty(); }
  /// The loop ends: everybody who waits is told.
  void end();

  void check_invariants() const;

 private:
  struct Join {
    GroupId group;
    Joined done;
  };
  struct Parting {
    Mono until{};
    Task done;
  };
  /// How many committed entries of a group only this member may have; 0: leaving it costs nothing.
  [[nodiscard]] std::uint64_t uncovered(const GroupId& group) const;
  [[nodiscard]] std::uint64_t uncovered() const;

  node::Node& node_;
  Run run_;
  std::set<GroupId> joined_;  ///< until they are left
  std::vector<Join> joining_;
  std::multimap<GroupId, Task> leaving_;
  std::vector<Task> when_all_left_;
  std::vector<Parting> parting_;  ///< leave when the groups lose nothing by it
  std::shared_ptr<const NodeStatus> published_;
};

}  // namespace mosaik::runtime
