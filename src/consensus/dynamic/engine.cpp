// The face of the engine; inputs and steps.

#include "consensus/dynamic/engine.hpp"

#include <new>

#include "base/overloaded.hpp"
#include "consensus/dynamic/bystander.hpp"

namespace mosaik::consensus {
namespace {

Log log_of(std::vector<Entry> entries) {
  Log out;
  for (Entry& entry : entries) out.append(std::move(entry));
  return out;
}

/// The term that a message carries; forwards and catch-up carry none (spec: groups 5.1).
std::optional<Term> term_of(const Message& message) {
  return std::visit(
      [](const auto& one) -> std::optional<Term> {
        if constexpr (requires { one.term; }) return one.term;
        return std::nullopt;
      },
      message);
}

}  // namespace

Engine::Engine(Config config, FramePool& pool, Rng rng, const Now& now)
    : outbox_(pool),
      log_(log_of(std::exchange(config.restored.entries, {}))),
      config_(std::move(config)),
      rng_(rng),
      durability_(config_.store, log_, config_.restored.term, config_.restored.ballot),
      feed_(log_),
      membership_(config_, peers_, outbox_, now),
      provider_(config_, peers_, log_, outbox_),
      following_(config_, log_, durability_, peers_, outbox_),
      elections_(config_, rng_, log_, durability_, peers_, membership_, following_, now),
      contest_(config_, log_, membership_),
      replication_(config_, log_, durability_, peers_, membership_, elections_, outbox_),
      notices_(config_, log_, durability_, peers_, membership_, elections_, following_, outbox_),
      calls_(config_, rng_, log_, durability_, peers_, elections_, replication_, notices_, outbox_, kept_),
      reads_(config_, rng_, log_, durability_, peers_, membership_, elections_, replication_, feed_, notices_, outbox_,
             kept_) {}

// ------------------------------------------------------------------------------------------------ bonds

void Engine::on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts) {
  if (peer == config_.self) return;
  const Dialect dialect = facts.cpp ? Dialect::native : Dialect::crate;
  if (elections_.ended()) return peers_.add(peer, dialect, now.mono);
  membership_.on_bonding(peer);
  peers_.add(peer, dialect, now.mono);
  provider_.on_bonded(peer, now.mono);
  replication_.on_bonded(now, peer);
  membership_.on_bonded(now);
  if (facts.floor && *facts.floor != config_.quorum_floor) outbox_.tell(FloorDiffers{peer, *facts.floor});
  elections_.on_bonded(now, peer);
}

void Engine::on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors) {
  if (!peers_.contains(peer)) return;
  peers_.remove(peer);
  if (elections_.ended()) return;  // it is we who leave
  provider_.on_gone(peer);
  replication_.on_gone(peer);
  membership_.on_gone(now, peer, loss);
  calls_.on_gone(peer);
  reads_.on_gone(peer);
  elections_.on_gone(peer);
  if (elections_.follows(peer)) on_leader_gone(now, loss, survivors);
}

// ------------------------------------------------------------------------------------------------ messages

Result<> Engine::on_message(const Now& now, const PeerId& from, const Blob& bytes) {
  if (elections_.ended()) return stand_by(from, bytes);
  if (!peers_.contains(from)) return {};
  auto message = decode(bytes);
  if (!message) return std::unexpected(message.error());
  if (!peers_.admits(from, *message, now.mono)) return {};
  if (const auto term = term_of(*message); term && *term > terms::greatest)
    return fail(Errc::malformed, "a raft message of a term beyond all bounds");
  std::visit(overloaded{[&](AppendEntries& append) { on_append_entries(now, from, append); },
                        [&](const AppendEntriesResponse& response) { on_append_response(now, from, response); },
                        [&](const RequestVote& request) { on_request_vote(now, from, request); },
                        [&](const RequestVoteResponse& response) {
                          if (!heeds(now, response.term)) return;
                          elections_.on_vote(from, response.vote);
                          count_votes(now);
                        },
                        [&](ForwardCommand& forwarded) {
                          if (forwarded.commands.empty()) return reads_.on_forwarded_barrier(now, from, forwarded);
                          calls_.on_forwarded(from, forwarded);
                        },
                        [&](const CommandAck& ack) {
                          if (!reads_.on_barrier_answer(from, ack)) calls_.on_acknowledged(from, ack);
                        },
                        [&](ForwardQuery& asked) { reads_.on_forwarded(now, from, asked); },
                        [&](QueryResponse& read) { reads_.on_response(from, read); },
                        [&](const AvailabilityRequest&) { provider_.on_availability_request(from, offer()); },
                        [](const AvailabilityResponse&) {},  // we fetch from the leader, and need not ask what it has
                        [&](const FetchEntriesRequest& fetch) { on_fetch_request(now, from, fetch.range); },
                        [&](FetchEntriesResponse& fetched) {
                          if (elections_.follows(from)) following_.on_fetched(fetched);
                        }},
             *message);
  return {};
}

