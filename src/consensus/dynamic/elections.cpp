#include "consensus/dynamic/elections.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "consensus/dynamic/quorum.hpp"
#include "consensus/dynamic/terms.hpp"

namespace mosaik::consensus {
namespace {
/// Heartbeats of a quiet period: since the last member that came, and in all.
constexpr int quiet_heartbeats = 2;
constexpr int most_quiet_heartbeats = 6;
}  // namespace

std::string_view to_string(VoteReason reason) noexcept {
  switch (reason) {
    case VoteReason::equal_logs: return "equal_logs";
    case VoteReason::log_is_ahead: return "log_is_ahead";
    case VoteReason::observer: return "observer";
    case VoteReason::leader_is_heard: return "leader_is_heard";
    case VoteReason::voted_for_another: return "voted_for_another";
    case VoteReason::lacks_known_commit: return "lacks_known_commit";
    case VoteReason::log_is_behind: return "log_is_behind";
    case VoteReason::stale_term: return "stale_term";
    case VoteReason::foreign_candidate: return "foreign_candidate";
  }
  MOSAIK_ASSERT(false);
  return {};
}

Elections::Elections(const Config& config, Rng& rng, const Log& log, const Durability& durability, const Peers& peers,
                     const Membership& membership, const Following& following, const Now& now)
    : config_(config),
      rng_(rng),
      log_(log),
      durability_(durability),
      peers_(peers),
      membership_(membership),
      following_(following),
      slot_(terms::slot_of(config.self, config.run)) {
  Follower follower;
  arm(now, follower);
  if (durability.term() == Term{}) follower.election_at += config.bootstrap_delay;
  role_ = std::move(follower);
}

// ------------------------------------------------------------------------------------------------ what this member is

MemberRole Elections::role() const noexcept {
  return std::visit([](const auto& one) { return one.role; }, role_);
}

bool Elections::leads_aloud() const noexcept {
  const auto* leader = as<Leader>();
  return leader != nullptr && !leader->quiet;
}

std::optional<PeerId> Elections::leader() const {
  if (leads()) return config_.self;
  const auto* follower = as<Follower>();
  return follower == nullptr ? std::nullopt : follower->leader;
}

bool Elections::follows(const PeerId& peer) const {
  const auto* follower = as<Follower>();
  return follower != nullptr && follower->leader == peer;
}

Mono Elections::next_deadline() const {
  if (const auto* follower = as<Follower>()) return follower->election_at;
  if (const auto* candidate = as<Candidate>()) return candidate->retry_at;
  const auto* leader = as<Leader>();
  if (leader == nullptr) return never;
  Mono out = leader->quiet ? std::min(leader->quiet->until, leader->quiet->at_most) : never;
  if (leader->short_since != never) out = std::min(out, leader->short_since + config_.election_timeout);
  return out;
}

Waiting Elections::waiting(Mono now) const {
  if (ended()) return Waiting::nothing;
  if (leads())
    return membership_.may_commit_alone(now) || config_.quorum_floor != 0 ? Waiting::nothing : Waiting::company;
  if (as<Candidate>() != nullptr) return backoff_ == Backoff::outvoted ? Waiting::history : Waiting::election;
  if (leader()) return Waiting::nothing;
  if (!membership_.suffices_by_count() && config_.quorum_floor != 0) return Waiting::floor;
  if (!membership_.suffices(now)) return Waiting::company;
  const bool lacks = backoff_ == Backoff::outvoted || lacks_known_commit(now, log_.last_index());
  return lacks ? Waiting::history : Waiting::election;
}

std::optional<Mono> Elections::history_until() const {
  if (!known_commit_.exceeds(log_.last_index(), log_.committed())) return std::nullopt;
  return known_commit_.until();
}

// ------------------------------------------------------------------------------------------------ timers

Nanoseconds Elections::draw() {
  const Nanoseconds jitter = config_.election_jitter > 0ns ? rng_.between(0ns, config_.election_jitter - 1ns) : 0ns;
  return config_.election_timeout + jitter;
}

void Elections::arm(const Now& now, Follower& follower) {
  const auto factor = config_.preference == Preference::reluctant ? reluctance : 1U;
  follower.election_at = now.mono + draw() * factor + (backoff_ == Backoff::outvoted ? deference() : 0ns);
}

// Election back-off. A member that was denied lacks what another has. A Rust member whose log is ahead waits for its
// timer, which every campaign of ours sets back (spec: groups 6.3): timers that were set back together run out before
// ours.
Nanoseconds Elections::deference() const {
  return std::max(config_.election_jitter, config_.election_timeout / 4);
}

// Ranked fast failover: one survivor after the other, so that the first has won before the second begins.
Nanoseconds Elections::stagger() const {
  std::int64_t rank = 0;
  peers_.for_each([&](const PeerId& peer, Dialect dialect) {
    if (dialect.ranks_failover() && peer < config_.self) ++rank;
  });
  return config_.failover_stagger * rank;
}

// A process that stood still would depose a healthy leader as the first thing that it does. A proven death stays
// proven.
void Elections::on_stall(Nanoseconds late) {
  if (auto* follower = as<Follower>(); follower != nullptr && failover_ != Failover::ranked)
    follower->election_at = later(follower->election_at, late);
  if (auto* candidate = as<Candidate>()) candidate->retry_at = later(candidate->retry_at, late);
}

bool Elections::is_due(Mono now) const {
  if (const auto* follower = as<Follower>()) return now >= follower->election_at;
  const auto* candidate = as<Candidate>();
  return candidate != nullptr && now >= candidate->retry_at;
}

Elections::Silence Elections::on_silence(const Now& now) {
  if (auto* follower = as<Follower>()) {
    const bool may = config_.preference != Preference::observer;
    if (may && membership_.suffices(now.mono) && !lacks_known_commit(now.mono, log_.last_index()))
      return Silence::campaign;
    // A campaign would only drive the term up: too few members are left, or we lack what was told committed.
    follower->leader.reset();
    follower->deferred.reset();
    arm(now, *follower);
    return Silence::wait;
  }
  if (const auto* candidate = as<Candidate>()) note_unresponsive(candidate->tally);
  return membership_.suffices(now.mono) ? Silence::campaign : Silence::step_down;
}

// Unresponsive voter. A member whose machine has failed is bonded and, with a floor, silent (Engine::stand_by). It must
// not cost more than a dead one, which is not asked. One vote a term and the floor keep the majority that remains from
// being a second one.
void Elections::note_unresponsive(const Tally& tally) {
  if (config_.quorum_floor == 0) return;
  unresponsive_.clear();
  peers_.for_each([&](const PeerId& peer, Dialect) {
    if (tally.asked.contains(peer) && !tally.has_answered(peer)) unresponsive_.insert(peer);
  });
}

void Elections::hurry(const Now& now) {
  if (failover_ == Failover::ranked) std::get<Follower>(role_).election_at = now.mono + stagger();
}

// ------------------------------------------------------------------------------------------------ bonds

void Elections::on_bonded(const Now& now, const PeerId& peer) {
  unresponsive_.erase(peer);
  auto* leader = as<Leader>();
  if (leader == nullptr || !terms::is_lone(durability_.term())) return;
  const Mono at_most = now.mono + most_quiet_heartbeats * config_.heartbeat_interval;
  leader->quiet = {now.mono + quiet_heartbeats * config_.heartbeat_interval,
                   leader->quiet ? leader->quiet->at_most : at_most};
}

void Elections::on_gone(const PeerId& peer) {
  unresponsive_.erase(peer);
  backoff_ = Backoff::none;  // it may have been the one that was ahead
}

// The death is certain and the survivors see each other: there is no need to wait for silence.
std::optional<RequestVote> Elections::on_leader_gone(Loss loss, Survivors survivors) {
  auto& follower = std::get<Follower>(role_);
  follower.leader.reset();
  const bool ranked = loss != Loss::presumed && survivors == Survivors::clique &&
                      config_.preference == Preference::normal && membership_.suffices_by_count();
  failover_ = ranked ? Failover::ranked : Failover::by_timeout;
  return std::exchange(follower.deferred, std::nullopt);
}

// ------------------------------------------------------------------------------------------------ roles

void Elections::follow(const Now& now, const std::optional<PeerId>& leader) {
  MOSAIK_ASSERT(leader != config_.self && !ended());
  Follower follower;
  follower.leader = leader;
  arm(now, follower);
  role_ = std::move(follower);
}

std::optional<Term> Elections::next_term() const {
  const Term after = durability_.term();
  const bool lone = peers_.empty() && membership_.size() <= 1;
  return lone ? terms::next_lone(after, slot_) : terms::next(after, slot_);
}

void Elections::become_candidate(const Now& now, Ticket ballot) {
  // A candidate asks for votes in a term that is its own: terms of our members never meet (terms.hpp).
  MOSAIK_ASSERT(durability_.vote() == (Ballot{durability_.term(), config_.self}));
  ++campaigns_;
  Candidate candidate;
  candidate.retry_at = now.mono + draw();
  candidate.ballot = ballot;
  candidate.tally.asked = {config_.self};
  candidate.tally.granted = {config_.self};
  peers_.for_each([&](const PeerId& peer, Dialect) { candidate.tally.asked.insert(peer); });
  role_ = std::move(candidate);
}

void Elections::become_leader() {
  // Only the member that got this term's vote from itself may lead in it.
  MOSAIK_ASSERT(durability_.vote() == (Ballot{durability_.term(), config_.self}));
  MOSAIK_ASSERT(as<Follower>() == nullptr && !ended());
  role_ = Leader{};
  failover_ = Failover::by_timeout;
  unresponsive_.clear();
}

// ------------------------------------------------------------------------------------------------ votes

bool Elections::lacks_known_commit(Mono now, Index last) const {
  return known_commit_.exceeds(last, log_.committed()) && now < known_commit_.until();
}

// Leader stickiness. A member that has just heard its leader is not led away by one that merely lost its own bond with
// that leader. A candidate that is ahead of all that we know of may have lost it for a reason.
bool Elections::sticks_to_leader(const Now& now, const PeerId& from, const RequestVote& request) const {
  const auto* follower = as<Follower>();
  if (follower == nullptr || !follower->leader || follower->leader == from) return false;
  if (!peers_.dialect_of(from).bears_stickiness()) return false;
  return request.term > durability_.term() && now.mono < follower->heard + config_.election_timeout &&
         !terms::is_behind(following_.known_end(), request.last);
}

VoteDecision Elections::decide(const Now& now, const PeerId& from, const RequestVote& request) const {
  if (sticks_to_leader(now, from, request)) return {Vote::denied, VoteReason::leader_is_heard};
  if (request.term < durability_.term()) return {std::nullopt, VoteReason::stale_term};
  if (request.candidate != from) return {std::nullopt, VoteReason::foreign_candidate};
  const auto& vote = durability_.vote();
  if (vote && vote->term == request.term && vote->candidate != from)
    return {Vote::denied, VoteReason::voted_for_another};
  // We may have forgotten it, or have yet to fetch it. A member that holds it judges as always: a candidate that is
  // ahead of it would deny it too, and there would be no leader.
  if (lacks_known_commit(now.mono, request.last.index)) return {Vote::denied, VoteReason::lacks_known_commit};
  const Cursor own = log_.last();
  const auto order =
      peers_.dialect_of(from).merges_lone_terms() ? terms::compare(own, request.last) : own <=> request.last;
  if (order > 0) return {Vote::denied, VoteReason::log_is_behind};
  if (order < 0) return {Vote::abstained, VoteReason::log_is_ahead};
  if (config_.preference == Preference::observer) return {Vote::abstained, VoteReason::observer};
  return {Vote::granted, VoteReason::equal_logs};
}

void Elections::defer(const PeerId& from, const RequestVote& request) {
  auto& deferred = std::get<Follower>(role_).deferred;
  if (request.candidate == from && (!deferred || deferred->term < request.term)) deferred = request;
}

void Elections::on_decided(const Now& now, const RequestVote& request, Vote vote) {
  auto* follower = as<Follower>();
  if (follower == nullptr) return;
  if (vote != Vote::denied) return arm(now, *follower);
  // A member that denies a candidate for being behind has what it lacks, and should not let the group wait.
  if (!terms::is_behind(request.last, log_.last()) || backoff_ == Backoff::outvoted || follower->leader) return;
  if (config_.preference != Preference::normal || !membership_.suffices(now.mono)) return;
  const Nanoseconds pause = failover_ == Failover::ranked ? config_.failover_stagger + stagger()
                                                          : rng_.between(0ns, config_.election_jitter / 4);
  follower->election_at = std::min(follower->election_at, now.mono + pause);
}

void Elections::on_vote(const PeerId& from, Vote vote) {
  auto* candidate = as<Candidate>();
  if (candidate == nullptr || !candidate->tally.asked.contains(from)) return;
  Tally& tally = candidate->tally;
  unresponsive_.erase(from);
  switch (vote) {
    case Vote::granted: tally.granted.insert(from); break;
    case Vote::abstained: tally.abstained.insert(from); break;
    case Vote::denied:
      if (tally.denied.empty()) candidate->retry_at += deference();
      tally.denied.insert(from);
      backoff_ = Backoff::outvoted;
      break;
  }
}

bool Elections::wins() const {
  const auto* candidate = as<Candidate>();
  if (candidate == nullptr || !durability_.is_durable(candidate->ballot)) return false;
  const Tally& tally = candidate->tally;
  const quorum::Count count{tally.asked.size() - unresponsive_.size(), tally.granted.size(), tally.abstained.size()};
  return quorum::wins(count, config_.quorum_floor);
}

const std::set<PeerId>& Elections::granted() const {
  return std::get<Candidate>(role_).tally.granted;
}

// ------------------------------------------------------------------------------------------------ leaders

void Elections::hear_leader(const Now& now) {
  auto& follower = std::get<Follower>(role_);
  arm(now, follower);
  follower.heard = now.mono;
  follower.deferred.reset();
  known_commit_.renew(later(now.mono, config_.alone_after));
}

// ------------------------------------------------------------------------------------------------ a leader

bool Elections::is_quiet() const {
  return leads() && !leads_aloud();
}

bool Elections::quiet_period_over(Mono now) const {
  const auto* leader = as<Leader>();
  return leader != nullptr && leader->quiet && now >= std::min(leader->quiet->until, leader->quiet->at_most);
}

void Elections::end_quiet_period() {
  std::get<Leader>(role_).quiet.reset();
}

bool Elections::has_lost_floor(const Now& now) {
  Mono& since = std::get<Leader>(role_).short_since;
  if (peers_.connected() >= config_.quorum_floor) {
    since = never;
  } else if (since == never) {
    since = now.mono;
  }
  return since != never && now.mono >= since + config_.election_timeout;
}

void Elections::check_invariants() const {
  // Protects the group from two leaders: a member leads or campaigns only in a term in which it voted for itself.
  if (leads() || as<Candidate>() != nullptr)
    MOSAIK_ASSERT(durability_.vote() == (Ballot{durability_.term(), config_.self}));
  if (const auto* follower = as<Follower>()) {
    // Protects the followers: a leader that is not bonded cannot be heard, and its death would not be told.
    MOSAIK_ASSERT(!follower->leader || peers_.contains(*follower->leader));
    // Protects leader stickiness: a candidate is put off for a leader's sake alone.
    MOSAIK_ASSERT(!follower->deferred || follower->leader);
  }
  if (const auto* candidate = as<Candidate>()) {
    // Protects the count: a vote that was not asked for belongs to another election.
    MOSAIK_ASSERT(std::ranges::includes(candidate->tally.asked, candidate->tally.granted));
    MOSAIK_ASSERT(std::ranges::includes(candidate->tally.asked, candidate->tally.abstained));
    MOSAIK_ASSERT(candidate->tally.granted.contains(config_.self));
  }
  // Protects the majority: only a peer that is asked again may be taken out of the count.
  MOSAIK_ASSERT(unresponsive_.size() <= peers_.size() && (unresponsive_.empty() || config_.quorum_floor != 0));
  for (const PeerId& peer : unresponsive_) MOSAIK_ASSERT(peers_.contains(peer));
}

}  // namespace mosaik::consensus
