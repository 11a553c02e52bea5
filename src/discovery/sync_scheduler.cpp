#include "discovery/sync_scheduler.hpp"

#include <algorithm>

namespace mosaik::discovery {

void SyncScheduler::unqueue(const PeerId& peer, const Contact& contact) {
  (contact.proven ? proven_ : unproven_).erase({contact.due, peer});
}

void SyncScheduler::enqueue(const PeerId& peer, const Contact& contact) {
  if (contact.running || contact.due == never) return;
  (contact.proven ? proven_ : unproven_).emplace(contact.due, peer);
}

void SyncScheduler::owe(const PeerId& peer, Mono at, Scope scope) {
  Contact& contact = contacts_.try_emplace(peer).first->second;
  // A failing peer already has its time to come back; news about us is no reason to come earlier.
  if (contact.failing && contact.due != never) at = std::max(at, contact.due);
  unqueue(peer, contact);
  contact.scope = contact.due == never ? scope : std::max(contact.scope, scope);
  contact.due = std::min(contact.due, at);
  enqueue(peer, contact);
}

void SyncScheduler::postpone(const PeerId& peer, Mono at) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end() || found->second.due == never) return;
  unqueue(peer, found->second);
  found->second.due = std::max(found->second.due, at);
  enqueue(peer, found->second);
}

void SyncScheduler::forget(const PeerId& peer) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end()) return;
  unqueue(peer, found->second);
  contacts_.erase(found);
}

void SyncScheduler::cancel(const PeerId& peer) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end()) return;
  unqueue(peer, found->second);
  found->second.due = never;
}

std::optional<SyncScheduler::Task> SyncScheduler::take(const Now& now, Admit admit) {
  Queue* queue = &proven_;
  const auto is_due = [&](const Queue& from) { return !from.empty() && from.begin()->first <= now.mono; };
  if (!is_due(*queue)) queue = &unproven_;
  if (!is_due(*queue) || (queue == &unproven_ && admit == Admit::proven)) return std::nullopt;
  const PeerId peer = queue->begin()->second;
  queue->erase(queue->begin());
  Contact& contact = contacts_.at(peer);
  contact.due = never;
  contact.running = true;
  return Task{peer, contact.scope};
}

void SyncScheduler::defer(const PeerId& peer, Mono at, Scope scope) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end()) return;
  Contact& contact = found->second;
  unqueue(peer, contact);
  contact.running = false;
  contact.scope = contact.due == never ? scope : std::max(contact.scope, scope);
  contact.due = at;
  enqueue(peer, contact);
}

void SyncScheduler::told(const PeerId& peer, std::int64_t version) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end()) return;
  Contact& contact = found->second;
  unqueue(peer, contact);
  contact.running = false;
  contact.failing = false;
  contact.proven = true;
  contact.backoff.reset();
  if (version >= version_) contact.due = never;
  enqueue(peer, contact);
}

void SyncScheduler::failed(const Now& now, const PeerId& peer, Scope scope, Rng& rng) {
  const auto found = contacts_.find(peer);
  if (found == contacts_.end()) return;
  Contact& contact = found->second;
  unqueue(peer, contact);
  contact.running = false;
  contact.failing = true;
  contact.proven = false;
  contact.scope = contact.due == never ? scope : std::max(contact.scope, scope);
  contact.due = now.mono + contact.backoff.next(retry_least, retry_most, rng);
  enqueue(peer, contact);
}

Mono SyncScheduler::deadline(Admit admit) const {
  Mono out = proven_.empty() ? never : proven_.begin()->first;
  if (admit == Admit::all && !unproven_.empty()) out = std::min(out, unproven_.begin()->first);
  return out;
}

}  // namespace mosaik::discovery
