// Queries (spec: groups 6.11, 11.3). Weak: this member's machine, after all that is committed here. Strong: the
// leader's, after enough members have confirmed, by answering something sent later than the query came, that it still
// leads.

#include "consensus/dynamic/impl.hpp"
#include "consensus/dynamic/quorum.hpp"

namespace mosaik::consensus {

// ------------------------------------------------------------------------------------------------ beginning

void Engine::Impl::query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline) {
  if (role<Ended>() != nullptr) return outbox.answer(call, stopped());
  if (query.size() > limits::query_bytes) return outbox.answer(call, NotApplied{Refusal::too_large});
  if (deadline <= now.mono) return outbox.answer(call, NotApplied{Refusal::expired});
  if (queries_.size() >= limits::calls || own_query_bytes_ + query.size() > limits::waiting_query_bytes)
    return outbox.answer(call, NotApplied{Refusal::full});
  start_query(now, {.asked = {call, {}, 0},
                    .query = std::move(query),
                    .deadline = deadline,
                    .until = deadline,
                    .consistency = consistency,
                    .forwarded = {},
                    .leader = {},
                    .position = {}});
}

void Engine::Impl::on_forwarded_query(const Now& now, const PeerId& from, ForwardQuery& message) {
  const auto* leader = role<Leader>();
  if (leader == nullptr || leader->silent_until != never) return;
  const std::size_t size = message.query.size();
  const auto known = served_to_.find(from);
  const Served own = known == served_to_.end() ? Served{} : known->second;
  if (size > limits::query_bytes || !is_fair(own.queries, 1, served_.queries, limits::forwarded_queries) ||
      !is_fair(own.bytes, size, served_.bytes, limits::forwarded_bytes))
    return;
  served_ = {served_.queries + 1, served_.bytes + size};
  served_to_[from] = {own.queries + 1, own.bytes + size};
  start_query(now, {.asked = {std::nullopt, from, message.request},
                    .query = std::move(message.query),
                    .deadline = now.mono + config_.query_timeout,
                    .until = now.mono + config_.query_timeout,
                    .consistency = Consistency::strong,
                    .forwarded = {},
                    .leader = {},
                    .position = {}});
}

void Engine::Impl::start_query(const Now& now, WaitingQuery waiting) {
  const std::uint64_t key = ++next_query_;
  if (waiting.asked.call) own_query_bytes_ += waiting.query.size();
  WaitingQuery& kept = queries_.emplace(key, std::move(waiting)).first->second;
  query_deadlines_.emplace(kept.deadline, key);
  if (kept.consistency == Consistency::weak) {
    kept.position = log.committed();
    queries_for_machine_.insert(key);
  } else if (kept.asked.call) {
    leaderless_queries_.insert(key);
    seek_leader_for_queries(now);
  } else {
    confirm_first(key);
  }
}

void Engine::Impl::seek_leader_for_queries(const Now& now) {
  while (!leaderless_queries_.empty() && has_leader()) {
    const std::uint64_t key = *leaderless_queries_.begin();
    leaderless_queries_.erase(leaderless_queries_.begin());
    if (role<Leader>() != nullptr)
      confirm_first(key);
    else
      forward_query(now, key, queries_.at(key));
  }
}

// A read may be asked twice: it goes to the next leader, or again to this one, within its time.
void Engine::Impl::wait_for_leader(std::uint64_t key) {
  WaitingQuery& waiting = queries_.at(key);
  query_deadlines_.erase({waiting.deadline, key});
  if (waiting.forwarded) {
    queries_by_forward_.erase(*waiting.forwarded);
    kept_bytes_ -= waiting.query.size();
    waiting.forwarded.reset();
  }
  waiting.deadline = waiting.until;
  query_deadlines_.emplace(waiting.deadline, key);
  leaderless_queries_.insert(key);
}

/// The leader that was asked leads no more, or is gone.
void Engine::Impl::drop_query(std::uint64_t key) {
  if (queries_.at(key).asked.call) return wait_for_leader(key);
  refuse(key, Refusal::offline);
}

void Engine::Impl::forward_query(const Now& now, std::uint64_t key, WaitingQuery& waiting) {
  if (kept_bytes_ + waiting.query.size() > limits::forwarded_bytes) return refuse(key, Refusal::full);
  ForwardId request = rng_.next();
  while (queries_by_forward_.contains(request)) ++request;
  waiting.forwarded = request;
  kept_bytes_ += waiting.query.size();
  waiting.leader = *std::get<Follower>(state_).leader;
  query_deadlines_.erase({waiting.deadline, key});
  waiting.deadline = std::min(waiting.deadline, now.mono + config_.query_timeout);
  query_deadlines_.emplace(waiting.deadline, key);
  queries_by_forward_.emplace(request, key);
  outbox.send(waiting.leader, ForwardQuery{waiting.query, request});
}

