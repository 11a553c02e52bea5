// Roles, votes and leaders: what changes in all parts of the engine at once (spec: groups 6.2 to 6.7).

#include "consensus/dynamic/engine.hpp"

#include "base/trace.hpp"

namespace mosaik::consensus {
namespace {
constexpr std::int64_t number(Term term) {
  return static_cast<std::int64_t>(term.value);
}
constexpr std::int64_t number(Index index) {
  return static_cast<std::int64_t>(index.value);
}
Decision traced(std::string_view what, std::string_view reason, const PeerId& peer,
                const std::array<Decision::Field, 3>& fields) {
  return {.component = "consensus", .what = what, .reason = reason, .peer = peer, .fields = fields};
}

std::string_view name_of(const std::optional<Vote>& vote) {
  if (!vote) return "vote_withheld";
  switch (*vote) {
    case Vote::granted: return "vote_granted";
    case Vote::abstained: return "vote_abstained";
    case Vote::denied: break;
  }
  return "vote_denied";
}
}  // namespace

// ------------------------------------------------------------------------------------------------ roles

// AppendEntries alone decides for itself whether a later term is followed.
bool Engine::heeds(const Now& now, Term term) {
  if (term < durability_.term()) return false;  // spec: groups 6.3: silently
  if (term > durability_.term()) become_follower(now, term, std::nullopt);
  return true;
}

void Engine::become_follower(const Now& now, Term term, const std::optional<PeerId>& leader) {
  end_leadership();
  const bool later = term > durability_.term();
  if (later) durability_.enter_term(term);
  MOSAIK_ASSERT(term == durability_.term());
  const bool was = elections_.role() == MemberRole::follower;
  trace([&] {
    const std::string_view reason = leader ? "leader_is_heard" : later ? "later_term" : "quorum_is_lost";
    return traced(was ? "follow" : "step_down", reason, leader.value_or(PeerId{}), {{{"term", number(term)}}});
  });
  elections_.follow(now, leader);
  contest_.on_role_changed();
  following_.begin();
  notices_.set_online(false);
  set_leader(leader);
  calls_.on_leader_changed(now);
  if (!was) outbox_.tell(RoleChanged{MemberRole::follower, term});
}

void Engine::campaign(const Now& now) {
  const auto term = elections_.next_term();
  if (!term) return become_follower(now, durability_.term(), std::nullopt);
  end_leadership();
  durability_.enter_term(*term);
  durability_.cast_vote(config_.self);
  // Our own vote is like any other: it counts once the disk has it.
  const Ticket ballot = durability_.ticket();
  elections_.become_candidate(now, ballot);
  contest_.on_role_changed();
  following_.begin();
  const Frame request = outbox_.frame(RequestVote{*term, config_.self, log_.last()});
  peers_.for_each([&](const PeerId& peer, Dialect) { outbox_.push(Send{peer, request, Urgency::consensus, ballot}); });
  calls_.on_leader_changed(now);
  notices_.set_online(false);
  set_leader(std::nullopt);
  outbox_.tell(RoleChanged{MemberRole::candidate, *term});
  count_votes(now);
}

void Engine::become_leader(const Now& now, const std::set<PeerId>& granted) {
  elections_.become_leader();
  trace([&] {
    return traced("lead", granted.empty() ? "quiet_period_is_over" : "votes_suffice", {},
                  {{{"term", number(durability_.term())}, {"granted", static_cast<std::int64_t>(granted.size())}}});
  });
  contest_.on_role_changed();
  contest_.on_settled();
  following_.begin();
  replication_.begin(now, granted);
  outbox_.tell(RoleChanged{MemberRole::leader, durability_.term()});
  set_leader(config_.self);
  notices_.set_online(true);
}

void Engine::end_leadership() {
  if (!elections_.leads()) return;
  reads_.on_leadership_lost();
  replication_.end();
}

void Engine::set_leader(const std::optional<PeerId>& leader) {
  if (notices_.set_leader(leader) && leader) elections_.on_leader_changed();
}

// ------------------------------------------------------------------------------------------------ silence and death

void Engine::on_silence(const Now& now) {
  const Elections::Silence silence = elections_.on_silence(now);
  trace([&] {
    if (silence == Elections::Silence::campaign)
      return traced("campaign", "no_leader_is_heard", {}, {{{"term", number(durability_.term())}}});
    const bool few = !membership_.suffices(now.mono);
    return traced("no_campaign", few ? "too_few_members" : "lacks_known_commit", {},
                  {{{"last", number(log_.last_index())}, {"committed", number(log_.committed())}}});
  });
  switch (silence) {
    case Elections::Silence::campaign: return campaign(now);
    case Elections::Silence::step_down: return become_follower(now, durability_.term(), std::nullopt);
    case Elections::Silence::wait: break;
  }
  following_.begin();
  set_leader(std::nullopt);
  notices_.set_online(false);
}

void Engine::on_leader_gone(const Now& now, Loss loss, Survivors survivors) {
  const auto deferred = elections_.on_leader_gone(loss, survivors);
  following_.begin();
  set_leader(std::nullopt);
  notices_.set_online(false);
  // A member that hears of its leader's death a moment later than the candidate must not cost the group an election
  // timeout.
  if (deferred && deferred->term > durability_.term() && peers_.contains(deferred->candidate)) {
    become_follower(now, deferred->term, std::nullopt);
    on_request_vote(now, deferred->candidate, *deferred);
    if (durability_.vote() == (Ballot{deferred->term, deferred->candidate})) return;
  }
  elections_.hurry(now);
}

// ------------------------------------------------------------------------------------------------ votes

void Engine::on_request_vote(const Now& now, const PeerId& from, const RequestVote& request) {
  const VoteDecision decision = elections_.decide(now, from, request);
  trace([&] {
    return traced(name_of(decision.vote), to_string(decision.reason), from,
                  {{{"term", number(request.term)},
                    {"candidate_last", number(request.last.index)},
                    {"own_last", number(log_.last_index())}}});
  });
  if (decision.reason == VoteReason::leader_is_heard) {
    outbox_.send(from, RequestVoteResponse{request.term, Vote::denied});
    return elections_.defer(from, request);
  }
  if (!heeds(now, request.term) || !decision.vote) return;
  // An abstention is this term's vote too: it takes us out of the candidate's count (spec: groups 8.1 S7).
  if (*decision.vote != Vote::denied) durability_.cast_vote(from);
  outbox_.send(from, RequestVoteResponse{request.term, *decision.vote}, Urgency::consensus, durability_.ticket());
  elections_.on_decided(now, request, *decision.vote);
}

void Engine::count_votes(const Now& now) {
  if (elections_.wins()) become_leader(now, std::set<PeerId>(elections_.granted()));
}

// From here on there is company: a term of a new round, that no other member has had.
void Engine::end_quiet_period(const Now& now) {
  const auto term = peers_.empty() ? std::nullopt : elections_.next_term();
  if (!term) return elections_.end_quiet_period();
  end_leadership();
  durability_.enter_term(*term);
  durability_.cast_vote(config_.self);
  become_leader(now, {});
}

// ------------------------------------------------------------------------------------------------ leaders

void Engine::on_append_entries(const Now& now, const PeerId& from, AppendEntries& append) {
  if (append.leader != from) return;  // spec: groups 8.1 S18
  if (elections_.is_quiet() && on_rival_while_quiet(now, from, append)) return;
  if (append.term < durability_.term()) {
    // A leader that was deposed elsewhere may hear of it from no other member; the crate leaves it in the dark.
    if (peers_.dialect_of(from).hears_denied_append()) following_.acknowledge(from, log_.last_index(), Vote::denied);
    return;
  }
  if (append.term == durability_.term()) {
    // A rival in our own term, which only a Rust member can be (spec: groups 6.3): both go to the voters.
    if (elections_.leads()) return on_silence(now);
    // Of two Rust leaders in one term one is enough, and they will find each other.
    if (elections_.leader() && !elections_.follows(from)) return;
    if (elections_.follows(from)) return follow(now, from, append);
  }
  on_new_leader(now, from, append);
}

void Engine::on_new_leader(const Now& now, const PeerId& from, AppendEntries& append) {
  if (!contest_.is_due(now, append)) {
    become_follower(now, append.term, from);
    return follow(now, from, append);
  }
  const auto leader = elections_.leader();
  if (leader && !elections_.leads() && peers_.dialect_of(*leader).contests_leaders())
    return contest_.wait_for_leader(append.term, elections_.turn_after_leader(now));
  contest(now, append.term);
}

void Engine::contest(const Now& now, Term term) {
  contest_.on_campaign();
  trace([&] {
    return traced("contest_leader", "it_lacks_what_is_committed", {},
                  {{{"term", number(term)}, {"committed", number(log_.committed())}}});
  });
  if (term > durability_.term()) become_follower(now, term, std::nullopt);
  campaign(now);
}

bool Engine::on_rival_while_quiet(const Now& now, const PeerId& from, const AppendEntries& append) {
  const Index theirs = append.previous.index.plus(append.entries.size());
  if (theirs < log_.last_index()) {
    // We have more. A lone beginner like us will see that and yield; any other has to be asked for a vote.
    if (append.term > durability_.term()) campaign(now);
    return true;
  }
  if (theirs == log_.last_index()) return append.term < durability_.term();
  // They have more, and no other member has heard of our term: it never was.
  if (!log_.empty()) start_over(from, log_.first_index());
  durability_.forget_term();
  become_follower(now, append.term, from);
  return false;
}

void Engine::follow(const Now& now, const PeerId& from, AppendEntries& append) {
  elections_.hear_leader(now);
  set_leader(from);
  elections_.on_leader_followed();
  if (config_.quorum_floor != 0 && peers_.dialect_of(from).keeps_floor())
    elections_.on_known_commit(append.leader_commit);
  const auto outcome = following_.on_append(from, append);
  if (std::holds_alternative<Following::InStep>(outcome)) {
    if (append.leader_commit >= log_.committed()) contest_.on_settled();
    return notices_.set_online(true);
  }
  if (const auto* diverged = std::get_if<Following::Diverged>(&outcome)) start_over(from, diverged->first_difference);
  notices_.set_online(false);
  following_.lag(from, append);
}

void Engine::start_over(const PeerId& leader, Index first_difference) {
  if (log_.committed() > Index{}) {
    ++diverged_;
    outbox_.tell(Diverged{leader, durability_.term(), log_.committed(), first_difference});
    outbox_.push(feed_.reset());
  }
  MOSAIK_ASSERT(first_difference <= std::max(log_.committed(), log_.first_index()));
  log_.clear();
  feed_.start_over();
  durability_.on_truncated(log_.first_index());
  following_.on_truncated(log_.first_index());
  elections_.on_history_given_up();
  calls_.on_history_given_up();
  reads_.on_history_given_up();
}

}  // namespace mosaik::consensus
