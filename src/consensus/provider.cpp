// Serving those who catch up (spec: groups 6.12), in every role.

#include "consensus/impl.hpp"

namespace mosaik::consensus {

// The crate offers what is committed. A leader of ours offers all: an entry that waits for the joiner's acknowledgement
// could never be committed otherwise (spec: groups 8.1 S14, S16).
Index Engine::Impl::provides() const {
  return role<Leader>() != nullptr ? log.last_index() : committed_;
}

void Engine::Impl::on_availability_request(const PeerId& from) {
  send(from, AvailabilityResponse{{Index{0}, provides()}});
}

void Engine::Impl::on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range) {
  if (range.empty() || range.first == Index{}) return;
  // A C++ joiner asks its leader, which we are not any more: it wants the history that it has heard of, and no other.
  if (is_cpp(from) && role<Leader>() == nullptr) return;
  const Index most = range.first.plus(std::min<std::uint64_t>(config_.batch_size, range.size()) - 1);
  const IndexRange wanted{range.first, std::min(most, provides())};
  if (wanted.empty()) return;  // an empty answer wedges a Rust joiner (spec: groups 8.1 S16); it asks again
  std::vector<Entry> entries = log.copy(wanted, limits::append_bytes);
  const IndexRange given{wanted.first, wanted.first.plus(entries.size() - 1)};
  const bool all = given.last == log.last_index();
  // A C++ joiner that has all now waits only for our next word, which may not overtake.
  send(from, FetchEntriesResponse{given, std::move(entries)}, all ? Urgency::consensus : Urgency::bulk);
  if (auto* leader = role<Leader>(); leader != nullptr && all && is_cpp(from)) leader->heartbeat_at = now.mono;
}

}  // namespace mosaik::consensus
