#include "discovery/sync/catalog_sync.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "wire/messages.hpp"

namespace mosaik::discovery {

namespace {

/// What the catalog said of the peer's own entry, as the result of a sync with it.
Result<> result_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::added:
    case Verdict::updated:
    case Verdict::not_news: return {};
    case Verdict::wrong_network: return fail(Errc::wrong_network, "it is of another network");
    case Verdict::from_the_future:
      return fail(Errc::from_the_future, "its entry is dated in the future; compare its clock with ours");
    case Verdict::stale: return fail(Errc::stale, "its entry is stale; compare its clock with ours");
    case Verdict::departed: return fail(Errc::stale, "its entry is of a run that has signed off");
    case Verdict::full: return fail(Errc::limit, "the catalog is full");
    case Verdict::own_id: break;
  }
  return fail(Errc::refused, "it has our own id");
}

}  // namespace

Frame CatalogSync::encode(std::span<const identity::EntryRef> entries) {
  std::vector<BytesView> views;
  views.reserve(entries.size());
  for (const identity::EntryRef& entry : entries) views.emplace_back(entry->bytes);
  wire::Out out;
  wire::encode_snapshot(views, out);
  MOSAIK_ASSERT(out.size() <= limits::sync_frame);
  return pool_.make(out);
}

Frame CatalogSync::frame(const Now& now, Scope scope) {
  return scope == Scope::catalog ? catalog_frame(now) : encode(std::span(&peers_.own_entry(), 1));
}

Frame CatalogSync::catalog_frame(const Now& now) {
  const Catalog& catalog = peers_.catalog();
  const identity::EntryRef& own = peers_.own_entry();
  const bool usable = cached_.frame && cached_.generation == catalog.generation() && cached_.own == own->digest &&
                      now.mono < cached_.until;
  if (usable) return cached_.frame;
  constexpr std::size_t room_for_count = 10;
  cached_.frame = encode(catalog.selection(own, limits::snapshot_entries, limits::sync_frame - room_for_count, now));
  cached_.generation = catalog.generation();
  cached_.own = own->digest;
  cached_.until = now.mono + std::min(catalog.next_stale(now), Nanoseconds(1s));
  return cached_.frame;
}

CatalogSync::Merged CatalogSync::merge(const Now& now, const PeerId& from, const CatalogSnapshot& snapshot,
                                       Events& events) {
  Merged out;
  if (snapshot.theirs)
    out.result = result_of(peers_.accept(now, *snapshot.theirs, from, events));
  else
    out.result = std::unexpected(snapshot.theirs.error());
  for (const wire::SignedEntryView& view : snapshot.news) {
    const auto entry = validation_.verify(now, view);
    if (entry) peers_.accept(now, *entry, from, events);
    if (entry || entry.error().code != Errc::limit) continue;
    out.cut_short = out.result.has_value();
    break;
  }
  return out;
}

}  // namespace mosaik::discovery
