#include "sim/models/rust_member.hpp"

#include <algorithm>
#include <limits>

namespace mosaik::sim {

RustMember::RustMember(const PeerId& id, Rng rng, const RustTiming& timing, Mono now)
    : id_(id), rng_(rng), timing_(timing) {
  follow(now, Term{}, std::nullopt);
}

void RustMember::on_bonded(Mono now, const PeerId& peer) {
  bonds_.insert(peer);
  poll(now);
}

void RustMember::on_gone(Mono now, const PeerId& peer) {
  bonds_.erase(peer);
  poll(now);
}

void RustMember::on_message(Mono now, const PeerId& from, const Message& message) {
  receive(now, from, message);
  poll(now);
}

void RustMember::on_timer(Mono now) {
  if (role == Role::leader && now >= timer_) heartbeat(now);
  if (role == Role::candidate && now >= timer_) campaign(now, Term{term.value + 1});
  // A member that catches up does not look at its timer (spec: groups 6.2, S16).
  if (role == Role::follower && !session_ && now >= timer_) campaign(now, Term{term.value + 1});
  poll(now);
}

Mono RustMember::next_deadline() const {
  Mono out = role == Role::follower && session_ ? never : timer_;
  if (session_)
    for (const auto& [peer, fetch] : session_->in_flight) out = std::min(out, fetch.second + timing_.fetch_timeout);
  return out;
}

std::optional<RustMember::IndexRange> RustMember::feed(Mono now, std::vector<Blob> commands, std::uint64_t request) {
  if (role == Role::leader) {
    const IndexRange out = enqueue(std::move(commands));
    poll(now);
    return out;
  }
  if (role == Role::follower && leader && bonds_.contains(*leader))
    send(*leader, consensus::ForwardCommand{std::move(commands), request});
  return std::nullopt;
}

void RustMember::broadcast(const Message& message) {
  for (const PeerId& peer : bonds_) send(peer, message);
}

std::optional<RustMember::Term> RustMember::term_at(Index index) const {
  if (index == Index{}) return Term{};
  if (index > last_index()) return std::nullopt;
  return log[index.value - 1].term;
}

void RustMember::follow(Mono now, Term at, std::optional<PeerId> whom) {
  role = Role::follower;
  term = at;
  leader = whom;
  online = false;
  session_.reset();
  queue_.clear();
  timer_ = now + draw() + (at == Term{} ? timing_.bootstrap : 0ns);
}

// ------------------------------------------------------------------------------------------------ 6.3

void RustMember::receive(Mono now, const PeerId& from, const Message& message) {
  std::optional<Term> carried;
  if (const auto* m = std::get_if<consensus::AppendEntries>(&message)) carried = m->term;
  if (const auto* m = std::get_if<consensus::AppendEntriesResponse>(&message)) carried = m->term;
  if (const auto* m = std::get_if<consensus::RequestVote>(&message)) carried = m->term;
  if (const auto* m = std::get_if<consensus::RequestVoteResponse>(&message)) carried = m->term;
  if (carried && *carried < term) return;
  if (provide(from, message)) return;
  if (carried && *carried > term) {
    const auto* append = std::get_if<consensus::AppendEntries>(&message);
    follow(now, *carried, append != nullptr ? std::optional(append->leader) : std::nullopt);
  }
  if (const auto* request = std::get_if<consensus::RequestVote>(&message)) return vote(now, from, *request);
  switch (role) {
    case Role::follower: return as_follower(now, from, message);
    case Role::candidate: return as_candidate(now, from, message);
    case Role::leader: return as_leader(now, from, message);
  }
}

bool RustMember::provide(const PeerId& from, const Message& message) {
  if (std::holds_alternative<consensus::AvailabilityRequest>(message)) {
    send(from, consensus::AvailabilityResponse{{Index{0}, std::min(committed, last_index())}});
    return true;
  }
  const auto* fetch = std::get_if<consensus::FetchEntriesRequest>(&message);
  if (fetch == nullptr) return false;
  if (fetch->range.empty()) return true;
  const auto count = std::min<std::uint64_t>(fetch->range.size(), timing_.batch);
  if (fetch->range.size() == std::numeric_limits<std::uint64_t>::max()) panic("FetchEntriesRequest overflows");
  consensus::FetchEntriesResponse out{{Index{0}, Index{0}}, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    const Index at = fetch->range.first.plus(i);
    if (at == Index{} || at > last_index()) continue;
    if (out.entries.empty()) out.range.first = at;
    out.range.last = at;
    out.entries.push_back(log[at.value - 1]);
  }
  send(from, out);
  return true;
}

// ------------------------------------------------------------------------------------------------ 6.5

void RustMember::vote(Mono now, const PeerId& from, const consensus::RequestVote& request) {
  using consensus::Vote;
  const bool can = !voted_ || voted_->first < request.term || *voted_ == std::pair(request.term, request.candidate);
  Vote out = Vote::denied;
  if (can && request.last == last()) {
    voted_ = {request.term, from};
    out = Vote::granted;
  } else if (can && last() < request.last) {
    out = Vote::abstained;
  }
  send(from, consensus::RequestVoteResponse{request.term, out});
  if (role == Role::follower && out != Vote::denied) timer_ = now + draw();
}

// ------------------------------------------------------------------------------------------------ 6.4

void RustMember::campaign(Mono now, Term at) {
  role = Role::candidate;
  online = false;
  session_.reset();
  queue_.clear();
  while (voted_ && !(voted_->first < at || *voted_ == std::pair(at, id_))) ++at.value;
  term = at;
  voted_ = {term, id_};
  requested_ = bonds_;
  requested_.insert(id_);
  granted_ = {id_};
  abstained_.clear();
  timer_ = now + draw();
  broadcast(consensus::RequestVote{term, id_, last()});
}

void RustMember::as_candidate(Mono now, const PeerId& from, const Message& message) {
  if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) {
    follow(now, term, append->leader);
    return as_follower(now, from, message);
  }
  const auto* response = std::get_if<consensus::RequestVoteResponse>(&message);
  if (response == nullptr || !requested_.contains(from)) return;
  if (response->vote == consensus::Vote::granted) granted_.insert(from);
  if (response->vote == consensus::Vote::abstained) abstained_.insert(from);
}

