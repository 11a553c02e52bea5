#include "discovery/sync/sync_scheduler.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::discovery {

template <class Edit>
void SyncScheduler::change(const PeerId& peer, const Edit& edit) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  Peer& known = found->second;
  if (known.queued()) {
    const bool was_queued = queue_of(known).erase({known.due, peer}) == 1;
    MOSAIK_ASSERT(was_queued);
  }
  edit(known);
  if (known.queued()) queue_of(known).emplace(known.due, peer);
}

void SyncScheduler::owe(const PeerId& peer, Mono at, Scope scope) {
  change(peer, [&](Peer& known) {
    // A failing peer already has its time to come back; news about us is no reason to come earlier.
    if (known.trust == Trust::failing && known.due != never) at = std::max(at, known.due);
    known.owe(scope);
    known.due = std::min(known.due, at);
  });
}

void SyncScheduler::postpone(const PeerId& peer, Mono at) {
  change(peer, [&](Peer& known) {
    if (known.due != never) known.due = std::max(known.due, at);
  });
}

void SyncScheduler::forget(const PeerId& peer) {
  cancel(peer);
  peers_.erase(peer);
}

void SyncScheduler::cancel(const PeerId& peer) {
  change(peer, [](Peer& known) { known.due = never; });
}

std::optional<SyncScheduler::Task> SyncScheduler::take(const Now& now, Admit admit) {
  const auto is_due = [&](const Queue& from) { return !from.empty() && from.begin()->first <= now.mono; };
  const Queue& queue = is_due(proven_) ? proven_ : unproven_;
  if (!is_due(queue) || (&queue == &unproven_ && admit == Admit::proven)) return std::nullopt;
  Task out{.peer = queue.begin()->second, .scope = {}};
  change(out.peer, [&](Peer& known) {
    out.scope = known.scope;
    known.due = never;
    known.running = Running::yes;
  });
  return out;
}

void SyncScheduler::defer(const PeerId& peer, Mono at, Scope scope) {
  change(peer, [&](Peer& known) {
    known.running = Running::no;
    known.owe(scope);
    known.due = at;
  });
}

void SyncScheduler::told(const PeerId& peer, std::int64_t version) {
  change(peer, [&](Peer& known) {
    known.running = Running::no;
    known.trust = Trust::proven;
    known.backoff.reset();
    if (version >= version_) known.due = never;
  });
}

void SyncScheduler::failed(const Now& now, const PeerId& peer, Scope scope, Rng& rng) {
  change(peer, [&](Peer& known) {
    known.running = Running::no;
    known.trust = Trust::failing;
    known.owe(scope);
    known.due = now.mono + known.backoff.next(retry_least, retry_most, rng);
  });
}

Mono SyncScheduler::deadline(Admit admit) const {
  Mono out = proven_.empty() ? never : proven_.begin()->first;
  if (admit == Admit::all && !unproven_.empty()) out = std::min(out, unproven_.begin()->first);
  return out;
}

void SyncScheduler::check_invariants() const {
  std::size_t queued = 0;
  for (const auto& [peer, known] : peers_) {
    if (!known.queued()) continue;
    ++queued;
    // A peer that is owed our entry and in no queue never gets it. One that does not answer, and is in the queue of the
    // proven ones, delays the living.
    MOSAIK_ASSERT((known.trust == Trust::proven ? proven_ : unproven_).contains({known.due, peer}));
  }
  MOSAIK_ASSERT(proven_.size() + unproven_.size() == queued);
}

}  // namespace mosaik::discovery
