#pragma once
/// Publication: when a snapshot is worth making, and what is in it. Used on the loop's thread only.
///
/// At most once a turn: when the node says that it changed (it keeps limits::snapshot_pause between two of a changing
/// mesh), when the catalog changed, and, while somebody reads, every 500 ms for what moves with time. When only the
/// consensus of a group has news, the rest of the snapshot is shared with the one before.

#include <memory>
#include <vector>

#include "node/node.hpp"
#include "runtime/publisher.hpp"

namespace mosaik::runtime {

/// A snapshot of a node that no loop has yet.
[[nodiscard]] Snapshot take_snapshot(node::Node& node, const Now& now);

/// What a publication took up.
enum class Published : std::uint8_t { nothing, replicas, everything };

class Publication {
 public:
  /// Both outlive this.
  Publication(node::Node& node, Publisher& publisher) : node_(node), publisher_(publisher) {}

  void note_catalog_changed() noexcept { catalog_changed_ = true; }
  /// Somebody reads: publish within 500 ms, though nothing changed but ages and round trips.
  void refresh() noexcept { refresh_ = true; }
  /// `done` runs once a snapshot of now is published.
  void look(Task done) { looks_.push_back(std::move(done)); }
  [[nodiscard]] bool is_looked_for() const noexcept { return !looks_.empty(); }
  void set_replicas(ReplicaStatuses replicas);

  /// Publishes if it is time.
  Published publish_due(const Now& now);
  /// The last one, of the node at its end.
  void publish_end(const Now& now);
  [[nodiscard]] Mono next_deadline() const noexcept;
  /// Of the newest snapshot; null before the first.
  [[nodiscard]] const std::shared_ptr<const NodeStatus>& status() const noexcept { return status_; }

  void check_invariants() const;

 private:
  [[nodiscard]] bool is_news() const;
  void publish(const Now& now);
  void give();

  node::Node& node_;
  Publisher& publisher_;
  std::shared_ptr<const NodeStatus> status_;
  std::shared_ptr<const std::vector<identity::EntryRef>> catalog_;
  identity::EntryRef own_;
  ReplicaStatuses replicas_;
  bool replicas_told_ = true;  ///< replicas_ is published
  bool catalog_changed_ = true;
  bool refresh_ = false;
  std::vector<Task> looks_;
  Mono looked_at_;  ///< when status_ was made
};

}  // namespace mosaik::runtime
