// Entries that come and go.

#include <algorithm>

#include "discovery/impl.hpp"

namespace mosaik::discovery {

bool Discovery::Impl::feed(const Now& now, const identity::EntryRef& entry, Facts& events) {
  const Verdict verdict = accept(now, entry, PeerId{}, events);
  return verdict == Verdict::added || verdict == Verdict::updated;
}

/// `from` is whose link brought it; zero when a bond did.
Verdict Discovery::Impl::accept(const Now& now, const identity::EntryRef& entry, const PeerId& from, Facts& events) {
  const PeerId& id = entry->id();
  const Standing standing = bonded_.contains(id) ? Standing::bonded
                            : id == from         ? Standing::contacted
                                                 : Standing::heard_of;
  const Catalog::Merged merged = catalog_.merge(entry, standing, now);
  for (const identity::EntryRef& gone : merged.evicted) left(now, gone, false, events);
  if (!merged.evicted.empty() || merged.verdict == Verdict::full) {
    notices_.say(
        now, Notice::Kind::catalog_full, from,
        "the catalog is full with " + std::to_string(catalog_.size()) + " entries; those longest unheard leave",
        events);
  }
  switch (merged.verdict) {
    case Verdict::added:
      events.emplace_back(Discovered{entry});
      sync_scheduler_.know(id);
      greet(now, entry, from);
      break;
    case Verdict::updated:
      events.emplace_back(Updated{entry});
      // A new run of the peer has forgotten us.
      if (merged.new_run) {
        sync_scheduler_.forget(id);
        sync_scheduler_.know(id);
        greet(now, entry, from);
      }
      if (bond_will_tell(entry)) sync_scheduler_.postpone(id, now.mono + bond_first);
      break;
    case Verdict::not_news: break;
    case Verdict::own_id: entry_validation_.note_own_id(now, entry->entry, events); break;
    default: note_refused(now, entry, from, merged.verdict, events); break;
  }
  plan_purge(now);
  return merged.verdict;
}

// A Rust peer has to hear of us by a sync (spec: discovery 4.13 a). A C++ peer with a common group gets our entry in
// the bond's handshake; one without gets it by a sync too, but after a while, for we may be about to join a group. A
// first sync carries all that we know: when two halves of a network meet, whoever is greeted learns of the other half.
void Discovery::Impl::greet(const Now& now, const identity::EntryRef& entry, const PeerId& from) {
  const PeerId& id = entry->id();
  if (bonded_.contains(id)) return;
  if (bond_will_tell(entry)) return;
  const bool cpp = entry->labelled_cpp();
  Nanoseconds pause = cpp ? rng_.between(500ms, 2s) : rng_.between(0ms, 100ms);
  // It is in a sync with us right now; when that ends well it has our entry.
  if (id == from) pause = limits::accept_timeout;
  sync_scheduler_.owe(id, now.mono + pause, Scope::catalog);
}

bool Discovery::Impl::bond_will_tell(const identity::EntryRef& entry) const {
  return entry->labelled_cpp() && shares_group(entry->entry);
}

bool Discovery::Impl::shares_group(const PeerEntry& entry) const {
  const auto& ours = self_.entry()->entry.groups;
  return std::ranges::any_of(ours,
                             [&](const GroupId& group) { return std::ranges::binary_search(entry.groups, group); });
}

void Discovery::Impl::note_refused(const Now& now, const identity::EntryRef& entry, const PeerId& from, Verdict verdict,
                                   Facts& events) {
  ++counters_.entries_refused;
  const PeerId& id = entry->id();
  if (verdict == Verdict::from_the_future) {
    notices_.say(now, Notice::Kind::from_the_future, id,
                 "the entry of peer " + id.brief() + " is dated in the future; compare its clock with ours", events);
  }
  if (verdict == Verdict::stale && id == from) {
    notices_.say(now, Notice::Kind::stale_on_arrival, id,
                 "peer " + id.brief() + " presented an entry that is stale already; compare its clock with ours",
                 events);
  }
}

void Discovery::Impl::on_departure(const Now& now, const PeerId& peer, Facts& events) {
  // The bond was with one run; a later run of the peer may be known already, and stays.
  const auto bond = bonded_.find(peer);
  std::int64_t started = bond == bonded_.end() ? 0 : bond->second;
  if (started == 0) {
    const identity::EntryRef known = catalog_.find(peer, now);
    if (!known) return;
    started = known->entry.version.started;
  }
  if (const identity::EntryRef gone = catalog_.depart(peer, started, now)) left(now, gone, true, events);
  plan_purge(now);
}

void Discovery::Impl::left(const Now& now, const identity::EntryRef& entry, bool signed_off, Facts& events) {
  events.emplace_back(Departed{entry, signed_off});
  sync_scheduler_.forget(entry->id());
  if (!started_) return;
  bootstrap_.lost(now, entry->id(), company(), rng_);
  if (company() == Company::alone) bootstrap_.alone(now, rng_);
}

void Discovery::Impl::set_bonded(const Now& now, const PeerId& peer, bool bonded) {
  if (!bonded) {
    bonded_.erase(peer);
    // It may come back knowing nobody, and we may be the only one who was told of it.
    if (started_) bootstrap_.lost(now, peer, company(), rng_);
    catalog_.set_standing(peer, Standing::contacted);
    return;
  }
  bonded_[peer] = catalog_.started_of(peer);
  catalog_.set_standing(peer, Standing::bonded);
  sync_scheduler_.cancel(peer);
  bootstrap_.bonded(peer);
}

void Discovery::Impl::purge(const Now& now, Facts& events) {
  for (const identity::EntryRef& gone : catalog_.purge(now)) left(now, gone, false, events);
  plan_purge(now);
}

void Discovery::Impl::plan_purge(const Now& now) {
  purge_at_ = catalog_.empty() ? never : now.mono + std::min(catalog_.next_stale(now), purge_pause);
}

}  // namespace mosaik::discovery
