#pragma once
/// Queries that have not ended, in the order in which they came, found by what they wait for. A record has one state;
/// its places in the indexes follow from that, in one function each for coming and going.

#include <map>
#include <optional>
#include <set>
#include <variant>

#include "base/byte_budget.hpp"
#include "base/now.hpp"
#include "consensus/dynamic/actions.hpp"
#include "consensus/dynamic/contributions.hpp"

namespace mosaik::consensus {

/// A query that has not ended.
struct ReadRequest {
  struct Own {
    CallId call;
  };
  struct Foreign {  ///< of another member, which gets a QueryResponse, or silence
    PeerId peer;
    ForwardId request = 0;
  };
  struct Waiting {};  ///< for a leader
  struct Forwarded {  ///< on its way to `leader`
    ForwardId request = 0;
    PeerId leader;
  };
  struct Confirming {};  ///< until enough members have confirmed that we still lead
  struct Positioned {    ///< until this much was handed to the machine, and the machine has room
    Index position;
  };
  struct Asked {  ///< with the machine, which has applied this much in this epoch
    Index position;
    Epoch epoch;
  };

  std::variant<Own, Foreign> from;
  Blob query;
  Consistency consistency{};
  Mono deadline{};  ///< of the call, or of another member's patience
  Mono ends_at{};   ///< the deadline, or earlier while it is on its way to the leader
  std::variant<Waiting, Forwarded, Confirming, Positioned, Asked> state = {};
  std::size_t kept = 0;  ///< of the budget; the table's

  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return std::get_if<T>(&state);
  }
  [[nodiscard]] std::optional<CallId> own_call() const noexcept {
    const auto* own = std::get_if<Own>(&from);
    return own == nullptr ? std::nullopt : std::optional(own->call);
  }
};

class ReadTable {
 public:
  /// `kept` outlives this: the budget of commands and queries that are kept for a leader.
  explicit ReadTable(ByteBudget& kept) : kept_(kept) {}

  /// Why there is no room for one more.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return requests_.size() < limits::calls && own_.has_room(bytes);
  }
  [[nodiscard]] bool has_room_for(const PeerId& peer, std::size_t bytes) const;

  QueryId insert(ReadRequest request);
  /// Changes a query by `change(ReadRequest&)`.
  template <class F>
  void update(QueryId id, F change) {
    const auto found = requests_.find(id);
    leave_indexes(id, found->second);
    change(found->second);
    enter_indexes(id, found->second);
  }
  /// The one way out.
  ReadRequest extract(QueryId id);

  [[nodiscard]] bool contains(QueryId id) const { return requests_.contains(id); }
  [[nodiscard]] const ReadRequest& at(QueryId id) const { return requests_.at(id); }

  [[nodiscard]] std::optional<QueryId> first() const;
  [[nodiscard]] std::optional<QueryId> first_waiting() const;
  [[nodiscard]] std::optional<QueryId> first_positioned() const;
  [[nodiscard]] std::optional<QueryId> first_due(Mono now) const;
  [[nodiscard]] std::optional<QueryId> forwarded(ForwardId request) const;
  [[nodiscard]] std::vector<QueryId> all_forwarded() const;
  [[nodiscard]] Mono next_deadline() const noexcept { return deadlines_.empty() ? never : deadlines_.begin()->first; }
  /// What this table has taken of the budget.
  [[nodiscard]] std::size_t kept_bytes() const noexcept { return kept_bytes_; }

  void check_invariants() const;

 private:
  /// Queries of other members that are answered here.
  struct Served {
    std::size_t queries = 0;
    std::size_t bytes = 0;
  };
  // When there was no memory to enter an index, leaving it changes nothing: the query can still end.
  void enter_indexes(QueryId id, ReadRequest& request);
  void leave_indexes(QueryId id, ReadRequest& request) noexcept;

  ByteBudget& kept_;
  std::map<QueryId, ReadRequest> requests_;
  std::set<QueryId> waiting_;
  std::map<ForwardId, QueryId> forwarded_;
  std::set<QueryId> positioned_;
  std::set<std::pair<Mono, QueryId>> deadlines_;
  std::size_t kept_bytes_ = 0;
  ByteBudget own_{limits::waiting_query_bytes};  ///< queries of this member
  Served served_;
  std::map<PeerId, Served> served_to_;  ///< of each
  QueryId last_;
};

}  // namespace mosaik::consensus
