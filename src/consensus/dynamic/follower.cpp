// A member that hears a leader: AppendEntries and catch-up (spec: groups 6.7, 6.12).

#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ whom to follow

void Engine::Impl::on_append_entries(const Now& now, const PeerId& from, AppendEntries& append) {
  if (append.leader != from) return;  // spec: groups 8.1 S18
  if (on_rival_while_silent(now, from, append)) return;
  if (append.term < durability_.term()) {
    // A leader that was deposed elsewhere may hear of it from nobody else; the crate leaves it in the dark.
    if (peers_.dialect_of(from).hears_denied_append()) acknowledge(from, log.last_index(), Vote::denied);
    return;
  }
  if (append.term == durability_.term()) {
    // A rival in our own term, which only a Rust member can be (spec: groups 6.3): both go to the voters.
    if (role<Leader>() != nullptr) return on_silence(now);
    if (const auto* follower = role<Follower>(); follower != nullptr && follower->leader) {
      // Of two Rust leaders in one term one is enough, and they will find each other.
      if (follower->leader == from) follow(now, from, append);
      return;
    }
  }
  on_new_leader(now, from, append);
}

void Engine::Impl::on_new_leader(const Now& now, const PeerId& from, AppendEntries& append) {
  if (!contests(now, append)) {
    become_follower(now, append.term, from);
    return follow(now, from, append);
  }
  auto* follower = role<Follower>();
  if (follower == nullptr || !follower->leader || !peers_.dialect_of(*follower->leader).contests_leaders())
    return contest(now, append.term);
  // Our leader hears it too, as a rule, and contests it at once. If it does not, we do, one after the other.
  if (!follower->rival) follower->rival = Follower::Rival{append.term, now.mono + config_.failover_stagger + stagger()};
  follower->rival->term = std::max(follower->rival->term, append.term);
}

void Engine::Impl::contest(const Now& now, Term term) {
  ++contests_;
  if (term > durability_.term()) become_follower(now, term, std::nullopt);
  campaign(now);
}

bool Engine::Impl::on_rival_while_silent(const Now& now, const PeerId& from, const AppendEntries& append) {
  const auto* leader = role<Leader>();
  if (leader == nullptr || leader->silent_until == never) return false;
  const Index theirs = append.previous.index.plus(append.entries.size());
  if (theirs < log.last_index()) {
    // We have more. A lone beginner like us will see that and yield; any other has to be asked for a vote.
    if (append.term > durability_.term()) campaign(now);
    return true;
  }
  if (theirs == log.last_index()) return append.term < durability_.term();
  // They have more, and nobody has heard of our term: it never was.
  if (!log.empty()) start_over(from, Index{1});
  durability_.forget_term();
  become_follower(now, append.term, from);
  return false;
}

void Engine::Impl::hear_leader(const Now& now, Follower& follower) {
  arm_follower(now, follower);
  follower.heard = now.mono;
  follower.put_off.reset();
  owed_until_ = later(now.mono, config_.alone_after);
}

// Only what a leader sends: a former one that forwards a large command is none.
void Engine::Impl::on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head) {
  auto* follower = role<Follower>();
  if (follower == nullptr || follower->leader != from) return;
  if (head[0] == bond_message_raft && carries_entries(head.last<2>())) hear_leader(now, *follower);
}

void Engine::Impl::follow(const Now& now, const PeerId& from, AppendEntries& append) {
  auto& follower = std::get<Follower>(state_);
  hear_leader(now, follower);
  set_leader(from);
  haste_ = false;
  if (config_.quorum_floor != 0 && peers_.dialect_of(from).keeps_floor()) owed_ = std::max(owed_, append.leader_commit);
  follower.leader_commit = std::max(follower.leader_commit, append.leader_commit);
  if (log.matches(append.previous)) return accept(from, append);
  // An entry of ours where the leader has another one: it and all behind it leave.
  if (append.previous.index <= log.last_index()) {
    if (append.previous.index <= log.committed()) {
      start_over(from, append.previous.index);
    } else {
      cut(append.previous.index);
    }
  }
  lag(from, append);
}

// ------------------------------------------------------------------------------------------------ in step

std::optional<Index> Engine::Impl::merge(const Cursor& previous, std::vector<Entry>& entries) {
  Index index = previous.index;
  for (Entry& entry : entries) {
    index = index.next();
    if (index <= log.last_index()) {
      // Equal terms with unequal commands: two Rust leaders had one term (spec: groups 8.1 S4).
      if (log.at(index) == entry) continue;
      if (index <= log.committed()) return index;
      cut(index);
    }
    log.append(std::move(entry));
    durability_.on_appended();
  }
  return std::nullopt;
}

