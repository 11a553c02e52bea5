#include "discovery/catalog/catalog.hpp"

#include <algorithm>

#include <limits>
#include "base/code_probe.hpp"

#include "base/assert.hpp"

namespace mosaik::discovery {

namespace {

std::int64_t milliseconds(Nanoseconds value) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
}

std::size_t index_of(Standing standing) {
  return static_cast<std::size_t>(standing);
}

}  // namespace

// The entry's date is a stranger's number: it is only ever compared, never added to (spec: discovery 8 W5).
bool Catalog::is_stale(const PeerEntry& entry, const Now& now) const {
  return entry.version.updated < now.wall.milliseconds - milliseconds(rules_.stale_after);
}

bool Catalog::is_stale(const Record& record, const Now& now) const {
  return is_stale(record.entry->entry, now) || now.boot - record.heard > rules_.stale_after;
}

bool Catalog::is_buried(const PeerEntry& entry, const Now& now) const {
  const auto found = tombstones_.find(entry.id);
  if (found == tombstones_.end()) return false;
  const Tombstone& grave = found->second;
  if (grave.until < now.boot || entry.version > grave.floor) return false;
  if (!grave.last_words || entry.groups.empty() || entry.version <= *grave.last_words) return true;
  MOSAIK_CODE_PROBE("discovery.rejoined_in_one_run");
  return false;
}

Verdict Catalog::judge(const PeerEntry& entry, const Now& now) const {
  if (entry.network != rules_.network) return Verdict::wrong_network;
  if (entry.id == rules_.self) return Verdict::own_id;
  if (entry.version.updated > now.wall.milliseconds + milliseconds(rules_.clock_drift)) return Verdict::from_the_future;
  if (is_stale(entry, now)) return Verdict::stale;
  if (is_buried(entry, now)) {
    MOSAIK_CODE_PROBE("discovery.buried");
    return Verdict::departed;
  }
  const auto known = records_.find(entry.id);
  if (known == records_.end()) return Verdict::added;
  return entry.version > known->second.entry->entry.version ? Verdict::updated : Verdict::not_news;
}

Catalog::Merged Catalog::merge(const identity::EntryRef& entry, Standing standing, const Now& now) {
  Merged out{.verdict = judge(entry->entry, now), .new_run = false, .evicted = {}};
  const PeerId& id = entry->id();
  if (out.verdict != Verdict::added && out.verdict != Verdict::updated) {
    if (out.verdict == Verdict::not_news) raise_standing(id, standing);
    return out;
  }
  const auto known = records_.find(id);
  const bool is_new = known == records_.end();
  std::size_t more_bytes = entry->bytes.size();
  if (!is_new) {
    standing = std::max(standing, known->second.standing);
    const std::size_t before = known->second.entry->bytes.size();
    more_bytes = more_bytes > before ? more_bytes - before : 0;
    out.new_run = entry->entry.version.started != known->second.entry->entry.version.started;
  }
  const auto leaving = victims(id, standing, is_new ? 1 : 0, more_bytes);
  if (!leaving) {
    out.verdict = Verdict::full;
    return out;
  }
  for (const PeerId& peer : *leaving) out.evicted.push_back(take_out(peer));
  if (!is_new) take_out(id);
  insert(entry, standing, now);
  return out;
}

std::optional<std::vector<PeerId>> Catalog::victims(const PeerId& newcomer, Standing standing, std::size_t entries,
                                                    std::size_t bytes) const {
  std::vector<PeerId> out;
  std::size_t entries_after = records_.size() + entries;
  std::size_t bytes_after = bytes_ + bytes;
  const auto fits = [&] { return entries_after <= rules_.entries && bytes_after <= rules_.bytes; };
  const std::size_t highest = index_of(std::min(standing, Standing::contacted));
  for (std::size_t level = 0; level <= highest && !fits(); ++level) {
    for (const auto& [heard, peer] : by_heard_[level]) {
      if (fits()) break;
      if (peer == newcomer) continue;
      out.push_back(peer);
      --entries_after;
      bytes_after -= records_.at(peer).entry->bytes.size();
    }
  }
  if (!fits()) return std::nullopt;
  return out;
}

