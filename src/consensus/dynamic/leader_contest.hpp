#pragma once
/// Leader contest: resistance against a leader that lacks what we have committed. A later term does not make up for
/// that: the votes decide which history stays. The leader that we follow contests it first; if it does not, its
/// followers do, one after the other, and no member more often than limits::contests.

#include <optional>

#include "consensus/dynamic/config.hpp"
#include "consensus/dynamic/membership.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {

class LeaderContest {
 public:
  /// All outlive this.
  LeaderContest(const Config& config, const Log& log, const Membership& membership)
      : config_(config), log_(log), membership_(membership) {}

  /// The leader lacks what we have committed, and we may still win against it.
  [[nodiscard]] bool is_due(const Now& now, const AppendEntries& append) const;
  /// Our own leader is first; our turn is at that time.
  void wait_for_leader(Term term, Mono our_turn);
  /// The term to campaign against, when our turn has come.
  [[nodiscard]] std::optional<Term> due(Mono now) const;
  void on_campaign() { ++campaigns_; }
  /// This member has another role, or another leader.
  void on_role_changed() { waiting_.reset(); }
  /// A leader is followed that has what we have committed, or we lead.
  void on_settled() { campaigns_ = 0; }
  [[nodiscard]] Mono next_deadline() const noexcept { return waiting_ ? waiting_->our_turn : never; }

 private:
  struct Waiting {
    Term term;
    Mono our_turn{};
  };

  const Config& config_;
  const Log& log_;
  const Membership& membership_;
  unsigned campaigns_ = 0;
  std::optional<Waiting> waiting_;
};

}  // namespace mosaik::consensus
