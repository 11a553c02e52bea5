#pragma once
/// In what a peer that speaks the crate's Raft differs from one of ours. Each difference is one named decision; the
/// code asks for the decision, and never for the language (docs/protocol/groups.md 11).

#include <cstdint>

namespace mosaik::consensus {

class Dialect {
 public:
  enum Kind : std::uint8_t {
    crate,   ///< the Rust crate mosaik; also a peer that we do not know
    native,  ///< this implementation
  };
  constexpr Dialect(Kind kind = crate) noexcept : kind_(kind) {}  // NOLINT(google-explicit-constructor)

  // -- elections
  /// Takes its turn in the ranked fast failover after a proven death.
  [[nodiscard]] constexpr bool ranks_failover() const noexcept { return is_native(); }
  /// Takes all lone terms for one when it compares logs. Compared in two ways, each of two logs could be ahead for
  /// ever.
  [[nodiscard]] constexpr bool merges_lone_terms() const noexcept { return is_native(); }
  /// Can be denied for the sake of a leader that is heard: it does not lose its turn by that.
  [[nodiscard]] constexpr bool bears_stickiness() const noexcept { return is_native(); }
  /// Learns from a denied append that it was deposed; the crate leaves an old leader in the dark.
  [[nodiscard]] constexpr bool hears_denied_append() const noexcept { return is_native(); }
  /// Campaigns itself against a later leader that lacks what it has committed.
  [[nodiscard]] constexpr bool contests_leaders() const noexcept { return is_native(); }
  /// What it calls committed has as many copies as the quorum floor asks for.
  [[nodiscard]] constexpr bool keeps_floor() const noexcept { return is_native(); }

  // -- replication
  /// Answers each AppendEntries exactly once, and counts our answers; the crate does not answer heartbeats.
  [[nodiscard]] constexpr bool answers_every_append() const noexcept { return is_native(); }
  /// Keeps its catch-up over a broken bond, and panics when it is not resumed exactly (spec: groups 11.2).
  [[nodiscard]] constexpr bool resumes_catch_up() const noexcept { return !is_native(); }
  /// Fetches from the leader that it follows and from no other member.
  [[nodiscard]] constexpr bool fetches_from_leader() const noexcept { return is_native(); }
  /// Cuts an answer to what fits; the crate gives all that it is asked for.
  [[nodiscard]] constexpr bool cuts_fetch_answers() const noexcept { return is_native(); }

  // -- calls
  /// Answers each forwarded command, with an index or with a refusal; the crate knows no refusal.
  [[nodiscard]] constexpr bool answers_every_forward() const noexcept { return is_native(); }
  /// Hears from an abstention that a member takes no part any more.
  [[nodiscard]] constexpr bool heeds_bystanders() const noexcept { return is_native(); }

 private:
  [[nodiscard]] constexpr bool is_native() const noexcept { return kind_ == native; }
  Kind kind_;
};

}  // namespace mosaik::consensus