void Engine::Impl::confirm_first(std::uint64_t key) {
  auto& leader = std::get<Leader>(state_);
  // All that come within one step share a confirmation.
  if (leader.confirmations.empty() || !leader.confirmations.back().fresh) {
    Confirmation confirmation;
    confirmation.number = ++leader.next_confirmation;
    leader.confirmations.push_back(std::move(confirmation));
  }
  leader.confirmations.back().queries.push_back(key);
}

// ------------------------------------------------------------------------------------------------ confirmation

void Engine::Impl::probe(const Now& now) {
  auto& leader = std::get<Leader>(state_);
  if (!leader.confirmations.empty() && leader.confirmations.back().fresh) {
    Confirmation& fresh = leader.confirmations.back();
    fresh.fresh = false;
    // Whatever goes to all in this step went after the query had come.
    bool any_cpp = false;
    for (const auto& [peer, bonded] : bonded_) any_cpp = any_cpp || bonded.dialect.answers_every_append();
    if (any_cpp && !leader.told) {
      heartbeat(now);
      leader.heartbeat_at = now.mono + config_.heartbeat_interval;
    }
    for (const auto& [peer, bonded] : bonded_)
      if (bonded.dialect.answers_every_append()) fresh.marks.emplace(peer, bonded.asked);
  }
  conclude_confirmations(now);
  if (leader.confirmations.empty()) return;
  for (auto& [peer, bonded] : bonded_)
    if (!bonded.dialect.answers_every_append() && !leader.confirmations.back().confirmed.contains(peer))
      probe_rust(peer, bonded);
}

// A Rust member answers no heartbeat. Its newest entry, sent again, it skips and acknowledges; but only when it is
// surely not catching up (spec: groups 11.2, 11.3): it has acknowledged all that was sent on this bond.
void Engine::Impl::probe_rust(const PeerId& peer, Bonded& bonded) {
  const auto& leader = std::get<Leader>(state_);
  const Index last = leader.broadcast;
  const bool in_step = bonded.in_sync && bonded.repairs == 0 && bonded.acked == last && bonded.placed == last;
  if (!in_step || bonded.probing || last == Index{} || last != log.last_index()) return;
  const Index before = last.previous();
  outbox.send(
      peer,
      AppendEntries{durability_.term(), config_.self, {*log.term_at(before), before}, {log.at(last)}, log.committed()});
  bonded.probing = true;
  bonded.probe = leader.next_confirmation;
}

void Engine::Impl::on_confirmed(const PeerId& peer, Bonded& bonded) {
  auto& leader = std::get<Leader>(state_);
  std::uint64_t up_to = 0;
  if (bonded.dialect.answers_every_append()) {
    if (bonded.answered < bonded.asked) ++bonded.answered;
  } else if (bonded.repairs > 0) {
    --bonded.repairs;
  } else if (bonded.probing) {
    bonded.probing = false;
    up_to = bonded.probe;
  }
  for (Confirmation& confirmation : leader.confirmations) {
    if (confirmation.number <= up_to) confirmation.confirmed.insert(peer);
    const auto mark = confirmation.marks.find(peer);
    if (mark != confirmation.marks.end() && bonded.answered >= mark->second) confirmation.confirmed.insert(peer);
  }
}

bool Engine::Impl::confirmed(const Now& now, const Confirmation& confirmation) const {
  // Entries of an earlier leader may be committed without our knowing (spec: groups 8.1 S10, S15).
  if (log.committed() < std::get<Leader>(state_).elected_at) return false;
  if (config_.quorum_floor != 0) return confirmation.confirmed.size() + 1 >= config_.quorum_floor;
  std::size_t able = 1;
  std::size_t have = 1;
  for (const auto& [peer, bonded] : bonded_) {
    // Without an entry there is nothing that a Rust member would answer.
    if (!bonded.in_sync || (!bonded.dialect.answers_every_append() && log.empty())) continue;
    ++able;
    if (confirmation.confirmed.contains(peer)) ++have;
  }
  return have >= quorum::majority(able) && (able > 1 || membership_.may_commit_alone(now.mono));
}

void Engine::Impl::conclude_confirmations(const Now& now) {
  auto& leader = std::get<Leader>(state_);
  std::erase_if(leader.confirmations, [&](const Confirmation& confirmation) {
    if (std::ranges::none_of(confirmation.queries, [&](std::uint64_t key) { return queries_.contains(key); }))
      return true;  // their time is over
    if (!confirmed(now, confirmation)) return false;
    for (const std::uint64_t key : confirmation.queries) {
      const auto found = queries_.find(key);
      if (found == queries_.end()) continue;  // its time was over
      found->second.position = log.committed();
      queries_for_machine_.insert(key);
    }
    return true;
  });
}

