// The face of the engine; bonds, messages, steps and what is told.

#include "consensus/dynamic/engine.hpp"

#include <new>

#include "base/overloaded.hpp"
#include "consensus/dynamic/bystander.hpp"
#include "consensus/dynamic/impl.hpp"

namespace mosaik::consensus {

namespace {
Log log_of(std::vector<Entry> entries) {
  Log out;
  for (Entry& entry : entries) out.append(std::move(entry));
  return out;
}
}  // namespace

Engine::Impl::Impl(const Config& config, Restored restored, FramePool& pool, Rng rng, const Now& now)
    : outbox(pool),
      log(log_of(std::move(restored.entries))),
      config_(config),
      rng_(rng),
      durability_(config.store, log, restored.term, restored.ballot),
      feed_(log),
      membership_(config_, peers_, outbox, now),
      provider_(config_, peers_, log, outbox),
      slot_(terms::slot_of(config.self, config.run)) {
  Follower follower;
  arm_follower(now, follower);
  if (durability_.term() == Term{}) follower.election_at += config_.bootstrap_delay;
  state_ = std::move(follower);
}

// ------------------------------------------------------------------------------------------------ bonds

void Engine::Impl::on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts) {
  if (peer == config_.self) return;
  const Dialect dialect = facts.cpp ? Dialect::native : Dialect::crate;
  if (role<Ended>() != nullptr) return peers_.add(peer, dialect, now.mono);
  membership_.on_bonding(peer);
  peers_.add(peer, dialect, now.mono);
  provider_.on_bonded(peer, now.mono);
  Bonded bonded(dialect);
  bonded.greet = true;
  bonded.grace_until = now.mono + config_.election_timeout;
  auto* leader = role<Leader>();
  if (leader != nullptr) bonded.placed = leader->broadcast;
  bonded_.insert_or_assign(peer, bonded);
  membership_.on_bonded(now);
  if (facts.floor && *facts.floor != config_.quorum_floor) outbox.tell(FloorDiffers{peer, *facts.floor});
  if (leader == nullptr || !terms::is_lone(durability_.term())) return;
  leader->silent_until = now.mono + silence * config_.heartbeat_interval;
  if (leader->silence_ends == never) leader->silence_ends = now.mono + longest_silence * config_.heartbeat_interval;
}

void Engine::Impl::on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors) {
  if (!peers_.contains(peer)) return;
  peers_.remove(peer);
  if (role<Ended>() != nullptr) return;  // it is we who leave
  const Bonded bonded = bonded_.extract(peer).mapped();
  if (auto* leader = role<Leader>(); leader != nullptr && bonded.proved) {
    leader->former[peer] = bonded.acked;
  } else if (leader != nullptr && bonded.dialect.resumes_catch_up() && !bonded.greet) {
    leader->doubtful.insert(peer);
  }
  provider_.on_gone(peer);
  membership_.on_gone(now, peer, loss);
  drop_forwards_to(peer);
  drop_queries_to(peer);
  outvoted_ = false;  // it may have been the one that was ahead
  const auto* follower = role<Follower>();
  if (follower != nullptr && follower->leader == peer) on_leader_gone(now, loss, survivors);
}

// ------------------------------------------------------------------------------------------------ messages

