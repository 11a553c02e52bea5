#include "consensus/dynamic/durability.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::consensus {

Durability::Durability(Store store, const Log& log, Term term, const std::optional<Ballot>& vote)
    : store_(store),
      log_(log),
      term_(vote ? std::max(term, vote->term) : term),
      vote_(vote),
      handed_over_(log.last_index()),
      persisted_(log.last_index()) {}

void Durability::enter_term(Term term) {
  MOSAIK_ASSERT(term > term_);
  term_ = term;
  changed_ = true;
}

void Durability::cast_vote(const PeerId& candidate) {
  // A second vote in a term could elect a second leader, and both would commit.
  MOSAIK_ASSERT(!vote_ || vote_->term < term_ || *vote_ == (Ballot{term_, candidate}));
  vote_ = Ballot{term_, candidate};
  changed_ = true;
}

void Durability::forget_term() {
  term_ = {};
  vote_.reset();
  changed_ = true;
}

void Durability::on_truncated(Index from) noexcept {
  changed_ = true;
  handed_over_ = std::min(handed_over_, from.previous());
  persisted_ = std::min(persisted_, from.previous());
}

Ticket Durability::ticket() const noexcept {
  if (store_ == Store::memory) return {};
  return changed_ ? Ticket{issued_.value + 1} : issued_;
}

std::optional<Persist> Durability::hand_over() {
  if (!std::exchange(changed_, false) || store_ == Store::memory) return std::nullopt;
  ++issued_.value;
  Persist out{issued_, term_, vote_, handed_over_, {}};
  for (Index index = handed_over_.next(); index <= log_.last_index(); index = index.next())
    out.entries.push_back(log_.at(index));
  handed_over_ = log_.last_index();
  writes_.push_back({issued_, log_.last()});
  return out;
}

void Durability::on_persisted(Ticket ticket) {
  if (ticket > issued_) return;
  durable_ = std::max(durable_, ticket);
  for (; !writes_.empty() && writes_.front().ticket <= ticket; writes_.pop_front())
    // Entries that were truncated meanwhile are not in the log, however durable they were; and what follows them now
    // may not have been handed over.
    if (log_.matches(writes_.front().last))
      persisted_ = std::max(persisted_, std::min(writes_.front().last.index, handed_over_));
}

Index Durability::acknowledged() const noexcept {
  return store_ == Store::memory ? log_.last_index() : persisted_;
}

void Durability::check_invariants() const {
  // Protects elections: a vote of a later term than ours would be given a second time when that term comes.
  MOSAIK_ASSERT(!vote_ || vote_->term <= term_);
  // Protects what was acknowledged: a ticket that was never issued cannot be durable.
  MOSAIK_ASSERT(durable_ <= issued_);
  if (store_ == Store::memory) return;
  // Protects commits: a copy counts only when the disk was given it and the log still has it.
  MOSAIK_ASSERT(persisted_ <= handed_over_ && handed_over_ <= log_.last_index());
  // Protects acknowledgements that wait for a ticket: each that was issued and is not durable is on its way.
  MOSAIK_ASSERT(writes_.empty() ? durable_ == issued_ : writes_.back().ticket == issued_);
}

}  // namespace mosaik::consensus
