#pragma once
/// ReplicatedGroup and GroupOf<M>: a group that agrees on a state machine.
///
/// Calls. execute() ends when the command is committed, at the place that it returns; feed() when the leader has given
/// it a place, which promises nothing yet. Every call ends within CallOptions::time, and has that time to find a
/// leader. A command that this member forwards to a Rust leader, or to a C++ one that leads no more, ends 2 s later at
/// the latest if the leader has not told its place (unknown_outcome). The error says what is known:
///
///   Errc::unknown_outcome      the command may be applied, or not (its leader vanished, the deadline passed, ...)
///   every other error          it was not applied. With a floor and C++ leaders it never will be; without one, a
///                              history in which it stands may still win (docs/CONSISTENCY.md):
///     invalid_argument           no command was given
///     offline                    no leader was found within that time; the text says what is waited for
///     overwritten                another leader took its place in the log; try again
///     timed_out                  a command was not sent, or a query not answered, before the deadline
///     limit                      more than 65,536 commands or 8 MiB a call or answer of a strong query, or a queue is
///                                full; the text says which
///     closed                     the group was left, its machine failed, or could not answer this query
///     malformed                  GroupOf::query: the answer is no QueryResult
///
/// Calls of one thread on one member are placed in their order while the leader stays. Each starts at the call, whether
/// its future is looked at or not.
///
/// What commitment means under partitions, with and without a quorum floor, is said in docs/CONSISTENCY.md.

#include <mosaik/export.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

#include <mosaik/consensus/state_machine.hpp>
#include <mosaik/network.hpp>
#include <mosaik/types/consensus_status.hpp>

namespace mosaik {

/// How long a call may take, and where its callback runs.
struct CallOptions {
  std::chrono::nanoseconds time = std::chrono::seconds(10);  ///< the call ends by then, whatever happens
  /// Callbacks run on the network loop instead of the delivery thread: microseconds sooner. They must not wait, and may
  /// not call anything of this library but execute(), execute_bytes() and query_bytes() with callbacks.
  bool on_loop = false;
};

/// The answer to a query, and how many commands the machine had applied for it.
template <class T>
struct Answered {
  T result;
  Index position;
  /// How often this member had started over from another history (ConsensusStatus::diverged) when it asked: positions
  /// of answers with different values of it are places in different histories.
  std::uint64_t history = 0;
};

/// What members wait for is looked at whenever it may have changed; values in between may be skipped.
template <class T>
class MOSAIK_EXPORT Watcher {
 public:
  /// The next value other than that at the creation of this watcher.
  [[nodiscard]] Future<Result<T>> changed() const;
  /// The next value above that at the time of the call.
  [[nodiscard]] Future<Result<T>> advanced() const;
  /// The next value below that at the time of the call: a new leader's history is another one.
  [[nodiscard]] Future<Result<T>> reverted() const;
  /// A value at or above `index`; at once when it is there already.
  [[nodiscard]] Future<Result<T>> reaches(Index index) const;

 private:
  friend class ReplicatedWhen;
  Watcher(std::shared_ptr<api::GroupBody> body, T first) : body_(std::move(body)), first_(first) {}
  std::shared_ptr<api::GroupBody> body_;
  T first_;
};

/// Waits about the consensus of a group, besides those about its mesh. It is no When: `online` and `offline` are the
/// member's own part in the consensus here (spec: groups 6.9), and the completeness of the mesh is `mesh().online()`.
class MOSAIK_EXPORT ReplicatedWhen : private When {
 public:
  using When::bonded_with;
  using When::bonds;
  using When::bonds_reach;
  using When::unbonded_from;
  /// All waits about the mesh, as of a group without a machine.
  [[nodiscard]] When mesh() const { return *this; }
  /// A leader; at once when one is known.
  [[nodiscard]] Future<Result<PeerId>> leader_elected() const;
  /// The next leader other than that at the time of the call.
  [[nodiscard]] Future<Result<PeerId>> leader_changed() const;
  /// `peer` leads.
  [[nodiscard]] Future<Result<PeerId>> leader_is(const PeerId& peer) const;
  /// This member leads.
  [[nodiscard]] Future<Result<PeerId>> is_leader() const;
  /// This member is not known to lead: also while it is a candidate, or stopped. Completes with the leader, or with the
  /// zero id when none is known.
  [[nodiscard]] Future<Result<PeerId>> is_follower() const;
  /// This member leads, or its log meets the leader's.
  [[nodiscard]] Future<Result<std::monostate>> online() const;
  /// Neither.
  [[nodiscard]] Future<Result<std::monostate>> offline() const;
  /// Watches the index up to which all is agreed on.
  [[nodiscard]] Watcher<Index> committed() const;
  /// Watches the newest entry of this member's log.
  [[nodiscard]] Watcher<Cursor> log() const;

 private:
  friend class ReplicatedGroup;
  explicit ReplicatedWhen(std::shared_ptr<api::GroupBody> body) : When(std::move(body)) {}
};

/// A group with a machine whose commands are bytes. GroupOf<M> gives them their types.
class MOSAIK_EXPORT ReplicatedGroup : public Group {
 public:
  using Bytes = std::vector<std::uint8_t>;
  template <class T>
  using Callback = std::move_only_function<void(Result<T>)>;

