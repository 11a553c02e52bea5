#include "discovery/catalog/peer_directory.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::discovery {

Verdict PeerDirectory::accept(const Now& now, const identity::EntryRef& entry, const PeerId& from, Events& events) {
  const PeerId& id = entry->id();
  const Standing standing = is_bonded(id) ? Standing::bonded : id == from ? Standing::contacted : Standing::heard_of;
  const Catalog::Merged merged = catalog_.merge(entry, standing, now);
  for (const identity::EntryRef& gone : merged.evicted) let_go(now, gone, Leaving::stale, events);
  if (!merged.evicted.empty() || merged.verdict == Verdict::full)
    diagnostics_.catalog_full(now, from, catalog_.size(), events);
  switch (merged.verdict) {
    case Verdict::added:
      events.emplace_back(Discovered{entry});
      tell(now, entry, from, CatalogObserver::Change::added);
      break;
    case Verdict::updated:
      events.emplace_back(Updated{entry});
      tell(now, entry, from, merged.new_run ? CatalogObserver::Change::new_run : CatalogObserver::Change::updated);
      break;
    case Verdict::not_news: break;
    case Verdict::own_id: diagnostics_.own_id_seen(now, self_.entry()->entry, entry->entry, events); break;
    default: refuse(now, entry, from, merged.verdict, events); break;
  }
  plan_purge(now);
  return merged.verdict;
}

void PeerDirectory::tell(const Now& now, const identity::EntryRef& entry, const PeerId& from,
                         CatalogObserver::Change change) {
  for (CatalogObserver* const observer : observers_) observer->on_entry(now, entry, from, change);
}

void PeerDirectory::refuse(const Now& now, const identity::EntryRef& entry, const PeerId& from, Verdict verdict,
                           Events& events) {
  ++diagnostics_.counters.entries_refused;
  const PeerId& id = entry->id();
  if (verdict == Verdict::from_the_future) diagnostics_.from_the_future(now, id, events);
  if (verdict == Verdict::stale && id == from) diagnostics_.stale_on_arrival(now, id, events);
}

void PeerDirectory::on_departure(const Now& now, const PeerId& peer, Events& events) {
  // The bond was with one run; a later run of the peer may be known already, and stays.
  const auto bond = bonded_.find(peer);
  std::int64_t started = bond == bonded_.end() ? 0 : bond->second;
  if (started == 0) {
    const identity::EntryRef known = catalog_.find(peer, now);
    if (!known) return;
    started = known->entry.version.started;
  }
  if (const identity::EntryRef gone = catalog_.depart(peer, started, now))
    let_go(now, gone, Leaving::signed_off, events);
  plan_purge(now);
}

void PeerDirectory::let_go(const Now& now, const identity::EntryRef& entry, Leaving how, Events& events) {
  events.emplace_back(Departed{entry, how == Leaving::signed_off});
  for (CatalogObserver* const observer : observers_) observer->on_entry_gone(now, entry->id());
}

void PeerDirectory::on_bond(const Now& now, const PeerId& peer, BondState state) {
  if (state == BondState::up)
    bonded_[peer] = catalog_.started_of(peer);
  else
    bonded_.erase(peer);
  catalog_.set_standing(peer, state == BondState::up ? Standing::bonded : Standing::contacted);
  for (CatalogObserver* const observer : observers_) observer->on_bond(now, peer, state);
}

void PeerDirectory::purge_when_due(const Now& now, Events& events) {
  if (now.mono < purge_at_) return;
  for (const identity::EntryRef& gone : catalog_.purge(now)) let_go(now, gone, Leaving::stale, events);
  plan_purge(now);
}

void PeerDirectory::plan_purge(const Now& now) {
  purge_at_ = catalog_.empty() ? never : now.mono + std::min(catalog_.next_stale(now), purge_pause);
}

PeerId PeerDirectory::bonded_after(const PeerId& last) const {
  if (bonded_.empty()) return {};
  const auto next = bonded_.upper_bound(last);
  return (next == bonded_.end() ? bonded_.begin() : next)->first;
}

std::vector<SocketAddress> PeerDirectory::addresses_of(const Now& now, const PeerId& peer,
                                                       std::vector<SocketAddress> given) const {
  if (const identity::EntryRef entry = catalog_.find(peer, now))
    for (const SocketAddress& address : entry->entry.sockets()) given.push_back(address);
  return given;
}

// Only while the peer says itself that it is there: addresses get other owners, and the peer that we look for may be
// the next.
bool PeerDirectory::is_settled_at(const Now& now, const PeerId& peer, const SocketAddress& address) const {
  if (peer != own_id() && !is_bonded(peer)) return false;
  const identity::EntryRef entry = peer == own_id() ? own_entry() : catalog_.find(peer, now);
  if (!entry) return false;
  const std::vector<SocketAddress> named = entry->entry.sockets();
  return std::ranges::find(named, address) != named.end();
}

bool PeerDirectory::bond_will_tell(const identity::EntryRef& entry) const {
  const std::vector<GroupId>& ours = own_entry()->entry.groups;
  return entry->labelled_cpp() && std::ranges::any_of(ours, [&](const GroupId& group) { return entry->names(group); });
}

void PeerDirectory::check_invariants() const {
  catalog_.check_invariants();
  // Strangers can displace only strangers: the standing of a peer that has a bond, and of no other, is the highest.
  std::size_t bonded = 0;
  for (const auto& [peer, run] : bonded_)
    if (const auto standing = catalog_.standing_of(peer)) {
      MOSAIK_ASSERT(*standing == Standing::bonded);
      ++bonded;
    }
  MOSAIK_ASSERT(catalog_.count(Standing::bonded) == bonded);
  // An entry that goes stale leaves, and a peer that died is not kept for ever.
  MOSAIK_ASSERT((purge_at_ == never) == catalog_.empty());
  MOSAIK_ASSERT(!bonded_.contains(own_id()));
}

}  // namespace mosaik::discovery