namespace {
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

Result<> Engine::Impl::on_message(const Now& now, const PeerId& from, const Blob& bytes) {
  if (role<Ended>() != nullptr) return stand_by(from, bytes);
  if (!peers_.contains(from)) return {};
  auto message = decode(bytes);
  if (!message) return std::unexpected(message.error());
  if (!peers_.admits(from, *message, now.mono)) return {};
  if (const auto term = term_of(*message); term && *term > terms::greatest)
    return fail(Errc::malformed, "a raft message of a term beyond all bounds");
  std::visit(overloaded{[&](AppendEntries& append) { on_append_entries(now, from, append); },
                        [&](const AppendEntriesResponse& response) {
                          if (heeds(now, response.term)) on_append_response(now, from, response);
                        },
                        [&](const RequestVote& request) {
                          if (keeps_leader(now, from, request)) return put_off(from, request);
                          if (heeds(now, request.term)) on_request_vote(now, from, request);
                        },
                        [&](const RequestVoteResponse& response) {
                          if (heeds(now, response.term)) on_vote(now, from, response);
                        },
                        [&](ForwardCommand& commands) { on_forwarded_command(from, commands); },
                        [&](const CommandAck& ack) { on_command_ack(from, ack); },
                        [&](ForwardQuery& asked) { on_forwarded_query(now, from, asked); },
                        [&](QueryResponse& read) { on_query_response(from, read); },
                        [&](const AvailabilityRequest&) { provider_.on_availability_request(from, offer()); },
                        [](const AvailabilityResponse&) {},  // we fetch from the leader, and need not ask what it has
                        [&](const FetchEntriesRequest& fetch) {
                          if (provider_.on_fetch_request(now, from, fetch.range, offer())) hurry_append(now);
                        },
                        [&](FetchEntriesResponse& fetched) { on_fetched(from, fetched); }},
             *message);
  return {};
}

// With a floor, what this member has acknowledged may be one of the copies that a commit rests on: it is as good as
// dead, and nobody may count it as one that is not ahead.
Result<> Engine::Impl::stand_by(const PeerId& from, const Blob& bytes) {
  if (config_.quorum_floor != 0) return {};
  // A member without any entry would begin a history of its own beside that of the members that have stopped.
  if (log.committed() > Index{}) {
    const auto message = decode(bytes);
    const auto* request = message ? std::get_if<RequestVote>(&*message) : nullptr;
    if (request != nullptr && request->candidate == from && request->last.index == Index{}) {
      outbox.send(from, RequestVoteResponse{request->term, Vote::denied});
      return {};
    }
  }
  if (const auto answer = answer_of_bystander(from, bytes, peers_.dialect_of(from).heeds_bystanders()))
    outbox.send(from, *answer);
  return {};
}

// AppendEntries alone decides for itself whether a later term is followed.
bool Engine::Impl::heeds(const Now& now, Term term) {
  if (term < durability_.term()) return false;  // spec: groups 6.3: silently
  if (term > durability_.term()) become_follower(now, term, std::nullopt);
  return true;
}

// ------------------------------------------------------------------------------------------------ steps

void Engine::Impl::on_timer(const Now& now) {
  if (role<Ended>() != nullptr) return;
  expire_calls(now);
  expire_queries(now);
  if (auto* follower = role<Follower>(); follower != nullptr && now.mono >= follower->election_at) on_silence(now);
  if (auto* follower = role<Follower>();
      follower != nullptr && follower->rival && now.mono >= follower->rival->contest_at)
    contest(now, follower->rival->term);
  if (auto* candidate = role<Candidate>(); candidate != nullptr && now.mono >= candidate->retry_at) on_silence(now);
}

Mono Engine::Impl::next_deadline() const {
  Mono out = never;
  const auto by = [&](Mono at) { out = std::min(out, at); };
  if (!call_deadlines_.empty()) by(call_deadlines_.begin()->first);
  if (!query_deadlines_.empty()) by(query_deadlines_.begin()->first);
  // Those that waited for a leader, which came in the middle of a step.
  if ((!leaderless_.empty() || !leaderless_queries_.empty()) && has_leader()) by(settled_at_);
  if (const auto* follower = role<Follower>()) {
    by(follower->election_at);
    if (follower->session) by(follower->session->next_deadline());
    if (follower->rival) by(follower->rival->contest_at);
  }
  if (const auto* candidate = role<Candidate>()) by(candidate->retry_at);
  if (const auto* leader = role<Leader>()) by(next_deadline_of(*leader));
  by(provider_.next_deadline());
  return out;
}

void Engine::Impl::settle(const Now& now) {
  settled_at_ = now.mono;
  if (role<Ended>() == nullptr) {
    seek_leader(now);
    advance_session(now);
    if (provider_.serve(now, offer())) hurry_append(now);
    if (role<Leader>() != nullptr) lead_on(now);
    if (auto write = durability_.hand_over()) outbox.push(std::move(*write));
    feed_machine();
    conclude_calls();
    tell_waiting();
    tell_log_fills();
  }
  publish();
  check_invariants();
}

void Engine::Impl::check_invariants() const {
  log.check_invariants();
  if (role<Ended>() != nullptr) return;  // what it was doing was left half done
  durability_.check_invariants();
  feed_.check_invariants();
  membership_.check_invariants();
  provider_.check_invariants();
}

// ------------------------------------------------------------------------------------------------ machine, disk,
// joiners

Provider::Offer Engine::Impl::offer() const {
  return role<Leader>() != nullptr ? Provider::Offer::all : Provider::Offer::committed;
}

void Engine::Impl::hurry_append(const Now& now) {
  if (auto* leader = role<Leader>()) leader->heartbeat_at = now.mono;
}

void Engine::Impl::on_queues(const QueueEmpty& empty) {
  provider_.on_queues(empty);
}

void Engine::Impl::feed_machine() {
  while (auto run = feed_.next_run()) outbox.push(std::move(*run));
  hand_over_queries();
}

// In their order: nobody overtakes one that has no room yet. Those that wait here longer than they may end without
// having cost the machine anything; those that it has been handed cost room until it is through with them.
void Engine::Impl::hand_over_queries() {
  while (!queries_for_machine_.empty()) {
    const std::uint64_t key = *queries_for_machine_.begin();
    WaitingQuery& waiting = queries_.at(key);
    if (!feed_.may_ask(waiting.position, waiting.query.size())) return;
    queries_for_machine_.erase(queries_for_machine_.begin());
    waiting.position = feed_.handed();
    waiting.history = feed_.epoch().value;
    feed_.on_asked(QueryId{key}, waiting.query.size());
    outbox.push(AskMachine{QueryId{key}, waiting.query, feed_.handed()});
  }
}

void Engine::Impl::on_applied(const Now&, Epoch epoch, Index index) {
  feed_.on_applied(epoch, index);
}

void Engine::Impl::on_persisted(const Now& now, Ticket ticket) {
  durability_.on_persisted(ticket);
  count_votes(now);
}

// Whatever the member was doing is left half done: it takes part in nothing more, and the process lives on.
void Engine::Impl::give_up_memory(const Now& now) {
  const std::uint64_t bytes = std::exchange(log, Log()).memory();
  stop(now, "there was no memory for the log of this group, which had " + std::to_string(bytes) +
                " bytes; give the process more memory, or all members a smaller --log-limit");
}

// Once, while there is still room.
void Engine::Impl::tell_log_fills() {
  if (log_fills_told_ || log.memory() < config_.log_bytes / 10 * 8) return;
  log_fills_told_ = true;
  outbox.tell(LogFills{log.memory(), config_.log_bytes});
}

void Engine::Impl::stop(const Now&, std::string_view reason) {
  if (role<Ended>() != nullptr) return;
  if (role<Leader>() != nullptr) drop_reads_of_leader();
  stopped_because_ = reason;
  // The bonds stay when it is the machine that failed: a leader that counts on us would wait for ever.
  const auto* follower = role<Follower>();
  if (config_.quorum_floor == 0 && follower != nullptr && follower->leader)
    outbox.send(*follower->leader, AppendEntriesResponse{durability_.term(), {}, Vote::abstained});
  state_ = Ended{};
  stop_calls();
  for (const auto& [key, waiting] : queries_) refuse_query(waiting, Refusal::stopped);
  queries_.clear();
  queries_by_forward_.clear();
  query_deadlines_.clear();
  queries_for_machine_.clear();
  leaderless_queries_.clear();
  set_online(false);
  set_leader(std::nullopt);
  outbox.tell(RoleChanged{MemberRole::stopped, durability_.term()});
  if (!reason.empty()) outbox.tell(Stopped{std::string(reason)});
}

// ------------------------------------------------------------------------------------------------ what is told

void Engine::Impl::set_leader(const std::optional<PeerId>& leader) {
  if (leader_ == leader) return;
  leader_ = leader;
  if (leader) outvoted_ = false;
  outbox.tell(LeaderChanged{leader, durability_.term()});
}

void Engine::Impl::set_online(bool online) {
  if (online_ == online) return;
  online_ = online;
  outbox.tell(OnlineChanged{online});
}

void Engine::Impl::publish() {
  const Cursor last = log.last();
  if (told_committed_ == log.committed() && told_position_ == last) return;
  told_committed_ = log.committed();
  told_position_ = last;
  outbox.tell(Progress{log.committed(), last});
}

ConsensusStatus Engine::Impl::status() const {
  ConsensusStatus out;
  out.role = std::visit([](const auto& state) { return state.role; }, state_);
  out.term = durability_.term();
  out.leader = leader_;
  out.online = online_;
  out.committed = log.committed();
  out.applied = feed_.applied();
  out.log_position = log.last();
  out.log_bytes = log.memory();
  out.log_limit = config_.log_bytes;
  out.group_size = membership_.size();
  out.quorum_floor = config_.quorum_floor;
  out.elections = elections_;
  out.overwritten = overwritten_;
  out.diverged = diverged_;
  out.heard_of = log.last_index();
  if (const auto* follower = role<Follower>(); follower != nullptr && follower->session) {
    out.catching_up = true;
    out.heard_of = std::max(out.heard_of, follower->session->end().index);
  }
  out.in_step = others_in_step();
  out.connected = static_cast<std::uint32_t>(peers_.connected());
  out.waiting = waiting();
  out.waits_for = waits_for(out.waiting);
  out.stopped_because = stopped_because_;
  return out;
}

Waiting Engine::Impl::waiting() const {
  Now now;
  now.mono = settled_at_;
  if (role<Ended>() != nullptr) return Waiting::nothing;
  if (role<Leader>() != nullptr)
    return membership_.may_commit_alone(now.mono) || config_.quorum_floor != 0 ? Waiting::nothing : Waiting::company;
  if (role<Candidate>() != nullptr) return outvoted_ ? Waiting::history : Waiting::election;
  if (std::get<Follower>(state_).session) return Waiting::catching_up;
  if (leader_) return Waiting::nothing;
  if (!membership_.suffices_by_count() && config_.quorum_floor != 0) return Waiting::floor;
  if (!membership_.suffices(now.mono)) return Waiting::company;
  return outvoted_ || lacks_owed(now, log.last_index()) ? Waiting::history : Waiting::election;
}

Nanoseconds Engine::Impl::waits_for(Waiting what) const {
  Mono end = settled_at_;
  if (what == Waiting::company) end = membership_.minority_until();
  if (what == Waiting::history && log.last_index() < owed_ && log.committed() < owed_) end = owed_until_;
  return std::max(end - settled_at_, Nanoseconds{});
}

// Once for each wait, and not for what is over within an election timeout: a member that starts is alone for a moment.
void Engine::Impl::tell_waiting() {
  const Waiting what = waiting();
  if (std::exchange(waiting_, what) != what) {
    waiting_since_ = settled_at_;
    waiting_told_ = false;
  }
  if (what != Waiting::company && what != Waiting::floor && what != Waiting::history) return;
  if (waiting_told_ || settled_at_ - waiting_since_ < config_.election_timeout) return;
  waiting_told_ = true;
  outbox.tell(Waits{what, waits_for(what), static_cast<std::uint32_t>(peers_.connected()),
                    what == Waiting::floor ? config_.quorum_floor : membership_.size()});
}

/// With what it is waited for, for the caller.
NotApplied Engine::Impl::no_leader() const {
  const Waiting what = waiting();
  return {Refusal::offline, what, waits_for(what)};
}

/// A leader counts; a follower knows of its leader alone.
std::uint32_t Engine::Impl::others_in_step() const {
  if (role<Leader>() == nullptr) return leader_ && peers_.contains(*leader_) ? 1 : 0;
  return static_cast<std::uint32_t>(std::ranges::count_if(
      bonded_, [&](const auto& item) { return item.second.in_sync && item.second.acked >= log.committed(); }));
}

// ------------------------------------------------------------------------------------------------ the face

Engine::Engine(Config config, FramePool& pool, Rng rng, const Now& now) {
  Restored restored = std::exchange(config.restored, {});  // the log has it from here on
  impl_ = std::make_unique<Impl>(config, std::move(restored), pool, rng, now);
}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

void Engine::on_bonded(const Now& now, const PeerId& peer, const PeerFacts& facts) {
  impl_->on_bonded(now, peer, facts);
}
void Engine::on_gone(const Now& now, const PeerId& peer, Loss loss, Survivors survivors) {
  impl_->on_gone(now, peer, loss, survivors);
}
Result<> Engine::on_message(const Now& now, const PeerId& from, const Blob& message) {
  try {
    return impl_->on_message(now, from, message);
  } catch (const std::bad_alloc&) {
    impl_->give_up_memory(now);
    return {};
  }
}
void Engine::on_growing(const Now& now, const PeerId& from, std::span<const std::uint8_t, 3> head) {
  impl_->on_growing(now, from, head);
}
void Engine::submit(const Now& now, CallId call, std::vector<Blob> commands, Until until, Mono deadline) {
  try {
    impl_->submit(now, call, std::move(commands), until, deadline);
  } catch (const std::bad_alloc&) {
    impl_->give_up_memory(now);
  }
}
void Engine::query(const Now& now, CallId call, Blob query, Consistency consistency, Mono deadline) {
  impl_->query(now, call, std::move(query), consistency, deadline);
}
void Engine::on_applied(const Now& now, Epoch epoch, Index index) {
  impl_->on_applied(now, epoch, index);
}
void Engine::on_answered(const Now& now, QueryId query, const Result<Blob>& answer) {
  impl_->on_answered(now, query, answer);
}
void Engine::on_persisted(const Now& now, Ticket ticket) {
  impl_->on_persisted(now, ticket);
}
void Engine::on_persist_failed(const Now& now, std::string_view why) {
  impl_->stop(now, why);
}
void Engine::on_stall(Nanoseconds late) {
  impl_->on_stall(late);
}
void Engine::on_queues(const QueueEmpty& empty) {
  impl_->on_queues(empty);
}
void Engine::on_timer(const Now& now) {
  impl_->on_timer(now);
}
Mono Engine::next_deadline() const {
  return impl_->next_deadline();
}
void Engine::stop(const Now& now, std::string_view reason) {
  impl_->stop(now, reason);
}
void Engine::settle(const Now& now) {
  try {
    impl_->settle(now);
  } catch (const std::bad_alloc&) {
    impl_->give_up_memory(now);
  }
}
std::vector<Action> Engine::take_effects() {
  return impl_->outbox.take();
}
ConsensusStatus Engine::status() const {
  return impl_->status();
}
const Log& Engine::log() const noexcept {
  return impl_->log;
}

}  // namespace mosaik::consensus
