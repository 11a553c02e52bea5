#pragma once
/// What a leader knows of one peer: of this bond and this term only (as etcd's tracker/progress.go).
///
///   unsent --first append--> probing --acknowledges--> replicating <--> stalled (crate: behind for too long)
///   granted (it voted for us: its log equals ours) --acknowledges--> replicating; --behind for too long--> probing
///   any --abstains, and lacks entries--> catching_up; --abstains, and has all--> observing; both --acknowledge-->
///   replicating

#include <optional>
#include <variant>

#include "base/now.hpp"
#include "consensus/dynamic/cursor.hpp"
#include "consensus/dynamic/dialect.hpp"

namespace mosaik::consensus {

/// Which answers of a peer of ours stand for which appends: it answers each one, in order.
struct NativeAnswers {
  std::uint64_t asked = 0;  ///< appends sent
  std::uint64_t answered = 0;
};
/// A Rust member answers only what has entries: repairs, and the newest entry sent again (confirmations.hpp).
struct CrateAnswers {
  std::uint64_t repairs = 0;           ///< answers that repairs will bring first
  std::optional<std::uint64_t> probe;  ///< the answer after those confirms reads up to this number
};

class PeerProgress {
 public:
  enum class State : std::uint8_t {
    unsent,       ///< the bond is new: nothing was sent on it
    probing,      ///< it has not told yet what it has
    granted,      ///< it voted for us: its log equals ours
    replicating,  ///< it has acknowledged on this bond
    stalled,      ///< it has, and does not keep up: it is not waited for until it acknowledges again
    catching_up,  ///< it lacks entries, and fetches them
    observing,    ///< it is in step and wants no vote
  };

  /// On a new bond.
  PeerProgress(Dialect dialect, Index sent, Mono grace_until)
      : dialect_(dialect), sent_(sent), grace_until_(grace_until) {
    if (dialect.answers_every_append()) answers_ = NativeAnswers{};
  }
  /// On the bonds of a new leader, which begins by an append to all.
  void on_elected() noexcept { state_ = State::probing; }
  void on_granted(Index last) noexcept;
  /// The first message on a new bond is about to go.
  void on_greeted(Index sent) noexcept;
  void on_entries_sent(Index last, Mono now) noexcept;
  void on_acknowledged(Index last, Mono now) noexcept;
  void on_abstained(Index last) noexcept;
  /// Its acknowledgements are not waited for any more.
  void on_stalled() noexcept;

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }
  [[nodiscard]] bool is_unsent() const noexcept { return state_ == State::unsent; }
  /// Its acknowledgements count.
  [[nodiscard]] bool in_sync() const noexcept { return state_ == State::granted || state_ == State::replicating; }
  /// What it has acknowledged, it did on this bond.
  [[nodiscard]] bool has_acknowledged() const noexcept {
    return state_ == State::replicating || state_ == State::stalled;
  }
  /// It is waited for.
  [[nodiscard]] bool counts(Mono now) const noexcept {
    return in_sync() || (state_ != State::observing && now < grace_until_);
  }
  [[nodiscard]] Index acked() const noexcept { return acked_; }
  [[nodiscard]] Index sent() const noexcept { return sent_; }
  [[nodiscard]] Mono behind_since() const noexcept { return behind_since_; }
  [[nodiscard]] Mono grace_until() const noexcept { return grace_until_; }

  [[nodiscard]] NativeAnswers* native() noexcept { return std::get_if<NativeAnswers>(&answers_); }
  [[nodiscard]] const NativeAnswers* native() const noexcept { return std::get_if<NativeAnswers>(&answers_); }
  [[nodiscard]] CrateAnswers* crate() noexcept { return std::get_if<CrateAnswers>(&answers_); }

  void check_invariants(Index last) const;

 private:
  Dialect dialect_;
  State state_ = State::unsent;
  Index acked_;                ///< all up to here is in its log
  Index sent_;                 ///< all up to here was sent to it
  Mono behind_since_ = never;  ///< since when it owes an acknowledgement
  Mono grace_until_;           ///< without a floor: until then it is waited for though it has not acknowledged
  std::variant<CrateAnswers, NativeAnswers> answers_;
};

}  // namespace mosaik::consensus