void Engine::Impl::accept(const PeerId& from, AppendEntries& append) {
  const bool has_entries = !append.entries.empty();
  const Index matched = append.previous.index.plus(append.entries.size());
  if (const auto difference = merge(append.previous, append.entries)) {
    // What was merged before the difference leaves with the rest; it is fetched again.
    start_over(from, *difference);
    append.entries.clear();
    return lag(from, append);
  }
  auto& follower = std::get<Follower>(state_);
  const bool first = !follower.accepted;
  follower.accepted = true;
  follower.session.reset();
  if (append.leader_commit >= log.committed()) contests_ = 0;
  // A Rust leader wants no answer to heartbeats; one tells it that we are in step (it counts us from then on). A C++
  // leader gets exactly one answer to each AppendEntries: it counts them.
  if (has_entries || first || peers_.dialect_of(from).answers_every_append()) acknowledge_in_step(from, matched);
  log.commit_to(std::min(append.leader_commit, matched));
  set_online(true);
}

void Engine::Impl::acknowledge(const PeerId& leader, Index last, Vote vote) {
  outbox.send(leader, AppendEntriesResponse{durability_.term(), last, vote}, Urgency::consensus, durability_.ticket());
}

void Engine::Impl::acknowledge_in_step(const PeerId& leader, Index last) {
  acknowledge(leader, last, config_.preference == Preference::observer ? Vote::abstained : Vote::granted);
}

// ------------------------------------------------------------------------------------------------ out of step

void Engine::Impl::lag(const PeerId& from, AppendEntries& append) {
  auto& follower = std::get<Follower>(state_);
  set_online(false);
  follower.accepted = false;
  const bool fresh = !follower.session;
  if (fresh) {
    follower.session.emplace(
        append.previous, std::move(append.entries), config_.batch_size,
        peers_.dialect_of(from).cuts_fetch_answers() ? CatchUp::Answers::cut : CatchUp::Answers::whole);
  } else {
    follower.session->buffer(append.previous, std::move(append.entries));
  }
  // A leader that counts on us would wait for ever (spec: groups 8.1 S14). With a floor we do not help a Rust leader to
  // commit with fewer copies (11.4).
  if (peers_.dialect_of(from).answers_every_append() || (fresh && config_.quorum_floor == 0))
    acknowledge(from, log.last_index(), Vote::abstained);
}

void Engine::Impl::on_fetched(const PeerId& from, FetchEntriesResponse& fetched) {
  auto* follower = role<Follower>();
  if (follower == nullptr || !follower->session || follower->leader != from) return;
  follower->session->on_fetched(std::move(fetched));
}

void Engine::Impl::advance_session(const Now& now) {
  auto* follower = role<Follower>();
  if (follower == nullptr || !follower->session) return;
  const Index before = log.last_index();
  const auto outcome = follower->session->drain(log);
  if (log.last_index() != before) durability_.on_appended();
  if (const auto* parted = std::get_if<CatchUp::Parted>(&outcome)) {
    if (parted->from > log.committed()) {
      cut(parted->from);
    } else {
      start_over(leader_.value_or(config_.self), parted->from);
    }
  }
  if (std::holds_alternative<CatchUp::Done>(outcome)) return end_session(*follower);
  if (!follower->leader || !peers_.contains(*follower->leader)) return;
  if (const auto question = follower->session->ask(now, log)) outbox.send(*follower->leader, *question);
}

void Engine::Impl::end_session(Follower& follower) {
  const Index target = follower.session->target().index;
  follower.session.reset();
  follower.accepted = true;
  log.commit_to(std::min(follower.leader_commit, target));
  set_online(true);
  // A C++ leader's next heartbeat brings our acknowledgement; a Rust leader's would not.
  if (follower.leader && !peers_.dialect_of(*follower.leader).answers_every_append())
    acknowledge_in_step(*follower.leader, target);
}

// ------------------------------------------------------------------------------------------------ what leaves

void Engine::Impl::cut(Index from) {
  log.truncate(from);
  forget_from(from);
}

void Engine::Impl::forget_from(Index from) {
  durability_.on_truncated(from);
  if (auto* follower = role<Follower>(); follower != nullptr && follower->session) follower->session->restart(from);
}

void Engine::Impl::start_over(const PeerId& leader, Index first_difference) {
  if (log.committed() > Index{}) {
    ++diverged_;
    outbox.tell(Diverged{leader, durability_.term(), log.committed(), first_difference});
    outbox.push(feed_.reset());
  }
  log.clear();
  feed_.start_over();
  owed_ = {};
  give_up_places(Doubt::diverged);
  refuse_waiting_reads(Refusal::offline);
  forget_from(Index{1});
}

}  // namespace mosaik::consensus
