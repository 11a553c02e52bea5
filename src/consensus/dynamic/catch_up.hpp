#pragma once
/// Catch-up by log replay, as the joiner (spec: groups 6.12): fetches the entries between the end of our log and the
/// index where a leader's entries begin.
///
/// Hardened. Only the leader is asked: without a floor another member may have committed another history, and its
/// entries would be mixed with the leader's. It is not asked what it has: its own word says that it has the entries,
/// and what it would offer ends at its committed index, which may wait for us (8.1 S14, S16). Our own last entry is
/// fetched too and compared, in term and bytes, before anything follows it, so that a log that parted earlier is found
/// out. Each request begins with the last entry that we have: who was asked may follow another history since it
/// answered last, and entries of two histories must never stand in one log. Then only entries that differ from the
/// leader's leave, from the end on, in steps that double: what this member
/// has acknowledged may be part of a promise, known to be committed or not. Answers are checked against the request;
/// what arrives while fetching is bounded.
///
/// A Rust leader gives all that it is asked for, and a frame beyond the limit costs the bond. So it is asked for one
/// entry first, then for twice as many each time, and for no more than limits::fetch_bytes of such as came last: the
/// second request brings one new entry, so that each bond gets further, however large the entries behind it are.

#include <optional>
#include <variant>
#include <vector>

#include "base/limits.hpp"
#include "base/now.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {

class CatchUp {
 public:
  /// How a leader answers.
  enum class Answers : std::uint8_t {
    cut,    ///< no more than fits (limits::append_bytes), as C++ does
    whole,  ///< all that was asked for, as Rust does
  };
  /// The leader has `target`, and `entries` behind it; `batch`: entries of one request.
  CatchUp(const Cursor& target, std::vector<Entry> entries, std::uint32_t batch, Answers answers = Answers::cut);

  /// Later entries of the leader.
  void buffer(const Cursor& previous, std::vector<Entry> entries);
  void on_fetched(FetchEntriesResponse response);
  /// Our log was cut from there on: what was verified or fetched behind it is not any more.
  void restart(Index from);

  /// What to ask the leader now.
  [[nodiscard]] std::optional<Message> ask(const Now& now, const Log& log);

  struct Waiting {};
  /// Our entry at `from` is not the leader's, and none behind it is.
  struct Parted {
    Index from;
  };
  /// The log has all that the leader is known to have.
  struct Done {};
  using State = std::variant<Waiting, Parted, Done>;
  /// Appends what was fetched and follows.
  [[nodiscard]] State drain(Log& log);
  void check_invariants() const;
  [[nodiscard]] Mono next_deadline() const { return ask_at_; }
  [[nodiscard]] const Cursor& target() const noexcept { return target_; }
  /// The last entry that the leader is known to have.
  [[nodiscard]] Cursor end() const noexcept {
    return tail_.empty() ? target_ : Cursor{tail_.back().term, target_.index.plus(tail_.size())};
  }

 private:
  [[nodiscard]] std::uint64_t next_most(const std::vector<Entry>& came) const;
  [[nodiscard]] Index first_needed(const Log& log) const;
  [[nodiscard]] std::optional<Index> merge_fetched(Log& log);
  void drop_tail();

  Cursor target_;
  std::vector<Entry> tail_;  // follow the target
  std::size_t tail_bytes_ = 0;
  std::uint32_t batch_;
  Answers answers_;
  std::uint64_t most_;            // entries of the next request
  std::optional<Index> matched_;  // all of ours up to here is the leader's too
  std::uint64_t step_ = 1;        // how far from our end that is looked for
  bool skip_overlap_ = false;     // once: the next request begins behind what we have
  std::optional<IndexRange> fetching_;
  Mono ask_at_{};                                  // not before
  Nanoseconds patience_ = limits::fetch_patience;  // with the next request
  std::optional<FetchEntriesResponse> fetched_;
};

}  // namespace mosaik::consensus
