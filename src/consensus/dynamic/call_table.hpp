#pragma once
/// Calls with commands that have not ended, found by what they wait for. A record has one state; its places in the
/// indexes follow from that, in one function each for coming and going.

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "base/byte_budget.hpp"
#include "base/now.hpp"
#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

/// A call with commands that has not ended.
struct OpenCall {
  struct Waiting {};  ///< for a leader
  struct Forwarded {  ///< on its way to `leader`
    ForwardId request = 0;
    PeerId leader;
  };
  struct Appended {  ///< to a log, at `range`; waits until that is committed here
    IndexRange range;
  };

  Until until{};
  Mono deadline{};
  Mono ends_at{};  ///< the deadline, or earlier while it is on its way to the leader
  std::uint64_t count = 0;
  Term from;  ///< the terms in which it may have been appended
  Term to;
  std::vector<Blob> commands = {};  ///< kept by a follower, to compare with what is committed
  std::variant<Waiting, Forwarded, Appended> state = {};
  std::size_t kept = 0;  ///< of the budget; the table's
};

/// What the commands of a call that waits take.
[[nodiscard]] std::size_t bytes_to_keep(const std::vector<Blob>& commands) noexcept;

class CallTable {
 public:
  /// `kept` outlives this: the budget of commands and queries that are kept for a leader.
  explicit CallTable(ByteBudget& kept) : kept_(kept) {}

  void insert(CallId id, OpenCall call);
  /// Changes a call by `change(OpenCall&)`.
  template <class F>
  void update(CallId id, F change) {
    const auto found = calls_.find(id);
    leave_indexes(id, found->second);
    change(found->second);
    enter_indexes(id, found->second);
  }
  /// The one way out.
  OpenCall extract(CallId id);

  [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
  [[nodiscard]] bool contains(CallId id) const { return calls_.contains(id); }
  [[nodiscard]] const OpenCall& at(CallId id) const { return calls_.at(id); }

  [[nodiscard]] std::optional<CallId> first() const;
  /// Of those that wait for a leader, in their order.
  [[nodiscard]] std::optional<CallId> first_waiting() const;
  /// By their last index.
  [[nodiscard]] std::optional<CallId> first_appended() const;
  [[nodiscard]] std::optional<CallId> first_due(Mono now) const;
  [[nodiscard]] std::optional<CallId> forwarded(ForwardId request) const;
  [[nodiscard]] std::vector<CallId> all_forwarded() const;
  [[nodiscard]] Mono next_deadline() const noexcept { return deadlines_.empty() ? never : deadlines_.begin()->first; }

  /// What this table has taken of the budget.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_bytes_; }

  void check_invariants() const;

 private:
  // When there was no memory to enter an index, leaving it changes nothing: the call can still end.
  void enter_indexes(CallId id, OpenCall& call);
  void leave_indexes(CallId id, OpenCall& call) noexcept;

  ByteBudget& kept_;
  std::map<CallId, OpenCall> calls_;
  std::set<CallId> waiting_;
  std::map<ForwardId, CallId> forwarded_;
  std::multimap<Index, CallId> appended_;  ///< by their last index
  std::set<std::pair<Mono, CallId>> deadlines_;
  std::size_t kept_bytes_ = 0;
};

}  // namespace mosaik::consensus
