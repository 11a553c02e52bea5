// A member that leads: placing commands, replication, acknowledgements (spec: groups 6.6, 11).

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ placing

namespace {
/// What commands take in the log.
std::size_t logged_bytes(const std::vector<Blob>& commands) {
  return total_bytes(commands) + commands.size() * limits::log_entry;
}
}  // namespace

std::optional<Refusal> Engine::Impl::lacks_room(const std::vector<Blob>& commands) const {
  const std::size_t size = total_bytes(commands);
  if (log.memory() + logged_bytes(commands) > config_.log_bytes) return Refusal::log_full;
  // With a floor, what earlier leaders left uncommitted is committed by an entry of this term and by nothing else.
  if (config_.quorum_floor != 0 && log.last().term != durability_.term()) return std::nullopt;
  const std::uint64_t waiting = log.last_index().since(log.committed());
  const bool room = log.uncommitted_bytes() + size <= limits::uncommitted_bytes &&
                    waiting + commands.size() <= limits::uncommitted_entries;
  return room ? std::nullopt : std::optional(Refusal::full);
}

std::optional<Refusal> Engine::Impl::lacks_room_for(const PeerId& from, const std::vector<Blob>& commands) const {
  if (const auto why = lacks_room(commands)) return why;
  const std::size_t size = logged_bytes(commands);
  const Contributions::Part part = role<Leader>()->contributions.of(from);
  if (!is_fair(part.log, size, log.memory(), config_.log_bytes)) return Refusal::log_full;
  // Its first commands go in whatever others left uncommitted: they may be what commits that.
  const bool first = part.uncommitted == 0;
  if (!first && !is_fair(part.uncommitted, size, log.uncommitted_bytes(), limits::uncommitted_bytes))
    return Refusal::full;
  return std::nullopt;
}

IndexRange Engine::Impl::place(std::vector<Blob> commands) {
  IndexRange out{log.last_index().next(), log.last_index()};
  for (Blob& command : commands) out.last = log.append({durability_.term(), std::move(command)});
  durability_.on_appended();
  return out;
}

// ------------------------------------------------------------------------------------------------ replication

void Engine::Impl::append_to(const Now& now, const PeerId& peer, Bonded& bonded, const Frame& frame, Index placed,
                             bool with_entries) {
  outbox.push(Send{peer, frame, Urgency::consensus, {}});
  if (bonded.dialect.answers_every_append()) ++bonded.asked;
  if (!with_entries) return;
  bonded.placed = std::max(bonded.placed, placed);
  if (bonded.behind_since == never) bonded.behind_since = now.mono;
}

// Where the next entries that go to all begin.
Cursor Engine::Impl::broadcast_end() const {
  const Index index = std::get<Leader>(state_).broadcast;
  return {*log.term_at(index), index};
}

void Engine::Impl::broadcast(const Now& now) {
  auto& leader = std::get<Leader>(state_);
  while (leader.broadcast < log.last_index()) {
    const std::vector<Entry> entries = log.copy({leader.broadcast.next(), log.last_index()}, limits::append_bytes);
    const AppendEntries head{durability_.term(), config_.self, broadcast_end(), {}, log.committed()};
    leader.broadcast = leader.broadcast.plus(entries.size());
    if (!peers_.empty()) {
      const Frame message = outbox.frame(head, entries);
      for (auto& [peer, bonded] : bonded_) append_to(now, peer, bonded, message, leader.broadcast, true);
    }
    leader.told = true;
    leader.told_commit = log.committed();
  }
}

void Engine::Impl::heartbeat(const Now& now) {
  auto& leader = std::get<Leader>(state_);
  leader.told = true;
  leader.told_commit = log.committed();
  if (peers_.empty()) return;
  const Frame message =
      outbox.frame(AppendEntries{durability_.term(), config_.self, broadcast_end(), {}, log.committed()});
  for (auto& [peer, bonded] : bonded_) append_to(now, peer, bonded, message, leader.broadcast, false);
}

// What a peer that has all up to `from` lacks, in pieces for one message each; none when it is too much to send again.
std::vector<std::vector<Entry>> Engine::Impl::missed_since(Index from) const {
  const Index last = std::get<Leader>(state_).broadcast;
  std::vector<std::vector<Entry>> out;
  std::size_t size = 0;
  while (from < last) {
    const auto& piece = out.emplace_back(log.copy({from.next(), last}, limits::append_bytes));
    for (const Entry& entry : piece) size += entry_bytes(entry);
    if (size > limits::repair_bytes) return {};
    from = from.plus(piece.size());
  }
  return out;
}

// The first message on a new bond. A peer that acknowledged on its last one, in this term, is in step up to there for
// sure: it gets what it missed. Any other finds out by itself what it lacks. Nothing else is safe for a Rust member
// (spec: groups 11.2).
void Engine::Impl::greet(const Now& now, const PeerId& peer, Bonded& bonded) {
  auto& leader = std::get<Leader>(state_);
  bonded.greet = false;
  bonded.placed = leader.broadcast;
  const auto former = leader.former.extract(peer);
  Index from = former ? former.mapped() : leader.broadcast;
  std::vector<std::vector<Entry>> missed = missed_since(from);
  if (missed.empty())
    return append_to(
        now, peer, bonded,
        outbox.frame(AppendEntries{durability_.term(), config_.self, broadcast_end(), {}, log.committed()}),
        leader.broadcast, false);
  for (std::vector<Entry>& entries : missed) {
    const Cursor previous{*log.term_at(from), from};
    from = from.plus(entries.size());
    append_to(
        now, peer, bonded,
        outbox.frame(AppendEntries{durability_.term(), config_.self, previous, std::move(entries), log.committed()}),
        from, true);
    if (!bonded.dialect.answers_every_append()) ++bonded.repairs;
  }
}