void Catalog::insert(const identity::EntryRef& entry, Standing standing, const Now& now) {
  const PeerId& id = entry->id();
  const bool fresh = records_.emplace(id, Record{entry, now.boot, standing}).second;
  MOSAIK_ASSERT(fresh);
  by_date_.emplace(entry->entry.version.updated, id);
  by_heard_[index_of(standing)].emplace(now.boot, id);
  bytes_ += entry->bytes.size();
  ++generation_;
}

identity::EntryRef Catalog::take_out(const PeerId& peer) {
  const auto found = records_.find(peer);
  MOSAIK_ASSERT(found != records_.end());
  // A copy: `peer` may live in one of the indices that shrink here.
  const PeerId id = found->first;
  const Record record = found->second;
  by_date_.erase({record.entry->entry.version.updated, id});
  by_heard_[index_of(record.standing)].erase({record.heard, id});
  bytes_ -= record.entry->bytes.size();
  records_.erase(found);
  ++generation_;
  return record.entry;
}

void Catalog::set_standing(const PeerId& peer, Standing standing) {
  const auto found = records_.find(peer);
  if (found == records_.end()) return;
  Record& record = found->second;
  by_heard_[index_of(record.standing)].erase({record.heard, peer});
  record.standing = standing;
  by_heard_[index_of(standing)].emplace(record.heard, peer);
}

void Catalog::raise_standing(const PeerId& peer, Standing standing) {
  const auto found = records_.find(peer);
  if (found != records_.end() && found->second.standing < standing) set_standing(peer, standing);
}

identity::EntryRef Catalog::depart(const PeerId& peer, std::int64_t started, const Now& now) {
  Tombstone* const grave = bury(peer, {started, std::numeric_limits<std::int64_t>::max()}, now);
  const auto found = records_.find(peer);
  if (found == records_.end() || found->second.entry->entry.version.started > started) return {};
  // A Rust peer answers pings with versions that it does not keep, so that newer means nothing there.
  const identity::EntryRef last = take_out(found->first);
  if (grave != nullptr && last->labelled_cpp() && last->entry.groups.empty()) grave->last_words = last->entry.version;
  return last;
}

// An entry of the run can be dated up to the drift bound ahead of us, and is refused as stale only stale_after later.
Catalog::Tombstone* Catalog::bury(const PeerId& peer, const EntryVersion& floor, const Now& now) {
  if (const auto found = tombstones_.find(peer); found != tombstones_.end()) {
    tombstones_by_end_.erase({found->second.until, peer});
    found->second.floor = std::max(found->second.floor, floor);
    found->second.until = now.boot + rules_.stale_after + rules_.clock_drift;
    found->second.last_words.reset();
    tombstones_by_end_.emplace(found->second.until, peer);
    return &found->second;
  }
  if (rules_.tombstones == 0) return nullptr;
  if (tombstones_.size() >= rules_.tombstones) {
    tombstones_.erase(tombstones_by_end_.begin()->second);
    tombstones_by_end_.erase(tombstones_by_end_.begin());
  }
  const Boot until = now.boot + rules_.stale_after + rules_.clock_drift;
  tombstones_by_end_.emplace(until, peer);
  return &tombstones_.emplace(peer, Tombstone{floor, until, {}}).first->second;
}

std::vector<identity::EntryRef> Catalog::purge(const Now& now) {
  std::vector<identity::EntryRef> out;
  while (!by_date_.empty() && is_stale(records_.at(by_date_.begin()->second).entry->entry, now)) {
    MOSAIK_CODE_PROBE("discovery.stale_purged");
    out.push_back(take_out(by_date_.begin()->second));
  }
  for (auto& level : by_heard_) {
    while (!level.empty() && is_stale(records_.at(level.begin()->second), now)) {
      out.push_back(take_out(level.begin()->second));
      // By its date it is fresh, so another node could hand it back and we to that node, for ever.
      bury(out.back()->id(), out.back()->entry.version, now);
    }
  }
  while (!tombstones_by_end_.empty() && tombstones_by_end_.begin()->first < now.boot) {
    tombstones_.erase(tombstones_by_end_.begin()->second);
    tombstones_by_end_.erase(tombstones_by_end_.begin());
  }
  return out;
}

