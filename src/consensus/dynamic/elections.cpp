// Timers, campaigns and votes (spec: groups 6.2 to 6.5).

#include "consensus/dynamic/impl.hpp"
#include "consensus/dynamic/quorum.hpp"

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ timers

Nanoseconds Engine::Impl::draw() {
  const Nanoseconds jitter = config_.election_jitter > 0ns ? rng_.between(0ns, config_.election_jitter - 1ns) : 0ns;
  return config_.election_timeout + jitter;
}

void Engine::Impl::arm_follower(const Now& now, Follower& follower) {
  const auto factor = config_.preference == Preference::reluctant ? reluctance : 1U;
  follower.election_at = now.mono + draw() * factor + (outvoted_ ? deference() : 0ns);
}

// Who stood still would depose a healthy leader as the first thing that it does. A proven death is none the less so.
void Engine::Impl::on_stall(Nanoseconds late) {
  if (auto* follower = role<Follower>(); follower != nullptr && !haste_)
    follower->election_at = later(follower->election_at, late);
  if (auto* candidate = role<Candidate>()) candidate->retry_at = later(candidate->retry_at, late);
}

// A member that was denied lacks what another has. A Rust member whose log is ahead waits for its timer, which every
// campaign of ours sets back (spec: groups 6.3): we let timers that were set back together run out before ours.
Nanoseconds Engine::Impl::deference() const {
  return std::max(config_.election_jitter, config_.election_timeout / 4);
}

// ------------------------------------------------------------------------------------------------ campaigns

void Engine::Impl::become_follower(const Now& now, Term term, const std::optional<PeerId>& leader) {
  MOSAIK_ASSERT(term >= durability_.term());
  if (role<Leader>() != nullptr) drop_reads_of_leader();
  if (term > durability_.term()) durability_.enter_term(term);
  const bool was = role<Follower>() != nullptr;
  Follower follower;
  follower.leader = leader;
  arm_follower(now, follower);
  state_ = std::move(follower);
  set_online(false);
  set_leader(leader);
  hurry_forwards(now);
  if (!was) outbox.tell(RoleChanged{MemberRole::follower, durability_.term()});
}

void Engine::Impl::on_silence(const Now& now) {
  if (auto* follower = role<Follower>()) {
    const bool may = config_.preference != Preference::observer;
    if (may && membership_.suffices(now.mono) && !lacks_owed(now, log.last_index())) return campaign(now);
    // Nobody leads. Too few are left, or we lack what others were told to have: a campaign would only drive the term
    // up.
    follower->leader.reset();
    follower->session.reset();
    set_leader(std::nullopt);
    set_online(false);
    return arm_follower(now, *follower);
  }
  if (const auto* candidate = role<Candidate>()) note_mute(*candidate);
  if (membership_.suffices(now.mono)) return campaign(now);
  become_follower(now, durability_.term(), std::nullopt);
}

// A member whose machine has failed is bonded and, with a floor, silent (stand_by). It must not cost more than a dead
// one, which nobody asks. One vote a term and the floor keep the majority that remains from being a second one.
void Engine::Impl::note_mute(const Candidate& candidate) {
  if (config_.quorum_floor == 0) return;
  for (auto& [peer, bonded] : bonded_)
    bonded.mute = candidate.requested.contains(peer) && !candidate.granted.contains(peer) &&
                  !candidate.abstained.contains(peer) && !candidate.denied.contains(peer);
}

void Engine::Impl::campaign(const Now& now) {
  // With a remembered vote in a later term we campaign after that.
  const Term after = durability_.vote() ? std::max(durability_.term(), durability_.vote()->term) : durability_.term();
  const bool lone = peers_.empty() && membership_.size() <= 1;
  const auto term = lone ? terms::next_lone(after, slot_) : terms::next(after, slot_);
  if (!term) return become_follower(now, durability_.term(), std::nullopt);
  if (role<Leader>() != nullptr) drop_reads_of_leader();
  ++elections_;
  durability_.enter_term(*term);
  durability_.cast_vote(config_.self);
  Candidate candidate;
  candidate.retry_at = now.mono + draw();
  candidate.ballot = durability_.ticket();
  candidate.requested = {config_.self};
  candidate.granted = {config_.self};
  const Frame request = outbox.frame(RequestVote{durability_.term(), config_.self, log.last()});
  for (const auto& [peer, bonded] : bonded_) {
    candidate.requested.insert(peer);
    outbox.push(Send{peer, request, Urgency::consensus, candidate.ballot});
  }
  state_ = std::move(candidate);
  hurry_forwards(now);
  set_online(false);
  set_leader(std::nullopt);
  outbox.tell(RoleChanged{MemberRole::candidate, durability_.term()});
  count_votes(now);
}

