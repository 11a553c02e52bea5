#include "consensus/dynamic/replication.hpp"

#include <algorithm>

#include "consensus/dynamic/quorum.hpp"

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ a term of ours

void Replication::begin(const Now& now, const std::set<PeerId>& granted) {
  end();
  elected_at_ = sent_ = log_.last_index();
  told_commit_ = log_.committed();
  heartbeat_at_ = now.mono;  // spec: groups 6.6; the crate waits for a whole interval
  peers_.for_each([&](const PeerId& peer, Dialect dialect) {
    PeerProgress progress(dialect, sent_, now.mono + config_.election_timeout);
    if (granted.contains(peer))
      progress.on_granted(log_.last_index());
    else
      progress.on_elected();
    progress_.emplace(peer, progress);
  });
}

void Replication::end() {
  progress_.clear();
  broken_.clear();
  contributions_ = {};
}

void Replication::on_bonded(const Now& now, const PeerId& peer) {
  if (!elections_.leads()) return;
  progress_.insert_or_assign(peer, PeerProgress(peers_.dialect_of(peer), sent_, now.mono + config_.election_timeout));
}

void Replication::on_gone(const PeerId& peer) {
  const auto gone = progress_.extract(peer);
  if (!gone) return;
  const PeerProgress& progress = gone.mapped();
  if (progress.has_acknowledged()) {
    broken_[peer] = Acknowledged{progress.acked()};
  } else if (progress.dialect().resumes_catch_up() && !progress.is_unsent()) {
    broken_[peer] = Interrupted{};
  }
}

// ------------------------------------------------------------------------------------------------ commands

namespace {
/// What commands take in the log.
std::size_t logged_bytes(const std::vector<Blob>& commands) {
  return total_bytes(commands) + commands.size() * limits::log_entry;
}
}  // namespace

std::optional<Refusal> Replication::lacks_room(const std::vector<Blob>& commands) const {
  const std::size_t size = total_bytes(commands);
  if (log_.memory() + logged_bytes(commands) > config_.log_bytes) return Refusal::log_full;
  // With a floor, what earlier leaders left uncommitted is committed by an entry of this term and by nothing else.
  if (config_.quorum_floor != 0 && log_.last().term != durability_.term()) return std::nullopt;
  const std::uint64_t waiting = log_.last_index().since(log_.committed());
  const bool room = log_.uncommitted_bytes() + size <= limits::uncommitted_bytes &&
                    waiting + commands.size() <= limits::uncommitted_entries;
  return room ? std::nullopt : std::optional(Refusal::full);
}

std::optional<Refusal> Replication::lacks_room_for(const PeerId& from, const std::vector<Blob>& commands) const {
  if (const auto why = lacks_room(commands)) return why;
  const std::size_t size = logged_bytes(commands);
  const Contributions::Part part = contributions_.of(from);
  if (!is_fair(part.log, size, log_.memory(), config_.log_bytes)) return Refusal::log_full;
  // Its first commands go in whatever others left uncommitted: they may be what commits that.
  const bool first = part.uncommitted == 0;
  if (!first && !is_fair(part.uncommitted, size, log_.uncommitted_bytes(), limits::uncommitted_bytes))
    return Refusal::full;
  return std::nullopt;
}

IndexRange Replication::append(std::vector<Blob> commands) {
  // Only a leader adds entries of its term: two authors of one term would give one index two meanings.
  MOSAIK_ASSERT(elections_.leads());
  IndexRange out{log_.last_index().next(), log_.last_index()};
  for (Blob& command : commands) out.last = log_.append({durability_.term(), std::move(command)});
  durability_.on_appended();
  return out;
}

IndexRange Replication::append_for(const PeerId& from, std::vector<Blob> commands) {
  MOSAIK_ASSERT(elections_.leads_aloud());  // in a quiet period no other member may learn of this term
  const std::size_t size = logged_bytes(commands);
  const IndexRange out = append(std::move(commands));
  contributions_.appended(from, out.last, size);
  return out;
}

// ------------------------------------------------------------------------------------------------ sending

void Replication::append_to(const PeerId& peer, PeerProgress& progress, const Frame& frame) {
  outbox_.push(Send{peer, frame, Urgency::consensus, {}});
  if (NativeAnswers* counted = progress.native()) ++counted->asked;
}

