#pragma once
/// The hard state of a member, and what the disk has of it and of the log.
///
/// The law: nothing that reports a vote or entries leaves before they are durable. What leaves carries the ticket of
/// the state that it reports (Send::after); the state is handed over once at the end of a step.

#include <deque>
#include <optional>

#include "consensus/dynamic/config.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {

class Durability {
 public:
  /// `log` outlives this. What it holds at this moment came from the disk.
  Durability(Store store, const Log& log, Term term, const std::optional<Ballot>& vote);

  [[nodiscard]] Term term() const noexcept { return term_; }
  [[nodiscard]] const std::optional<Ballot>& vote() const noexcept { return vote_; }
  /// `term` is later than ours.
  void enter_term(Term term);
  /// In our term. One vote a term: the same candidate may get it again, and no other one.
  void cast_vote(const PeerId& candidate);
  /// A lone beginner's term and vote, of which no other member has ever heard.
  void forget_term();

  void on_appended() noexcept { changed_ = true; }
  /// The log has lost its entries from `from` on.
  void on_truncated(Index from) noexcept;

  /// The ticket of the state as it is now.
  [[nodiscard]] Ticket ticket() const noexcept;
  [[nodiscard]] bool is_durable(Ticket ticket) const noexcept { return ticket <= durable_; }
  /// What has to be written at the end of a step.
  [[nodiscard]] std::optional<Persist> hand_over();
  void on_persisted(Ticket ticket);
  /// Up to where our own copy of the log counts.
  [[nodiscard]] Index acknowledged() const noexcept;

  void check_invariants() const;

 private:
  struct HandedOver {
    Ticket ticket;
    Cursor last;
  };

  const Store store_;
  const Log& log_;
  Term term_;
  std::optional<Ballot> vote_;
  bool changed_ = false;  ///< something was not handed over
  Ticket issued_;
  Ticket durable_;
  Index handed_over_;  ///< what the disk was given of the log ends here,
  Index persisted_;    ///< and this much of it is durable
  std::deque<HandedOver> writes_;
};

}  // namespace mosaik::consensus