void RustMember::win(Mono now) {
  role = Role::leader;
  leader = id_;
  online = true;
  voters_.clear();
  spares_.clear();
  for (const PeerId& peer : granted_) voters_[peer] = last_index();
  timer_ = now + timing_.heartbeat;
}

// ------------------------------------------------------------------------------------------------ 6.6

RustMember::IndexRange RustMember::enqueue(std::vector<Blob> commands) {
  const IndexRange out{last_index().plus(queue_.size() + 1), last_index().plus(queue_.size() + commands.size())};
  for (Blob& command : commands) queue_.push_back(std::move(command));
  return out;
}

void RustMember::heartbeat(Mono now) {
  broadcast(consensus::AppendEntries{term, id_, last(), {}, committed});
  timer_ = now + timing_.heartbeat;
}

void RustMember::flush(Mono now) {
  if (queue_.empty()) return;
  consensus::AppendEntries append{term, id_, last(), {}, committed};
  for (Blob& command : queue_) append.entries.push_back({term, std::move(command)});
  queue_.clear();
  log.insert(log.end(), append.entries.begin(), append.entries.end());
  broadcast(append);
  acknowledge(id_, last_index());
  timer_ = now + timing_.heartbeat;
}

void RustMember::remove_dead() {
  const auto dead = [&](const auto& item) { return item.first != id_ && !bonds_.contains(item.first); };
  std::erase_if(voters_, dead);
  std::erase_if(spares_, dead);
  backfill();
}

void RustMember::backfill() {
  const std::size_t total = voters_.size() + spares_.size();
  std::size_t target = std::min<std::size_t>(5, total);
  if (target > 2) target |= 1U;
  if (voters_.size() >= target) return;
  const std::size_t available = std::min(spares_.size(), target - voters_.size());
  std::size_t promote = (voters_.size() + available) % 2 == 0 ? (available == 0 ? 0 : available - 1) : available;
  for (; promote > 0; --promote) {
    const auto best = std::ranges::max_element(spares_, {}, [](const auto& item) { return item.second; });
    voters_.insert(*best);
    spares_.erase(best);
  }
}