// Where the next entries that go to all begin.
Cursor Replication::sent_end() const {
  return {*log_.term_at(sent_), sent_};
}

void Replication::broadcast(const Now& now) {
  while (sent_ < log_.last_index()) {
    const std::vector<Entry> entries = log_.copy({sent_.next(), log_.last_index()}, limits::append_bytes);
    const AppendEntries head{durability_.term(), config_.self, sent_end(), {}, log_.committed()};
    sent_ = sent_.plus(entries.size());
    if (!peers_.empty()) {
      const Frame message = outbox_.frame(head, entries);
      for (auto& [peer, progress] : progress_) {
        append_to(peer, progress, message);
        progress.on_entries_sent(sent_, now.mono);
      }
    }
    told_all_ = true;
    told_commit_ = log_.committed();
  }
}

void Replication::heartbeat() {
  told_all_ = true;
  told_commit_ = log_.committed();
  if (peers_.empty()) return;
  const Frame message =
      outbox_.frame(AppendEntries{durability_.term(), config_.self, sent_end(), {}, log_.committed()});
  for (auto& [peer, progress] : progress_) append_to(peer, progress, message);
}

// What a peer that has all up to `from` lacks, in pieces for one message each; none when it is too much to send again.
std::vector<std::vector<Entry>> Replication::missed_since(Index from) const {
  std::vector<std::vector<Entry>> out;
  std::size_t size = 0;
  while (from < sent_) {
    const auto& piece = out.emplace_back(log_.copy({from.next(), sent_}, limits::append_bytes));
    for (const Entry& entry : piece) size += entry_bytes(entry);
    if (size > limits::repair_bytes) return {};
    from = from.plus(piece.size());
  }
  return out;
}

// The first message on a new bond. A peer that acknowledged on its last one, in this term, is in step up to there for
// sure: it gets what it missed. Any other finds out by itself what it lacks. Nothing else is safe for a Rust member,
// which panics on entries that it does not expect (spec: groups 11.2).
void Replication::greet(const Now& now, const PeerId& peer, PeerProgress& progress) {
  progress.on_greeted(sent_);
  const auto broken = broken_.extract(peer);
  Index from = broken ? std::get<Acknowledged>(broken.mapped()).last : sent_;
  std::vector<std::vector<Entry>> missed = missed_since(from);
  if (missed.empty())
    return append_to(peer, progress,
                     outbox_.frame(AppendEntries{durability_.term(), config_.self, sent_end(), {}, log_.committed()}));
  for (std::vector<Entry>& entries : missed) {
    const Cursor previous{*log_.term_at(from), from};
    from = from.plus(entries.size());
    append_to(
        peer, progress,
        outbox_.frame(AppendEntries{durability_.term(), config_.self, previous, std::move(entries), log_.committed()}));
    progress.on_entries_sent(from, now.mono);
    if (CrateAnswers* counted = progress.crate()) ++counted->repairs;
  }
}

// ------------------------------------------------------------------------------------------------ acknowledgements

bool Replication::on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response) {
  MOSAIK_ASSERT(response.term == durability_.term());  // an answer of another term says nothing about this one
  PeerProgress& progress = progress_.at(from);
  if (progress.is_unsent()) return false;  // it answers another leader
  if (response.vote == Vote::granted) progress.on_acknowledged(response.last_index, now.mono);
  if (response.vote == Vote::abstained) progress.on_abstained(response.last_index);
  return true;
}

void Replication::drop_stalled(const Now& now) {
  if (config_.quorum_floor != 0) return;
  for (auto& [peer, progress] : progress_)
    // A member of ours answers everything; one that does not is silent, and its bond ends.
    if (!progress.dialect().answers_every_append() && progress.in_sync() && progress.behind_since() != never &&
        now.mono >= progress.behind_since() + config_.election_timeout)
      progress.on_stalled();
}

