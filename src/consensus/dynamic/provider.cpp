// Serving those who catch up (spec: groups 6.12), in every role.

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

// The crate offers what is committed. A leader of ours offers all: an entry that waits for the joiner's acknowledgement
// could never be committed otherwise (spec: groups 8.1 S14, S16).
Index Engine::Impl::provides() const {
  return role<Leader>() != nullptr ? log.last_index() : log.committed();
}

void Engine::Impl::on_availability_request(const PeerId& from) {
  outbox.send(from, AvailabilityResponse{{Index{0}, provides()}});
}

void Engine::Impl::on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range) {
  if (range.empty() || range.first == Index{}) return;
  Bonded& bonded = peers_.at(from);
  bonded.provision.ask(range);
  serve_fetch(now, from, bonded);
}

void Engine::Impl::on_queues(const QueueEmpty& empty) {
  for (auto& [peer, bonded] : peers_)
    if (const auto out = bonded.provision.out(); out && empty(peer, *out)) bonded.provision.taken();
}

void Engine::Impl::serve_fetches(const Now& now) {
  for (auto& [peer, bonded] : peers_) serve_fetch(now, peer, bonded);
}

void Engine::Impl::serve_fetch(const Now& now, const PeerId& from, Bonded& bonded) {
  const auto asked = bonded.provision.next(now.mono);
  if (!asked) return;
  const IndexRange& range = *asked;
  // A C++ joiner asks its leader, which we are not any more: it wants the history that it has heard of, and no other.
  if (dialect_of(from).fetches_from_leader() && role<Leader>() == nullptr) return;
  const Index most = range.first.plus(std::min<std::uint64_t>(config_.batch_size, range.size()) - 1);
  const IndexRange wanted{range.first, std::min(most, provides())};
  if (wanted.empty()) return;  // an empty answer wedges a Rust joiner (spec: groups 8.1 S16); it asks again
  std::vector<Entry> entries = log.copy(wanted, limits::append_bytes);
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry_bytes(entry);
  const IndexRange given{wanted.first, wanted.first.plus(entries.size() - 1)};
  const bool all = given.last == log.last_index();
  // A C++ joiner that has all now waits only for our next word, which may not overtake.
  const Urgency urgency = all ? Urgency::consensus : Urgency::bulk;
  bonded.provision.answered(now.mono, entries.size(), bytes, urgency);
  outbox.send(from, FetchEntriesResponse{given, std::move(entries)}, urgency);
  if (auto* leader = role<Leader>(); leader != nullptr && all && dialect_of(from).answers_every_append())
    leader->heartbeat_at = now.mono;
}

}  // namespace mosaik::consensus