RustMember::Index RustMember::quorum() const {
  std::vector<Index> sorted;
  for (const auto& [peer, index] : voters_) sorted.push_back(index);
  if (sorted.empty()) return {};
  std::ranges::sort(sorted);
  return sorted[sorted.size() - (sorted.size() / 2 + 1)];
}

void RustMember::acknowledge(const PeerId& peer, Index index) {
  remove_dead();
  if (voters_.contains(peer)) {
    voters_[peer] = index;
  } else if (spares_.insert_or_assign(peer, index).second) {
    backfill();
  }
  commit(quorum());
}

void RustMember::as_leader(Mono now, const PeerId& from, const Message& message) {
  if (const auto* append = std::get_if<consensus::AppendEntries>(&message); append != nullptr) {
    leader.reset();
    return campaign(now, Term{term.value + 1});
  }
  if (const auto* response = std::get_if<consensus::AppendEntriesResponse>(&message)) {
    const Index before = committed;
    if (response->vote == consensus::Vote::granted) {
      acknowledge(from, response->last_index);
    } else {
      if (response->vote == consensus::Vote::abstained) {
        voters_.erase(from);
        spares_.erase(from);
      }
      remove_dead();
      commit(quorum());
    }
    if (committed > before && queue_.empty()) timer_ = now;
  }
  if (const auto* command = std::get_if<consensus::ForwardCommand>(&message);
      command != nullptr && !command->commands.empty()) {
    const IndexRange range = enqueue(command->commands);
    if (command->request) send(from, consensus::CommandAck{*command->request, range});
  }
  if (const auto* query = std::get_if<consensus::ForwardQuery>(&message))
    send(from, consensus::QueryResponse{query->request, answer(), committed});
}

Blob RustMember::answer() const {
  return Blob::copy(std::vector<std::uint8_t>{static_cast<std::uint8_t>(applied.size() & 0xFFU)});
}

// ------------------------------------------------------------------------------------------------ 6.7

void RustMember::as_follower(Mono now, const PeerId& from, const Message& message) {
  if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) return append_entries(now, from, *append);
  if (const auto* ack = std::get_if<consensus::CommandAck>(&message)) acks[ack->request] = ack->assigned;
  if (const auto* read = std::get_if<consensus::QueryResponse>(&message))
    reads[read->request] = {read->result, read->position};
  if (!session_) return;
  if (const auto* available = std::get_if<consensus::AvailabilityResponse>(&message))
    session_->available[from] = available->range;
  if (const auto* fetched = std::get_if<consensus::FetchEntriesResponse>(&message)) {
    session_->in_flight.erase(from);
    if (fetched->entries.empty()) wedges.emplace_back(from, "an empty FetchEntriesResponse");
    if (fetched->range.size() != fetched->entries.size())
      wedges.emplace_back(from, "FetchEntriesResponse: count is not its range");
    if (fetched->range.first < session_->gap.first) late_chunk = true;
    session_->chunks[fetched->range.first] = {fetched->range, fetched->entries};
  }
}

void RustMember::append_entries(Mono now, const PeerId& from, const consensus::AppendEntries& append) {
  leader = append.leader;
  timer_ = now + draw();
  const auto local = term_at(append.previous.index);
  bool consistent = local == append.previous.term;
  if (consistent && !append.entries.empty()) {
    const auto next = term_at(append.previous.index.next());
    if (next && *next != append.entries[0].term) truncate(append.previous.index.next());
  } else if (local && !consistent) {
    truncate(append.previous.index);
  }
  if (!consistent) {
    online = false;
    if (!session_) {
      if (append.previous.index < last_index().next()) return panic("a catch-up session without a gap");
      session_.emplace();
      session_->gap = {last_index().next(), append.previous.index};
      session_->leader = append.leader;
    }
    Index at = append.previous.index;
    for (const Entry& entry : append.entries) session_->buffered.emplace_back(at = at.next(), entry);
    return;
  }
  online = true;
  if (!append.entries.empty()) {
    Index at = append.previous.index;
    for (const Entry& entry : append.entries) {
      at = at.next();
      if (term_at(at) != entry.term) log.push_back(entry);
    }
    send(from, consensus::AppendEntriesResponse{term, last_index(), consensus::Vote::granted});
  }
  commit(std::min(append.leader_commit, last_index()));
}