void Engine::Impl::drop_reads_of_leader() {
  for (const Confirmation& confirmation : std::get<Leader>(state_).confirmations)
    for (const std::uint64_t key : confirmation.queries)
      if (queries_.contains(key)) drop_query(key);
  std::get<Leader>(state_).confirmations.clear();
}

// ------------------------------------------------------------------------------------------------ the end

void Engine::Impl::refuse_query(const WaitingQuery& waiting, Refusal why) {
  if (waiting.asked.call && why == Refusal::offline) return outbox.answer(*waiting.asked.call, no_leader());
  if (waiting.asked.call && why == Refusal::stopped) return outbox.answer(*waiting.asked.call, stopped());
  if (waiting.asked.call) return outbox.answer(*waiting.asked.call, NotApplied{why});
  end_service(waiting);  // silence is the only refusal on this wire
}

void Engine::Impl::end_service(const WaitingQuery& waiting) {
  const auto end_one = [&](Served& served) {
    --served.queries;
    served.bytes -= waiting.query.size();
  };
  end_one(served_);
  const auto of_it = served_to_.find(waiting.asked.peer);
  MOSAIK_ASSERT(of_it != served_to_.end());
  end_one(of_it->second);
  if (of_it->second.queries == 0) served_to_.erase(of_it);
}

void Engine::Impl::end_query(std::uint64_t key) {
  const auto found = queries_.find(key);
  query_deadlines_.erase({found->second.deadline, key});
  if (found->second.forwarded) {
    queries_by_forward_.erase(*found->second.forwarded);
    kept_bytes_ -= found->second.query.size();
  }
  if (found->second.asked.call) own_query_bytes_ -= found->second.query.size();
  queries_for_machine_.erase(key);
  leaderless_queries_.erase(key);
  queries_.erase(found);
}

void Engine::Impl::refuse(std::uint64_t key, Refusal why) {
  refuse_query(queries_.at(key), why);
  end_query(key);
}

// They wait for a place in a history that is given up.
void Engine::Impl::refuse_waiting_reads(Refusal why) {
  for (const std::uint64_t key : std::exchange(queries_for_machine_, {})) refuse(key, why);
}

void Engine::Impl::on_query_response(const PeerId& from, const QueryResponse& response) {
  const auto found = queries_by_forward_.find(response.request);
  if (found == queries_by_forward_.end() || queries_.at(found->second).leader != from) return;
  const std::uint64_t key = found->second;
  outbox.answer(*queries_.at(key).asked.call, Read{response.result, response.position, feed_.epoch().value});
  end_query(key);
}

namespace {
/// A strong read ends alike wherever it was asked: what could not travel to another member is given to nobody.
Result<Blob> limited(const Result<Blob>& answer, Consistency consistency) {
  if (!answer || consistency != Consistency::strong || answer->size() <= limits::answer_bytes) return answer;
  return fail(Errc::limit, "the machine's answer has " + std::to_string(answer->size()) +
                               " bytes, and that of a strong read may have " + std::to_string(limits::answer_bytes) +
                               ": ask for less at a time, or by a weak read");
}
}  // namespace

void Engine::Impl::on_answered(const Now&, QueryId id, const Result<Blob>& answered) {
  feed_.on_answered(id);
  const auto found = queries_.find(id.value);
  if (found == queries_.end()) return;  // its time was over
  const WaitingQuery& waiting = found->second;
  const Asked asked = waiting.asked;
  const Result<Blob> result = limited(answered, waiting.consistency);
  if (asked.call) {
    if (result) outbox.answer(*asked.call, Read{*result, waiting.position, waiting.history});
    if (!result) outbox.answer(*asked.call, QueryFailed{result.error()});
  } else {
    end_service(waiting);
    // A large one lets everything else pass first.
    if (result && peers_.contains(asked.peer))
      outbox.send(asked.peer, QueryResponse{asked.request, *result, waiting.position},
                  result->size() > limits::append_bytes ? Urgency::bulk : Urgency::consensus);
  }
  end_query(id.value);
}

void Engine::Impl::drop_queries_to(const PeerId& leader) {
  std::vector<std::uint64_t> lost;
  for (const auto& [request, key] : queries_by_forward_)
    if (queries_.at(key).leader == leader) lost.push_back(key);
  for (const std::uint64_t key : lost) drop_query(key);
}

void Engine::Impl::expire_queries(const Now& now) {
  while (!query_deadlines_.empty() && query_deadlines_.begin()->first <= now.mono) {
    const std::uint64_t key = query_deadlines_.begin()->second;
    const WaitingQuery& waiting = queries_.at(key);
    if (waiting.forwarded && now.mono < waiting.until)
      wait_for_leader(key);
    else
      refuse(key, leaderless_queries_.contains(key) ? Refusal::offline : Refusal::expired);
  }
}

}  // namespace mosaik::consensus
