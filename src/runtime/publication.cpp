#include "runtime/publication.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace mosaik::runtime {
namespace {

constexpr Nanoseconds refresh_interval = 500ms;

}  // namespace

Snapshot take_snapshot(node::Node& node, const Now& now) {
  return {.status = node.snapshot(now),
          .catalog = std::make_shared<const std::vector<identity::EntryRef>>(node.catalog(now)),
          .own = node.own_entry()};
}

void Publication::set_replicas(ReplicaStatuses replicas) {
  replicas_ = std::move(replicas);
  replicas_told_ = false;
}

bool Publication::is_news() const {
  return catalog_changed_ || node_.changed() || !own_ || node_.own_entry()->entry.version != own_->entry.version;
}

Mono Publication::next_deadline() const noexcept {
  if (!looks_.empty()) return Mono{};
  return refresh_ ? looked_at_ + refresh_interval : never;
}

Published Publication::publish_due(const Now& now) {
  if (is_news() || next_deadline() <= now.mono) return publish(now), Published::everything;
  if (replicas_told_) return Published::nothing;
  give();
  if (publisher_.is_watched(Interest::consensus)) publisher_.flush();
  return Published::replicas;
}

void Publication::publish_end(const Now& now) {
  status_.reset();
  publish(now);
}

void Publication::publish(const Now& now) {
  // The node tells of a change when it has looked itself; looking in between would keep those events from it.
  if (!status_ || node_.changed() || next_deadline() <= now.mono) {
    status_ = node_.snapshot(now);
    looked_at_ = now.mono;
    refresh_ = false;
  }
  if (!catalog_ || catalog_changed_)
    catalog_ = std::make_shared<const std::vector<identity::EntryRef>>(node_.catalog(now));
  catalog_changed_ = false;
  own_ = node_.own_entry();
  give();
  publisher_.flush();
  for (Task& done : std::exchange(looks_, {})) done();
}

void Publication::give() {
  // A reader takes all parts of a snapshot for granted but the replicas.
  MOSAIK_ASSERT(status_ && catalog_ && own_);
  publisher_.publish({.status = status_, .catalog = catalog_, .own = own_, .replicas = replicas_});
  replicas_told_ = true;
  check_invariants();
}

void Publication::check_invariants() const {
  // A group with a machine has one status: a wait would see the older of two.
  const std::span<const ReplicaStatus> all = replicas_.view();
  MOSAIK_ASSERT(std::ranges::adjacent_find(all, {}, &ReplicaStatus::group) == all.end());
}

}  // namespace mosaik::runtime