identity::EntryRef Catalog::find(const PeerId& peer, const Now& now) const {
  const auto found = records_.find(peer);
  if (found == records_.end() || is_stale(found->second, now)) return {};
  return found->second.entry;
}

std::int64_t Catalog::started_of(const PeerId& peer) const {
  const auto found = records_.find(peer);
  return found == records_.end() ? 0 : found->second.entry->entry.version.started;
}

std::optional<Standing> Catalog::standing_of(const PeerId& peer) const {
  const auto found = records_.find(peer);
  return found == records_.end() ? std::nullopt : std::optional(found->second.standing);
}

std::vector<identity::EntryRef> Catalog::entries(const Now& now) const {
  std::vector<identity::EntryRef> out;
  out.reserve(records_.size());
  for (const auto& [id, record] : records_)
    if (!is_stale(record, now)) out.push_back(record.entry);
  return out;
}

std::vector<identity::EntryRef> Catalog::selection(const identity::EntryRef& own, std::size_t most_entries,
                                                   std::size_t most_bytes, const Now& now) const {
  std::vector<identity::EntryRef> out{own};
  std::size_t total = own->bytes.size();
  for (auto level = by_heard_.rbegin(); level != by_heard_.rend(); ++level) {
    for (auto item = level->rbegin(); item != level->rend() && out.size() < most_entries; ++item) {
      const Record& record = records_.at(item->second);
      if (is_stale(record, now) || total + record.entry->bytes.size() > most_bytes) continue;
      total += record.entry->bytes.size();
      out.push_back(record.entry);
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a->id() < b->id(); });
  return out;
}

Nanoseconds Catalog::next_stale(const Now& now) const {
  Nanoseconds out = Nanoseconds::max();
  if (!by_date_.empty()) {
    // Entries in here were within the drift bound of our clock once; since then the clock may have jumped anywhere.
    const std::int64_t lifetime = milliseconds(rules_.stale_after);
    const std::int64_t left = by_date_.begin()->first + lifetime - now.wall.milliseconds + 1;
    out = std::chrono::milliseconds(std::clamp<std::int64_t>(left, 0, lifetime));
  }
  for (const auto& level : by_heard_)
    if (!level.empty()) out = std::min(out, level.begin()->first + rules_.stale_after - now.boot + 1ns);
  return std::max(out, Nanoseconds::zero());
}

void Catalog::check_invariants() const {
  std::size_t bytes = 0;
  for (const auto& [id, record] : records_) {
    const PeerEntry& entry = record.entry->entry;
    bytes += record.entry->bytes.size();
    // No peer speaks for another one, or for us.
    MOSAIK_ASSERT(entry.id == id && id != rules_.self && entry.network == rules_.network);
    // Each entry goes stale, by its date and by the time since it was heard; the index of its standing protects it.
    MOSAIK_ASSERT(by_date_.contains({entry.version.updated, id}));
    MOSAIK_ASSERT(by_heard_[index_of(record.standing)].contains({record.heard, id}));
  }
  std::size_t heard = 0;
  for (const auto& level : by_heard_) heard += level.size();
  MOSAIK_ASSERT(by_date_.size() == records_.size() && heard == records_.size());
  // A flood of entries costs bounded memory: the sum that the limit is held to is the true one.
  MOSAIK_ASSERT(bytes_ == bytes && bytes_ <= rules_.bytes && records_.size() <= rules_.entries);
  // So do departures; each tombstone ends, and none before its time.
  MOSAIK_ASSERT(tombstones_.size() <= rules_.tombstones && tombstones_by_end_.size() == tombstones_.size());
  for (const auto& [id, grave] : tombstones_) MOSAIK_ASSERT(tombstones_by_end_.contains({grave.until, id}));
}

}  // namespace mosaik::discovery