  /// Commands as the machine decodes them: committed in one piece, in order. At most 65,536 of them, 8 MiB in all.
  Future<Result<IndexRange>> execute_bytes(std::vector<Bytes> commands, const CallOptions& options = {}) const;
  /// The same, done when the leader has given them places: they may still be lost.
  Future<Result<IndexRange>> feed_bytes(std::vector<Bytes> commands, const CallOptions& options = {}) const;
  /// Asks the machine. Strong: errors as in the file's head. Weak: of this member's own machine, once
  /// it has applied all that is committed here: it waits for a slow one.
  Future<Result<Answered<Bytes>>> query_bytes(Bytes query, Consistency consistency,
                                              const CallOptions& options = {}) const;
  /// Waits until this member's machine has applied all that was committed in the group before this call. Returns the
  /// index up to which it has: what the machine shows here from then on is not older than the call. The leader is asked
  /// for that index as by a strong query. Errors: as of a strong query; refused, if the leader is of the crate.
  Future<Result<Index>> barrier(const CallOptions& options = {}) const;
  /// Without futures: `done` runs once, where the options say.
  void execute_bytes(std::vector<Bytes> commands, const CallOptions& options, Callback<IndexRange> done) const;
  void query_bytes(Bytes query, Consistency consistency, const CallOptions& options,
                   Callback<Answered<Bytes>> done) const;

  /// All that is known of the consensus, at one moment.
  [[nodiscard]] ConsensusStatus consensus() const;
  [[nodiscard]] Index committed() const { return consensus().committed; }
  [[nodiscard]] Cursor log_position() const { return consensus().log_position; }
  [[nodiscard]] std::optional<PeerId> leader() const { return consensus().leader; }
  [[nodiscard]] bool is_leader() const { return consensus().role == MemberRole::leader; }
  [[nodiscard]] ReplicatedWhen when() const;

 protected:
  friend class ReplicatedGroupBuilder;
  using Group::Group;
  // One command, without a list around it.
  Future<Result<Index>> execute_one(Bytes command, const CallOptions& options) const;
  void execute_one(Bytes command, const CallOptions& options, Callback<Index> done) const;
  Future<Result<Index>> feed_one(Bytes command, const CallOptions& options) const;
};

/// A group with a machine whose type the caller does not know: commands and queries are bytes. Copyable; it does not
/// keep the member in the group. Calls and their errors are those of ReplicatedGroup.
class MOSAIK_EXPORT MachineRef {
 public:
  using Bytes = ReplicatedGroup::Bytes;
  template <class T>
  using Callback = ReplicatedGroup::Callback<T>;

  /// What the machine is called; empty without a name.
  [[nodiscard]] const std::string& name() const noexcept;
  /// Completes with the command's place. Errors besides: malformed (the machine cannot decode it: it is not sent).
  void execute_bytes(Bytes command, const CallOptions& options, Callback<Index> done) const;
  void query_bytes(Bytes query, Consistency consistency, const CallOptions& options,
                   Callback<Answered<Bytes>> done) const;
  /// Calls `done` once, on the delivery thread: with the status when more than `beyond` is committed here, or, if
  /// `history` is given, when this member has started over another number of times (ConsensusStatus::diverged); with
  /// Errc::closed when the group is left or the node ends. The wait ends with the subscription; a call of `done` that
  /// has begun by then still comes.
  [[nodiscard]] Subscription when_committed(Index beyond, std::optional<std::uint64_t> history,
                                            Callback<ConsensusStatus> done) const;

 private:
  friend class NetworkRef;
  struct Body;
  explicit MachineRef(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
  std::shared_ptr<const Body> body_;
};

/// How to take part in a group with a machine; nothing happens before join().
class MOSAIK_EXPORT ReplicatedGroupBuilder {
 public:
  ReplicatedGroupBuilder(ReplicatedGroupBuilder&&) noexcept;
  ReplicatedGroupBuilder& operator=(ReplicatedGroupBuilder&&) noexcept;
  ~ReplicatedGroupBuilder();

  /// The timing; its heartbeat settings are part of the GroupId.
  ReplicatedGroupBuilder& with_consensus(const ConsensusConfig& config);
  /// Whether this member wants to lead.
  ReplicatedGroupBuilder& with_preference(Preference preference);
  /// At least this many members must take part in every election and commit: more than half of all that the group is
  /// meant to have, the same at all C++ members (docs/CONSISTENCY.md). 0, the default: none; at most 1,025.
  ReplicatedGroupBuilder& with_quorum_floor(std::uint32_t members);
  /// Entries a catch-up request asks for; part of the GroupId (spec: groups 2.4). At least 1; by default 2,000.
  ReplicatedGroupBuilder& with_catch_up_batch(std::uint32_t entries);
  /// Without a floor: how long a part of a larger group waits before it goes on alone. Not negative; by default 30 s.
  ReplicatedGroupBuilder& with_alone_after(std::chrono::nanoseconds time);
  /// Bytes of memory that the log of this member may take; an entry counts 64 besides its command. The log only grows.
  /// When it is full the leader refuses commands with Errc::limit; a follower that is beyond its own limit says so in
  /// its status and goes on. Other members together may fill what this one, leading, has left; one alone gets half of
  /// it. At least 16 MiB; by default a quarter of the memory that the machine or its control group has, 8 GiB at most.
  ReplicatedGroupBuilder& with_log_limit(std::uint64_t bytes);
  /// Joins once: the machine goes with it. Waits until the loop has taken it up, so not from a callback with on_loop.
  /// Errors: invalid_argument, in_use, limit, closed.
  [[nodiscard]] Result<ReplicatedGroup> join();

