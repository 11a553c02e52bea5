#include "consensus/dynamic/provider.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

void Provider::on_availability_request(const PeerId& from, Offer offer) {
  outbox_.send(from, AvailabilityResponse{{Index{0}, offered(offer)}});
}

bool Provider::on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range, Offer offer) {
  if (range.empty() || range.first == Index{}) return false;
  Provision& provision = provisions_.at(from);
  provision.ask(range);
  return serve(now, from, provision, offer);
}

void Provider::on_queues(const QueueEmpty& empty) {
  for (auto& [peer, provision] : provisions_)
    if (const auto out = provision.out(); out && empty(peer, *out)) provision.taken();
}

bool Provider::serve(const Now& now, Offer offer) {
  bool complete = false;
  for (auto& [peer, provision] : provisions_) complete = serve(now, peer, provision, offer) || complete;
  return complete;
}

bool Provider::serve(const Now& now, const PeerId& peer, Provision& provision, Offer offer) {
  const auto asked = provision.next(now.mono);
  if (!asked) return false;
  const IndexRange& range = *asked;
  const Dialect dialect = peers_.dialect_of(peer);
  // It asks its leader, which we are not any more: it wants the history that it has heard of, and no other one.
  if (dialect.fetches_from_leader() && offer != Offer::all) return false;
  const Index most = range.first.plus(std::min<std::uint64_t>(config_.batch_size, range.size()) - 1);
  const IndexRange wanted{range.first, std::min(most, offered(offer))};
  if (wanted.empty()) return false;  // an empty answer wedges a Rust joiner (spec: groups 8.1 S16); it asks again
  std::vector<Entry> entries = log_.copy(wanted, limits::append_bytes);
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry_bytes(entry);
  MOSAIK_ASSERT(!entries.empty() && wanted.first.plus(entries.size() - 1) <= offered(offer));
  const IndexRange given{wanted.first, wanted.first.plus(entries.size() - 1)};
  const bool complete = given.last == log_.last_index();
  // A joiner of ours that has all now waits only for our next append, which may not overtake this.
  const Urgency urgency = complete ? Urgency::consensus : Urgency::bulk;
  provision.answered(now.mono, entries.size(), bytes, urgency);
  outbox_.send(peer, FetchEntriesResponse{given, std::move(entries)}, urgency);
  return complete && dialect.answers_every_append();
}

Mono Provider::next_deadline() const noexcept {
  Mono out = never;
  for (const auto& [peer, provision] : provisions_) out = std::min(out, provision.next_deadline());
  return out;
}

void Provider::check_invariants() const {
  // Protects joiners: one without a provision could never fetch, and one without a bond would be kept for ever.
  MOSAIK_ASSERT(provisions_.size() == peers_.size());
  for (const auto& [peer, provision] : provisions_) MOSAIK_ASSERT(peers_.contains(peer));
}

}  // namespace mosaik::consensus