void Engine::Impl::on_leader_gone(const Now& now, Loss loss, Survivors survivors) {
  auto& follower = std::get<Follower>(state_);
  follower.leader.reset();
  follower.session.reset();
  set_leader(std::nullopt);
  set_online(false);
  // Its death is certain and the survivors see each other: no need to wait for silence. One after the other, so that
  // the first has won before the second begins.
  haste_ = loss != Loss::presumed && survivors == Survivors::clique && config_.preference == Preference::normal &&
           membership_.suffices_by_count();
  const auto put_off = std::exchange(follower.put_off, std::nullopt);
  if (put_off && votes_after_all(now, *put_off)) return;
  if (haste_) std::get<Follower>(state_).election_at = now.mono + stagger();
}

Nanoseconds Engine::Impl::stagger() const {
  std::int64_t rank = 0;
  for (const auto& [peer, bonded] : bonded_)
    if (bonded.dialect.ranks_failover() && peer < config_.self) ++rank;
  return config_.failover_stagger * rank;
}

// ------------------------------------------------------------------------------------------------ votes

bool Engine::Impl::lacks_owed(const Now& now, Index last) const {
  return last < owed_ && log.committed() < owed_ && now.mono < owed_until_;
}

Vote Engine::Impl::judge(const Now& now, const PeerId& from, const RequestVote& request) {
  if (durability_.vote() && (durability_.vote()->term > request.term ||
                             (durability_.vote()->term == request.term && durability_.vote()->candidate != from)))
    return Vote::denied;
  // We may have forgotten it, or have yet to fetch it: who lacks what a leader has told committed does not lead. Who
  // holds it judges as always: a candidate that is ahead of it would deny it too, and nobody would lead.
  if (lacks_owed(now, request.last.index)) return Vote::denied;
  const Cursor own = log.last();
  // A Rust candidate compares plainly itself: judged otherwise, each of two could find itself ahead for ever.
  const auto order =
      peers_.dialect_of(from).merges_lone_terms() ? terms::compare(own, request.last) : own <=> request.last;
  if (order > 0) return Vote::denied;
  // An abstention is this term's vote too: it takes us out of the candidate's count (spec: groups 8.1 S7).
  durability_.cast_vote(from);
  const bool grants = order == 0 && own == request.last && config_.preference != Preference::observer;
  return grants ? Vote::granted : Vote::abstained;
}

// Who has just heard its leader is not led away by a member that merely lost its own bond with that leader. One that
// is ahead of all that we know of may have lost it for a reason.
bool Engine::Impl::keeps_leader(const Now& now, const PeerId& from, const RequestVote& request) const {
  const auto* follower = role<Follower>();
  if (follower == nullptr || !follower->leader || follower->leader == from ||
      !peers_.dialect_of(from).bears_stickiness())
    return false;
  // While we catch up it is the leader's log that counts.
  const Cursor known = follower->session ? follower->session->end() : log.last();
  return request.term > durability_.term() && now.mono < follower->heard + config_.election_timeout &&
         !terms::is_behind(known, request.last);
}

void Engine::Impl::put_off(const PeerId& from, const RequestVote& request) {
  outbox.send(from, RequestVoteResponse{request.term, Vote::denied});
  auto& known = std::get<Follower>(state_).put_off;
  if (request.candidate == from && (!known || known->term < request.term)) known = request;
}