// ------------------------------------------------------------------------------------------------ acknowledgements

void Engine::Impl::on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response) {
  if (role<Leader>() == nullptr) return;
  Bonded& bonded = bonded_.at(from);
  if (bonded.greet) return;  // nothing was sent on this bond: it answers another leader
  if (response.vote == Vote::granted) {
    // More than was sent to it cannot be acknowledged, whatever its log holds.
    bonded.acked = std::max(bonded.acked, std::min(response.last_index, bonded.placed));
    bonded.in_sync = bonded.proved = true;
    bonded.observes = false;
    bonded.behind_since = bonded.acked < bonded.placed ? now.mono : never;
  } else if (response.vote == Vote::abstained) {
    bonded.observes = response.last_index >= bonded.placed;
    bonded.in_sync = bonded.proved = false;
    bonded.acked = {};
    bonded.behind_since = never;
  }
  on_confirmed(from, bonded);
}

void Engine::Impl::drop_laggards(const Now& now) {
  if (config_.quorum_floor != 0) return;
  for (auto& [peer, bonded] : bonded_)
    // A C++ member answers everything; one that does not is silent, and its bond ends.
    if (!bonded.dialect.answers_every_append() && bonded.in_sync && bonded.behind_since != never &&
        now.mono >= bonded.behind_since + config_.election_timeout)
      bonded.in_sync = false;  // until it acknowledges again
}

// ------------------------------------------------------------------------------------------------ one step of a leader

void Engine::Impl::check_floor(const Now& now) {
  auto& leader = std::get<Leader>(state_);
  if (peers_.connected() >= config_.quorum_floor) {
    leader.short_since = never;
  } else if (leader.short_since == never) {
    leader.short_since = now.mono;
  } else if (now.mono >= leader.short_since + config_.election_timeout) {
    become_follower(now, durability_.term(), std::nullopt);
  }
}

// From here on there is company: a term of a new round, that nobody has had.
void Engine::Impl::end_silence(const Now& now) {
  const auto term = terms::next(durability_.term(), slot_);
  if (peers_.empty() || !term) {
    auto& leader = std::get<Leader>(state_);
    leader.silent_until = leader.silence_ends = never;
    return;
  }
  drop_reads_of_leader();
  durability_.enter_term(*term);
  durability_.cast_vote(config_.self);
  become_leader(now, {});
}

Mono Engine::Impl::next_deadline_of(const Leader& leader) const {
  Mono out = std::min({leader.heartbeat_at, leader.silent_until, leader.silence_ends});
  if (leader.short_since != never) out = std::min(out, leader.short_since + config_.election_timeout);
  // What only changes how acknowledgements are counted: done with once a step has seen it.
  const auto once = [&](Mono at) {
    if (at > settled_at_) out = std::min(out, at);
  };
  const bool waiting = log.last_index() > log.committed() && config_.quorum_floor == 0;
  if (waiting) once(membership_.minority_until());
  for (const auto& [peer, bonded] : bonded_) {
    if (bonded.in_sync && bonded.behind_since != never) once(bonded.behind_since + config_.election_timeout);
    if (!bonded.in_sync && waiting) once(bonded.grace_until);
  }
  return out;
}

void Engine::Impl::lead_on(const Now& now) {
  auto* leader = role<Leader>();
  if (now.mono >= std::min(leader->silent_until, leader->silence_ends)) end_silence(now);
  check_floor(now);
  leader = role<Leader>();
  if (leader == nullptr) return;
  if (leader->silent_until != never) {
    leader->broadcast = log.last_index();
    leader->heartbeat_at = now.mono + config_.heartbeat_interval;
    advance_commit(now);
    return conclude_confirmations(now);
  }
  leader->told = false;
  leader->contributions.committed(log.committed());
  advance_commit(now);  // what was acknowledged since the last step travels with the next entries
  // A Rust member keeps its catch-up over a broken bond, and panics when what it missed there is not repeated exactly
  // (spec: groups 11.2). Nobody knows what it has; but a new term makes it forget.
  for (const auto& [peer, bonded] : bonded_)
    if (bonded.greet && leader->doubtful.contains(peer)) return on_silence(now);
  for (auto& [peer, bonded] : bonded_)
    if (bonded.greet) greet(now, peer, bonded);
  broadcast(now);
  drop_laggards(now);
  advance_commit(now);
  // Those who wait for a commit hear of it at once (spec: groups 6.6).
  if (now.mono >= leader->heartbeat_at || log.committed() > leader->told_commit) heartbeat(now);
  if (leader->told) leader->heartbeat_at = now.mono + config_.heartbeat_interval;
  probe(now);
}

}  // namespace mosaik::consensus