 protected:
  friend class GroupBuilder;
  struct Body;
  explicit ReplicatedGroupBuilder(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

/// A group that replicates an M.
template <class M>
class GroupOf : public ReplicatedGroup {
 public:
  using Command = typename M::Command;
  using Query = typename M::Query;
  using QueryResult = typename M::QueryResult;

  explicit GroupOf(ReplicatedGroup group) : ReplicatedGroup(std::move(group)) {}

  /// Completes with the command's place when it is committed.
  Future<Result<Index>> execute(const Command& command, const CallOptions& options = {}) const {
    return execute_one(postcard::encode(command), options);
  }
  /// All of them in one piece of the log, in order.
  Future<Result<IndexRange>> execute_many(std::span<const Command> commands, const CallOptions& options = {}) const {
    return execute_bytes(encoded(commands), options);
  }
  /// Completes with the command's place in the leader's log: it may still be lost.
  Future<Result<Index>> feed(const Command& command, const CallOptions& options = {}) const {
    return feed_one(postcard::encode(command), options);
  }
  Future<Result<IndexRange>> feed_many(std::span<const Command> commands, const CallOptions& options = {}) const {
    return feed_bytes(encoded(commands), options);
  }
  /// Asks the machine; `position` tells how many commands it had applied.
  Future<Result<Answered<QueryResult>>> query(const Query& query, Consistency consistency,
                                              const CallOptions& options = {}) const {
    return query_bytes(postcard::encode(query), consistency, options)
        .then([](const Result<Answered<Bytes>>& answer) -> Result<Answered<QueryResult>> {
          if (!answer) return std::unexpected(answer.error());
          auto result = postcard::decode<QueryResult>(answer->result);
          if (!result) return std::unexpected(result.error());
          return Answered<QueryResult>{std::move(*result), answer->position, answer->history};
        });
  }
  /// Without a future: `done` runs where the options say.
  void execute(const Command& command, const CallOptions& options, Callback<Index> done) const {
    execute_one(postcard::encode(command), options, std::move(done));
  }

 private:
  static std::vector<Bytes> encoded(std::span<const Command> commands) {
    std::vector<Bytes> out;
    out.reserve(commands.size());
    for (const Command& command : commands) out.push_back(postcard::encode(command));
    return out;
  }
};

/// ReplicatedGroupBuilder for a typed machine.
template <class M>
class GroupOfBuilder : public ReplicatedGroupBuilder {
 public:
  explicit GroupOfBuilder(ReplicatedGroupBuilder builder) : ReplicatedGroupBuilder(std::move(builder)) {}

  GroupOfBuilder& with_consensus(const ConsensusConfig& config) {
    return with(ReplicatedGroupBuilder::with_consensus(config));
  }
  GroupOfBuilder& with_preference(Preference preference) {
    return with(ReplicatedGroupBuilder::with_preference(preference));
  }
  GroupOfBuilder& with_quorum_floor(std::uint32_t members) {
    return with(ReplicatedGroupBuilder::with_quorum_floor(members));
  }
  GroupOfBuilder& with_catch_up_batch(std::uint32_t entries) {
    return with(ReplicatedGroupBuilder::with_catch_up_batch(entries));
  }
  GroupOfBuilder& with_alone_after(std::chrono::nanoseconds time) {
    return with(ReplicatedGroupBuilder::with_alone_after(time));
  }
  GroupOfBuilder& with_log_limit(std::uint64_t bytes) { return with(ReplicatedGroupBuilder::with_log_limit(bytes)); }
  /// As ReplicatedGroupBuilder::join.
  [[nodiscard]] Result<GroupOf<M>> join() {
    auto group = ReplicatedGroupBuilder::join();
    if (!group) return std::unexpected(group.error());
    return GroupOf<M>(std::move(*group));
  }

 private:
  GroupOfBuilder& with(ReplicatedGroupBuilder&) { return *this; }
};

template <class M>
GroupOfBuilder<M> GroupBuilder::with_state_machine(M machine) const {
  static_assert(StateMachine<M>,
                "a machine has Command, Query, QueryResult, signature(), apply() and query(): see "
                "mosaik/consensus/state_machine.hpp");
  return GroupOfBuilder<M>(with_machine(make_machine(std::move(machine))));
}

}  // namespace mosaik