// Who hears of a leader's death a moment later than the candidate must not cost the group an election timeout.
bool Engine::Impl::votes_after_all(const Now& now, const RequestVote& request) {
  if (request.term <= durability_.term() || !peers_.contains(request.candidate)) return false;
  become_follower(now, request.term, std::nullopt);
  on_request_vote(now, request.candidate, request);
  return durability_.vote() == Ballot{request.term, request.candidate};
}

void Engine::Impl::on_request_vote(const Now& now, const PeerId& from, const RequestVote& request) {
  if (request.candidate != from) return;
  const Vote vote = judge(now, from, request);
  outbox.send(from, RequestVoteResponse{request.term, vote}, Urgency::consensus, durability_.ticket());
  auto* follower = role<Follower>();
  if (follower == nullptr) return;
  if (vote != Vote::denied) return arm_follower(now, *follower);
  // Who denies a candidate that is behind has what it lacks, and should not let the group wait.
  const bool behind = terms::is_behind(request.last, log.last());
  if (!behind || outvoted_ || follower->leader || config_.preference != Preference::normal ||
      !membership_.suffices(now.mono))
    return;
  const Nanoseconds pause =
      haste_ ? config_.failover_stagger + stagger() : rng_.between(0ns, config_.election_jitter / 4);
  follower->election_at = std::min(follower->election_at, now.mono + pause);
}

void Engine::Impl::on_vote(const Now& now, const PeerId& from, const RequestVoteResponse& response) {
  auto* candidate = role<Candidate>();
  if (candidate == nullptr || !candidate->requested.contains(from)) return;
  bonded_.at(from).mute = false;
  switch (response.vote) {
    case Vote::granted: candidate->granted.insert(from); break;
    case Vote::denied:
      if (candidate->denied.empty()) candidate->retry_at += deference();
      candidate->denied.insert(from);
      outvoted_ = true;
      break;
    case Vote::abstained: candidate->abstained.insert(from); break;
  }
  count_votes(now);
}

void Engine::Impl::count_votes(const Now& now) {
  auto* candidate = role<Candidate>();
  if (candidate == nullptr || !durability_.is_durable(candidate->ballot)) return;
  const auto mute = [](const auto& item) { return item.second.mute; };
  const auto asked = candidate->requested.size() - static_cast<std::size_t>(std::ranges::count_if(bonded_, mute));
  const quorum::Count count{asked, candidate->granted.size(), candidate->abstained.size()};
  if (!quorum::wins(count, config_.quorum_floor)) return;
  const std::set<PeerId> granted = std::move(candidate->granted);
  become_leader(now, granted);
}

void Engine::Impl::become_leader(const Now& now, const std::set<PeerId>& granted) {
  Leader leader;
  leader.elected_at = log.last_index();
  leader.broadcast = log.last_index();
  leader.heartbeat_at = now.mono;  // spec: groups 6.6; the crate waits for a whole interval
  leader.told_commit = log.committed();
  for (auto& [peer, bonded] : bonded_) {
    Bonded anew(bonded.dialect);
    bonded = anew;
    bonded.placed = leader.broadcast;
    bonded.grace_until = now.mono + config_.election_timeout;
    if (!granted.contains(peer)) continue;
    bonded.in_sync = true;  // who grants has a log that equals ours
    bonded.acked = log.last_index();
  }
  state_ = std::move(leader);
  contests_ = 0;
  haste_ = false;
  outbox.tell(RoleChanged{MemberRole::leader, durability_.term()});
  set_leader(config_.self);
  set_online(true);
}

bool Engine::Impl::contests(const Now& now, const AppendEntries& append) {
  if (log.committed() == Index{} || append.leader_commit >= log.committed() || contests_ >= limits::contests)
    return false;
  if (config_.preference == Preference::observer || !membership_.suffices(now.mono)) return false;
  const Cursor theirs = append.entries.empty()
                            ? append.previous
                            : Cursor{append.entries.back().term, append.previous.index.plus(append.entries.size())};
  // A later term does not make up for what its leader lacks: the votes decide which history stays.
  return theirs.index < log.committed() ||
         terms::is_behind(theirs, Cursor{*log.term_at(log.committed()), log.committed()});
}

}  // namespace mosaik::consensus
