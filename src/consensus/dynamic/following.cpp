#include "consensus/dynamic/following.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

void Following::begin() {
  state_ = Unmatched{};
  leader_commit_ = {};
}

// ------------------------------------------------------------------------------------------------ in step

Following::Outcome Following::on_append(const PeerId& leader, AppendEntries& append) {
  leader_commit_ = std::max(leader_commit_, append.leader_commit);
  if (!log_.matches(append.previous)) {
    // An entry of ours where the leader has another one: it and all behind it leave.
    if (append.previous.index > log_.last_index()) return OutOfStep{};
    if (append.previous.index <= log_.committed()) return Diverged{append.previous.index};
    cut(append.previous.index);
    return OutOfStep{};
  }
  const bool has_entries = !append.entries.empty();
  const Index matched = append.previous.index.plus(append.entries.size());
  if (const auto difference = merge(append.previous, append.entries)) {
    // What was merged before the difference leaves with the rest; it is fetched again.
    append.entries.clear();
    return Diverged{*difference};
  }
  MOSAIK_ASSERT(log_.last_index() >= matched);
  const bool first = !std::holds_alternative<InStep>(state_);
  state_ = InStep{};
  // A Rust leader wants no answer to heartbeats; one tells it that we are in step (it counts us from then on). A leader
  // of ours gets exactly one answer to each append: it counts them.
  if (has_entries || first || peers_.dialect_of(leader).answers_every_append()) acknowledge_in_step(leader, matched);
  log_.commit_to(std::min(append.leader_commit, matched));
  return InStep{};
}

std::optional<Index> Following::merge(const Cursor& previous, std::vector<Entry>& entries) {
  Index index = previous.index;
  for (Entry& entry : entries) {
    index = index.next();
    if (index <= log_.last_index()) {
      // Equal terms with unequal commands: two Rust leaders had one term (spec: groups 8.1 S4).
      if (log_.at(index) == entry) continue;
      if (index <= log_.committed()) return index;
      cut(index);
    }
    log_.append(std::move(entry));
    durability_.on_appended();
  }
  return std::nullopt;
}

void Following::acknowledge(const PeerId& leader, Index last, Vote vote) {
  outbox_.send(leader, AppendEntriesResponse{durability_.term(), last, vote}, Urgency::consensus, durability_.ticket());
}

void Following::acknowledge_in_step(const PeerId& leader, Index last) {
  acknowledge(leader, last, config_.preference == Preference::observer ? Vote::abstained : Vote::granted);
}

// ------------------------------------------------------------------------------------------------ out of step

void Following::lag(const PeerId& leader, AppendEntries& append) {
  MOSAIK_ASSERT(!log_.matches(append.previous) || append.entries.empty());  // what fits is appended, not fetched
  const Dialect dialect = peers_.dialect_of(leader);
  const bool fresh = !is_catching_up();
  if (fresh) {
    state_.emplace<CatchUp>(append.previous, std::move(append.entries), config_.batch_size,
                            dialect.cuts_fetch_answers() ? CatchUp::Answers::cut : CatchUp::Answers::whole);
  } else {
    session()->buffer(append.previous, std::move(append.entries));
  }
  // A leader that counts on us would wait for ever (spec: groups 8.1 S14). With a floor we do not help a Rust leader to
  // commit with fewer copies (11.4).
  if (dialect.answers_every_append() || (fresh && config_.quorum_floor == 0))
    acknowledge(leader, log_.last_index(), Vote::abstained);
}

void Following::on_fetched(FetchEntriesResponse& fetched) {
  if (CatchUp* known = session()) known->on_fetched(std::move(fetched));
}

Following::Outcome Following::advance(const std::optional<PeerId>& leader) {
  MOSAIK_ASSERT(is_catching_up());
  const Index before = log_.last_index();
  const auto outcome = session()->drain(log_);
  if (log_.last_index() != before) durability_.on_appended();
  if (const auto* parted = std::get_if<CatchUp::Parted>(&outcome)) {
    if (parted->from <= log_.committed()) return Diverged{parted->from};
    cut(parted->from);
  }
  if (!std::holds_alternative<CatchUp::Done>(outcome)) return OutOfStep{};
  const Index target = session()->target().index;
  state_ = InStep{};
  log_.commit_to(std::min(leader_commit_, target));
  // The next append of a leader of ours brings our acknowledgement; a Rust leader's heartbeat does not.
  if (leader && !peers_.dialect_of(*leader).answers_every_append()) acknowledge_in_step(*leader, target);
  return InStep{};
}

void Following::ask(const Now& now, const PeerId& leader) {
  MOSAIK_ASSERT(is_catching_up() && peers_.contains(leader));
  if (const auto question = session()->ask(now, log_)) outbox_.send(leader, *question);
}

void Following::cut(Index from) {
  log_.truncate(from);
  durability_.on_truncated(from);
  on_truncated(from);
}

void Following::on_truncated(Index from) {
  if (CatchUp* known = session()) known->restart(from);
}

Cursor Following::known_end() const noexcept {
  const CatchUp* known = session();
  return known == nullptr ? log_.last() : known->end();
}

Mono Following::next_deadline() const noexcept {
  const CatchUp* known = session();
  return known == nullptr ? never : known->next_deadline();
}

void Following::check_invariants() const {
  if (const CatchUp* known = session()) known->check_invariants();
}

}  // namespace mosaik::consensus