void Engine::on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response) {
  if (!heeds(now, response.term) || !elections_.leads()) return;
  if (replication_.on_append_response(now, from, response)) reads_.on_append_answer(from);
}

void Engine::on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range) {
  if (provider_.on_fetch_request(now, from, range, offer())) replication_.hurry_append(now);
}

Provider::Offer Engine::offer() const {
  return elections_.leads() ? Provider::Offer::all : Provider::Offer::committed;
}

// Only what a leader sends: a former one that forwards a large command leads no more.
void Engine::on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head) {
  if (!elections_.follows(from)) return;
  if (head[0] == bond_message_raft && carries_entries(head.last<2>())) elections_.hear_leader(now);
}

// With a floor, what this member has acknowledged may be one of the copies that a commit rests on: it is as good as
// dead, and may not be counted as one that is not ahead.
Result<> Engine::stand_by(const PeerId& from, const Blob& bytes) {
  if (config_.quorum_floor != 0) return {};
  // A member without any entry would begin a history of its own beside that of the members that have stopped.
  if (log_.committed() > Index{}) {
    const auto message = decode(bytes);
    const auto* request = message ? std::get_if<RequestVote>(&*message) : nullptr;
    if (request != nullptr && request->candidate == from && request->last.index == Index{}) {
      outbox_.send(from, RequestVoteResponse{request->term, Vote::denied});
      return {};
    }
  }
  if (const auto answer = answer_of_bystander(from, bytes, peers_.dialect_of(from).heeds_bystanders()))
    outbox_.send(from, *answer);
  return {};
}

// ------------------------------------------------------------------------------------------------ calls

void Engine::call(const Now& now, CallId id, Call call, Mono deadline) try {
  if (elections_.ended()) return outbox_.answer(id, notices_.stopped());
  std::visit(overloaded{[&](Execute& one) { execute(now, id, one, deadline); },
                        [&](Query& one) { reads_.query(now, id, std::move(one.query), one.consistency, deadline); },
                        [&](ReadBarrier&) { reads_.barrier(now, id, deadline); }},
             call);
} catch (const std::bad_alloc&) {
  give_up_memory(now);
}

void Engine::execute(const Now& now, CallId id, Execute& call, Mono deadline) {
  if (const auto why = Calls::refuses(call.commands)) return outbox_.answer(id, NotApplied{*why});
  if (deadline <= now.mono) return outbox_.answer(id, NotApplied{Refusal::expired});
  seek_leader(now);  // no call overtakes those that wait
  calls_.submit(now, id, std::move(call.commands), call.until, deadline);
}

void Engine::seek_leader(const Now& now) {
  calls_.seek_leader(now);
  reads_.seek_leader(now);
}

void Engine::on_persisted(const Now& now, Ticket ticket) {
  durability_.on_persisted(ticket);
  count_votes(now);
}

// ------------------------------------------------------------------------------------------------ time

void Engine::on_timer(const Now& now) {
  if (elections_.ended()) return;
  calls_.expire(now);
  reads_.expire(now);
  if (elections_.is_due(now.mono)) on_silence(now);
  if (const auto term = contest_.due(now.mono)) contest(now, *term);
}

Mono Engine::next_deadline() const {
  Mono out =
      std::min({calls_.next_deadline(), reads_.next_deadline(), elections_.next_deadline(), contest_.next_deadline(),
                following_.next_deadline(), replication_.next_deadline(notices_.step_at()), provider_.next_deadline()});
  // Those that waited for a leader, which came in the middle of a step.
  if ((calls_.any_waits() || reads_.any_waits()) && elections_.leader()) out = std::min(out, notices_.step_at());
  return out;
}

// ------------------------------------------------------------------------------------------------ a step

