#include "discovery/entry_validation.hpp"

#include <algorithm>

#include "wire/messages.hpp"

namespace mosaik::discovery {

Result<Snapshot> EntryValidation::read(const Now& now, const PeerId& from, BytesView payload,
                                       std::vector<DiscoveryEvent>& events) {
  const auto views = wire::decode_snapshot(payload);
  if (!views) {
    if (views.error().code == Errc::old_entry_layout) note_old_layout(now, from, events);
    return std::unexpected(views.error());
  }
  Snapshot out;
  for (const wire::SignedEntryView& view : *views) sort_in(now, from, view, out, events);
  return out;
}

void EntryValidation::sort_in(const Now& now, const PeerId& from, const wire::SignedEntryView& view, Snapshot& out,
                              std::vector<DiscoveryEvent>& events) {
  const auto entry = wire::decode_entry(view.entry);
  if (!entry) {
    ++counters_.entries_refused;
    return;
  }
  if (entry->id == from) {
    // Of several entries of the sender the first that holds is taken: each costs it one of ours to check.
    if (!out.theirs && out.theirs.error().code == Errc::not_found) out.theirs = verify_own(now, from, view, events);
    return;
  }
  switch (catalog_.judge(*entry, now)) {
    case Verdict::added:
    case Verdict::updated: out.news.push_back(view); return;
    case Verdict::not_news: return;
    case Verdict::own_id: check_own_id(now, *entry, view, events); return;
    case Verdict::from_the_future:
      notices_.say(now, Notice::Kind::from_the_future, from,
                   "peer " + from.brief() + " handed on an entry of " + entry->id.brief() +
                       " that is dated in the future; compare their clocks with ours",
                   events);
      break;
    default: break;
  }
  ++counters_.entries_refused;
}

Result<identity::EntryRef> EntryValidation::verify_own(const Now& now, const PeerId& from,
                                                       const wire::SignedEntryView& view,
                                                       std::vector<DiscoveryEvent>& events) {
  auto entry = verifier_.verify(view);
  if (!entry) {
    ++counters_.entries_refused;
    return entry;
  }
  if ((*entry)->id() != from)
    return fail(Errc::refused, "it sent the entry of another peer, " + (*entry)->id().brief());
  if ((*entry)->entry.network == network_) return entry;
  ++counters_.entries_refused;
  notices_.say(now, Notice::Kind::other_network, from,
               "peer " + from.brief() + " is of another network (" + (*entry)->entry.network.brief() + ", ours is " +
                   network_.brief() + "); compare the network names",
               events);
  return fail(Errc::wrong_network, "it is of another network");
}

Result<identity::EntryRef> EntryValidation::verify(const Now& now, const wire::SignedEntryView& view) {
  refill(now);
  if (allowance_ == 0) return fail(Errc::limit, "too many new entries at once");
  const std::uint64_t before = verifier_.verifications();
  auto entry = verifier_.verify(view);
  allowance_ -= std::min(allowance_, verifier_.verifications() - before);
  if (!entry) ++counters_.entries_refused;
  return entry;
}

void EntryValidation::check_own_id(const Now& now, const PeerEntry& entry, const wire::SignedEntryView& view,
                                   std::vector<DiscoveryEvent>& events) {
  if (entry.version.started <= self_.started()) return;
  if (const auto verified = verify(now, view)) note_own_id(now, (*verified)->entry, events);
}

void EntryValidation::note_own_id(const Now& now, const PeerEntry& entry, std::vector<DiscoveryEvent>& events) {
  if (entry.version.started <= self_.started()) return;
  std::string where;
  for (const SocketAddress& address : entry.sockets()) where += (where.empty() ? " at " : ", ") + address.text();
  notices_.say(now, Notice::Kind::same_identity, self_.id(),
               "another node" + where + " runs with our secret key (" + self_.id().brief() +
                   "); stop one of the two, or give it a key of its own",
               events);
}

void EntryValidation::note_old_layout(const Now& now, const PeerId& from, std::vector<DiscoveryEvent>& events) {
  notices_.say(
      now, Notice::Kind::old_entry_layout, from,
      "peer " + from.brief() + " speaks the entry format of mosaik 0.3, which nobody of 0.4 can read; upgrade it",
      events);
}

void EntryValidation::refill(const Now& now) {
  constexpr Nanoseconds per_check = Nanoseconds(1s) / verify_rate;
  if (!refilled_) refilled_ = now.boot;
  const auto earned = static_cast<std::uint64_t>(std::max(now.boot - *refilled_, Nanoseconds::zero()) / per_check);
  if (earned == 0) return;
  if (allowance_ + earned >= verify_burst) {
    allowance_ = verify_burst;
    refilled_ = now.boot;
    return;
  }
  allowance_ += earned;
  *refilled_ += earned * per_check;
}

}  // namespace mosaik::discovery
