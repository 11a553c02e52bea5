#include "discovery/catalog/entry_validation.hpp"

#include "base/trace.hpp"
#include "wire/messages.hpp"

namespace mosaik::discovery {
namespace {
void trace_refusal(const PeerId& about, std::string_view reason) {
  trace([&] { return Decision{.component = "discovery", .what = "entry_refused", .reason = reason, .peer = about}; });
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::wrong_network: return "other_network";
    case Verdict::from_the_future: return "dated_in_the_future";
    case Verdict::stale: return "stale";
    case Verdict::departed: return "departed";
    case Verdict::full: return "catalog_is_full";
    default: return "no_news";
  }
}
}  // namespace

Result<CatalogSnapshot> EntryValidation::read(const Now& now, const PeerId& from, BytesView payload, Events& events) {
  const auto views = wire::decode_snapshot(payload);
  if (!views) {
    if (views.error().code == Errc::old_entry_layout) diagnostics_.old_layout(now, from, events);
    return std::unexpected(views.error());
  }
  CatalogSnapshot out;
  for (const wire::SignedEntryView& view : *views) sort_in(now, from, view, out, events);
  return out;
}

void EntryValidation::sort_in(const Now& now, const PeerId& from, const wire::SignedEntryView& view,
                              CatalogSnapshot& out, Events& events) {
  const auto entry = wire::decode_entry(view.entry);
  if (!entry) {
    trace_refusal(from, "undecodable");
    ++diagnostics_.counters.entries_refused;
    return;
  }
  if (entry->id == from) {
    // Of several entries of the sender the first that holds is taken: each costs it one of ours to check.
    if (!out.theirs && out.theirs.error().code == Errc::not_found) out.theirs = verify_own(now, from, view, events);
    return;
  }
  const Verdict verdict = catalog_.judge(*entry, now);
  switch (verdict) {
    case Verdict::added:
    case Verdict::updated: out.news.push_back(view); return;
    case Verdict::not_news: return;
    case Verdict::own_id: check_own_id(now, *entry, view, events); return;
    case Verdict::from_the_future: diagnostics_.future_handed_on(now, from, entry->id, events); break;
    default: break;
  }
  trace_refusal(entry->id, name_of(verdict));
  ++diagnostics_.counters.entries_refused;
}

Result<identity::EntryRef> EntryValidation::verify_own(const Now& now, const PeerId& from,
                                                       const wire::SignedEntryView& view, Events& events) {
  auto entry = verifier_.verify(view);
  if (!entry) {
    trace_refusal(from, entry.error().message);
    ++diagnostics_.counters.entries_refused;
    return entry;
  }
  if ((*entry)->id() != from)
    return fail(Errc::refused, "it sent the entry of another peer, " + (*entry)->id().brief());
  if ((*entry)->entry.network == network_) return entry;
  trace_refusal(from, "other_network");
  ++diagnostics_.counters.entries_refused;
  diagnostics_.other_network(now, from, (*entry)->entry.network, network_, events);
  return fail(Errc::wrong_network, "it is of another network");
}

Result<identity::EntryRef> EntryValidation::verify(const Now& now, const wire::SignedEntryView& view) {
  if (!budget_.ready(now.boot)) return fail(Errc::limit, "too many new entries at once");
  const std::uint64_t before = verifier_.verifications();
  auto entry = verifier_.verify(view);
  budget_.spend(now.boot, verifier_.verifications() - before);
  if (!entry) ++diagnostics_.counters.entries_refused;
  if (!entry) trace_refusal({}, entry.error().message);
  return entry;
}

void EntryValidation::check_own_id(const Now& now, const PeerEntry& entry, const wire::SignedEntryView& view,
                                   Events& events) {
  if (entry.version.started <= self_.started()) return;
  if (const auto verified = verify(now, view))
    diagnostics_.own_id_seen(now, self_.entry()->entry, (*verified)->entry, events);
}

}  // namespace mosaik::discovery