Index Replication::agreed(const Now& now) const {
  std::vector<Index> acknowledged{durability_.acknowledged()};
  if (config_.quorum_floor != 0) {
    for (const auto& [peer, progress] : progress_)
      if (progress.in_sync()) acknowledged.push_back(progress.acked());
    const Index index = quorum::reached_by(std::move(acknowledged), config_.quorum_floor);
    // An older term's entry with so many copies may still be overwritten (Raft 5.4.2).
    return log_.term_at(index) == durability_.term() ? index : Index{};
  }
  for (const auto& [peer, progress] : progress_)
    if (!elections_.is_quiet() && progress.counts(now.mono)) acknowledged.push_back(progress.acked());
  if (acknowledged.size() == 1 && !membership_.may_commit_alone(now.mono)) return {};
  const std::size_t members = acknowledged.size();
  return quorum::reached_by(std::move(acknowledged), quorum::majority(members));
}

std::uint32_t Replication::in_step() const {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      progress_, [&](const auto& item) { return item.second.in_sync() && item.second.acked() >= log_.committed(); }));
}

// ------------------------------------------------------------------------------------------------ a step

void Replication::keep_quiet(const Now& now) {
  MOSAIK_ASSERT(elections_.is_quiet());
  sent_ = log_.last_index();
  heartbeat_at_ = now.mono + config_.heartbeat_interval;
  advance_commit(now);
}

// A Rust member keeps its catch-up over a broken bond, and panics when what it missed there is not repeated exactly
// (spec: groups 11.2). The leader does not know what it has; but a new term makes it forget.
bool Replication::needs_new_term() const {
  return std::ranges::any_of(progress_, [&](const auto& item) {
    const auto broken = broken_.find(item.first);
    return item.second.is_unsent() && broken != broken_.end() && std::holds_alternative<Interrupted>(broken->second);
  });
}

bool Replication::replicate(const Now& now) {
  MOSAIK_ASSERT(elections_.leads_aloud());
  MOSAIK_ASSERT(durability_.vote() == (Ballot{durability_.term(), config_.self}));
  told_all_ = false;
  contributions_.committed(log_.committed());
  advance_commit(now);  // what was acknowledged since the last step travels with the next entries
  if (needs_new_term()) return false;
  for (auto& [peer, progress] : progress_)
    if (progress.is_unsent()) greet(now, peer, progress);
  broadcast(now);
  drop_stalled(now);
  advance_commit(now);
  // Those who wait for a commit hear of it at once (spec: groups 6.6).
  if (now.mono >= heartbeat_at_ || log_.committed() > told_commit_) heartbeat();
  if (told_all_) heartbeat_at_ = now.mono + config_.heartbeat_interval;
  return true;
}

void Replication::ensure_append(const Now& now) {
  if (told_all_) return;
  heartbeat();
  heartbeat_at_ = now.mono + config_.heartbeat_interval;
}

Mono Replication::next_deadline(Mono settled) const {
  if (!elections_.leads()) return never;
  Mono out = heartbeat_at_;
  // What only changes how acknowledgements are counted: done with once a step has seen it.
  const auto once = [&](Mono at) {
    if (at > settled) out = std::min(out, at);
  };
  const bool waiting = log_.last_index() > log_.committed() && config_.quorum_floor == 0;
  if (waiting) once(membership_.minority_until());
  for (const auto& [peer, progress] : progress_) {
    if (progress.in_sync() && progress.behind_since() != never)
      once(progress.behind_since() + config_.election_timeout);
    if (!progress.in_sync() && waiting) once(progress.grace_until());
  }
  return out;
}

void Replication::check_invariants() const {
  if (!elections_.leads()) {
    // Protects the next term of ours: what peers acknowledged in an earlier one says nothing about it.
    MOSAIK_ASSERT(progress_.empty() && broken_.empty());
    return;
  }
  // Protects every bonded member: one without progress would never be sent an entry, and its silence never counted.
  MOSAIK_ASSERT(progress_.size() == peers_.size());
  for (const auto& [peer, progress] : progress_) {
    MOSAIK_ASSERT(peers_.contains(peer));
    progress.check_invariants(sent_);
    // Protects Rust members from entries that they do not expect: what is known of a broken bond ends with the first
    // append on the next one.
    MOSAIK_ASSERT(progress.is_unsent() || !broken_.contains(peer));
  }
  contributions_.check_invariants();
  // Protects followers: they are told of commits and entries that the log has.
  MOSAIK_ASSERT(elected_at_ <= sent_ && sent_ <= log_.last_index() && told_commit_ <= log_.committed());
}

}  // namespace mosaik::consensus