// ------------------------------------------------------------------------------------------------ 6.8

void RustMember::commit(Index index) {
  for (index = std::min(index, last_index()); committed < index;) {
    committed = committed.next();
    applied.push_back(log[committed.value - 1].command);
  }
}

// ------------------------------------------------------------------------------------------------ 6.12

void RustMember::poll(Mono now) {
  if (role == Role::leader) flush(now);
  if (role == Role::leader && now >= timer_) heartbeat(now);
  if (role == Role::candidate) {
    const std::size_t voters = requested_.size() - std::min(requested_.size(), abstained_.size());
    if (granted_.size() >= voters / 2 + 1) win(now);
  }
  if (session_ && role == Role::follower) poll_session(now);
}

void RustMember::poll_session(Mono now) {
  Session& s = *session_;
  if (finish_session()) return;
  std::erase_if(s.available, [&](const auto& item) { return !bonds_.contains(item.first); });
  std::erase_if(s.in_flight, [&](const auto& item) { return !bonds_.contains(item.first); });
  std::erase_if(s.known, [&](const PeerId& peer) { return !bonds_.contains(peer); });
  while (!s.chunks.empty() && s.chunks.begin()->first == s.gap.first) {
    if (s.gap.first != last_index().next()) return panic("a fetched chunk does not follow the log");
    const auto [range, entries] = s.chunks.begin()->second;
    log.insert(log.end(), entries.begin(), entries.end());
    s.gap.first = range.last.next();
    s.chunks.erase(s.chunks.begin());
  }
  for (auto at = s.in_flight.begin(); at != s.in_flight.end();) {
    if (now < at->second.second + timing_.fetch_timeout) {
      ++at;
      continue;
    }
    s.available.erase(at->first);
    send(at->first, consensus::AvailabilityRequest{});
    at = s.in_flight.erase(at);
  }
  for (const PeerId& peer : bonds_)
    if (s.known.insert(peer).second) send(peer, consensus::AvailabilityRequest{});
  schedule(now);
  static_cast<void>(finish_session());
}

void RustMember::schedule(Mono now) {
  Session& s = *session_;
  while (true) {
    Index cursor = s.gap.first;
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& [first, chunk] : s.chunks)
        if (chunk.first.contains(cursor)) cursor = chunk.first.last.next(), moved = true;
      for (const auto& [peer, fetch] : s.in_flight)
        if (fetch.first.contains(cursor)) cursor = fetch.first.last.next(), moved = true;
    }
    if (cursor > s.gap.last) return;
    std::optional<PeerId> chosen;
    for (const auto& [peer, range] : s.available)
      if (!s.in_flight.contains(peer) && range.contains(cursor) && (!chosen || *chosen == s.leader)) chosen = peer;
    if (!chosen) return;
    const Index end = std::min({cursor.plus(timing_.batch - 1), s.gap.last, s.available.at(*chosen).last});
    s.in_flight[*chosen] = {{cursor, end}, now};
    send(*chosen, consensus::FetchEntriesRequest{{cursor, end}});
  }
}

bool RustMember::finish_session() {
  Session& s = *session_;
  if (s.gap.first <= s.gap.last) return false;
  Index expected = s.gap.last.next();
  for (const auto& [index, entry] : s.buffered) {
    if (index != expected) {
      panic("buffered entries are not contiguous: " + std::to_string(index.value) + " instead of " +
            std::to_string(expected.value));
      break;
    }
    log.push_back(entry);
    expected = expected.next();
  }
  session_.reset();
  return true;
}

}  // namespace mosaik::sim