void Engine::settle(const Now& now) try {
  notices_.on_step(now.mono);
  if (!elections_.ended()) {
    seek_leader(now);
    advance_catch_up(now);
    if (provider_.serve(now, offer())) replication_.hurry_append(now);
    if (elections_.leads()) lead(now);
    if (auto write = durability_.hand_over()) outbox_.push(std::move(*write));
    while (auto run = feed_.next_run()) outbox_.push(std::move(*run));
    reads_.hand_over();
    calls_.conclude();
    notices_.tell_waiting();
    notices_.tell_log_fills();
  }
  notices_.tell_progress();
  check_invariants();
} catch (const std::bad_alloc&) {
  give_up_memory(now);
}

void Engine::advance_catch_up(const Now& now) {
  if (!following_.is_catching_up()) return;
  const auto leader = elections_.leader();
  const auto outcome = following_.advance(leader);
  if (std::holds_alternative<Following::InStep>(outcome)) return notices_.set_online(true);
  if (const auto* diverged = std::get_if<Following::Diverged>(&outcome))
    start_over(leader.value_or(config_.self), diverged->first_difference);
  if (leader) following_.ask(now, *leader);
}

void Engine::lead(const Now& now) {
  if (elections_.quiet_period_over(now.mono)) end_quiet_period(now);
  if (elections_.has_lost_floor(now)) return become_follower(now, durability_.term(), std::nullopt);
  if (elections_.is_quiet()) {
    replication_.keep_quiet(now);
    return reads_.conclude_confirmed(now);
  }
  if (!replication_.replicate(now)) return on_silence(now);
  reads_.confirm(now);
}

void Engine::check_invariants() const {
  log_.check_invariants();
  if (elections_.ended()) return;  // what it was doing was left half done
  durability_.check_invariants();
  feed_.check_invariants();
  membership_.check_invariants();
  provider_.check_invariants();
  following_.check_invariants();
  elections_.check_invariants();
  replication_.check_invariants();
  notices_.check_invariants();
  calls_.check_invariants();
  reads_.check_invariants();
  // Protects all later callers: what no call or query keeps any more would be missing from the budget for ever.
  MOSAIK_ASSERT(kept_.used() == calls_.kept_bytes() + reads_.kept_bytes());
  // Protects the followers of another leader: only a member that follows one has its log to catch up with.
  MOSAIK_ASSERT(!following_.is_catching_up() || (elections_.leader() && !elections_.leads()));
}

// ------------------------------------------------------------------------------------------------ the end

// Whatever the member was doing is left half done: it takes part in nothing more, and the process lives on.
void Engine::give_up_memory(const Now& now) {
  const std::uint64_t bytes = std::exchange(log_, Log()).memory();
  stop(now, "there was no memory for the log of this group, which had " + std::to_string(bytes) +
                " bytes; give the process more memory, or all members a smaller --log-limit");
}

void Engine::stop(const Now&, std::string_view reason) {
  if (elections_.ended()) return;
  end_leadership();
  notices_.set_stopped(reason);
  // The bonds stay when it is the machine that failed: a leader that counts on us would wait for ever.
  const auto leader = elections_.leader();
  if (config_.quorum_floor == 0 && leader && !elections_.leads())
    outbox_.send(*leader, AppendEntriesResponse{durability_.term(), {}, Vote::abstained});
  elections_.end();
  contest_.on_role_changed();
  following_.begin();
  calls_.stop();
  reads_.stop();
  notices_.set_online(false);
  set_leader(std::nullopt);
  outbox_.tell(RoleChanged{MemberRole::stopped, durability_.term()});
  if (!reason.empty()) outbox_.tell(Stopped{std::string(reason)});
}

ConsensusStatus Engine::status() const {
  ConsensusStatus out;
  out.role = elections_.role();
  out.term = durability_.term();
  out.leader = notices_.leader();
  out.online = notices_.online();
  out.committed = log_.committed();
  out.applied = feed_.applied();
  out.log_position = log_.last();
  out.log_bytes = log_.memory();
  out.log_limit = config_.log_bytes;
  out.group_size = membership_.size();
  out.quorum_floor = config_.quorum_floor;
  out.elections = elections_.campaigns();
  out.overwritten = calls_.overwritten();
  out.diverged = diverged_;
  out.catching_up = following_.is_catching_up();
  out.heard_of = std::max(log_.last_index(), following_.known_end().index);
  // A leader counts; a follower knows of its leader alone.
  out.in_step = elections_.leads() ? replication_.in_step() : elections_.leader() ? 1 : 0;
  out.connected = static_cast<std::uint32_t>(peers_.connected());
  out.waiting = notices_.waiting();
  out.waits_for = notices_.waits_for(out.waiting);
  out.stopped_because = notices_.stopped_because();
  return out;
}

}  // namespace mosaik::consensus
