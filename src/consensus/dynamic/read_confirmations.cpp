#include "consensus/dynamic/read_confirmations.hpp"

#include <algorithm>

#include "consensus/dynamic/quorum.hpp"

namespace mosaik::consensus {

void ReadConfirmations::add(QueryId query) {
  if (waiting_.empty() || waiting_.back().begun) waiting_.emplace_back().number = ++last_;
  waiting_.back().queries.push_back(query);
}

void ReadConfirmations::begin(const Now& now) {
  if (waiting_.empty() || waiting_.back().begun) return;
  Confirmation& fresh = waiting_.back();
  MOSAIK_ASSERT(fresh.marks.empty() && !fresh.queries.empty());
  fresh.begun = true;
  bool any_answers = false;
  replication_.for_each([&](const PeerId&, const PeerProgress& progress) {
    any_answers = any_answers || progress.dialect().answers_every_append();
  });
  if (any_answers) replication_.ensure_append(now);
  replication_.for_each([&](const PeerId& peer, const PeerProgress& progress) {
    if (const NativeAnswers* counted = progress.native()) fresh.marks.emplace(peer, counted->asked);
  });
}

void ReadConfirmations::probe() {
  if (waiting_.empty()) return;
  replication_.for_each([&](const PeerId& peer, PeerProgress& progress) {
    if (progress.crate() != nullptr && !waiting_.back().confirmed.contains(peer)) probe_crate(peer, progress);
  });
}

// A Rust member answers no heartbeat. Its newest entry, sent again, it skips and acknowledges; but only when it is
// surely not catching up, or it panics (spec: groups 11.2, 11.3): it has acknowledged all that was sent on this bond.
void ReadConfirmations::probe_crate(const PeerId& peer, PeerProgress& progress) {
  CrateAnswers& answers = *progress.crate();
  const Index last = replication_.sent_to_all();
  const bool in_step =
      progress.in_sync() && answers.repairs == 0 && progress.acked() == last && progress.sent() == last;
  if (!in_step || answers.probe || last == Index{} || last != log_.last_index()) return;
  const Index before = last.previous();
  outbox_.send(
      peer, AppendEntries{
                durability_.term(), config_.self, {*log_.term_at(before), before}, {log_.at(last)}, log_.committed()});
  answers.probe = last_;
}

void ReadConfirmations::on_answer(const PeerId& peer) {
  PeerProgress& progress = replication_.progress(peer);
  std::uint64_t up_to = 0;
  std::uint64_t answered = 0;
  if (NativeAnswers* native = progress.native()) {
    if (native->answered < native->asked) ++native->answered;
    answered = native->answered;
  } else if (CrateAnswers& crate = *progress.crate(); crate.repairs > 0) {
    --crate.repairs;
  } else {
    up_to = std::exchange(crate.probe, std::nullopt).value_or(0);
  }
  for (Confirmation& one : waiting_) {
    if (one.number <= up_to) one.confirmed.insert(peer);
    const auto mark = one.marks.find(peer);
    if (mark != one.marks.end() && answered >= mark->second) one.confirmed.insert(peer);
  }
}

bool ReadConfirmations::is_confirmed(const Now& now, const Confirmation& confirmation) const {
  // Entries of an earlier leader may be committed without our knowing (spec: groups 8.1 S10, S15).
  if (log_.committed() < replication_.elected_at()) return false;
  if (config_.quorum_floor != 0) return confirmation.confirmed.size() + 1 >= config_.quorum_floor;
  std::size_t able = 1;
  std::size_t have = 1;
  std::as_const(replication_).for_each([&](const PeerId& peer, const PeerProgress& progress) {
    // Without an entry there is nothing that a Rust member would answer.
    if (!progress.in_sync() || (!progress.dialect().answers_every_append() && log_.empty())) return;
    ++able;
    if (confirmation.confirmed.contains(peer)) ++have;
  });
  return have >= quorum::majority(able) && (able > 1 || membership_.may_commit_alone(now.mono));
}

std::vector<QueryId> ReadConfirmations::take_confirmed(const Now& now) {
  std::vector<QueryId> out;
  std::erase_if(waiting_, [&](const Confirmation& one) {
    if (!is_confirmed(now, one)) return false;
    out.insert(out.end(), one.queries.begin(), one.queries.end());
    return true;
  });
  return out;
}

std::vector<QueryId> ReadConfirmations::take_all() {
  std::vector<QueryId> out;
  for (const Confirmation& one : std::exchange(waiting_, {}))
    out.insert(out.end(), one.queries.begin(), one.queries.end());
  last_ = 0;
  return out;
}

void ReadConfirmations::check_invariants() const {
  for (const Confirmation& one : waiting_) {
    // Protects strong reads: an answer confirms no query that came after it was asked for.
    MOSAIK_ASSERT(one.begun || (one.marks.empty() && one.confirmed.empty()));
    MOSAIK_ASSERT(0 < one.number && one.number <= last_);
  }
}

}  // namespace mosaik::consensus
