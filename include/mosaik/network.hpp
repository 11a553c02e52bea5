#pragma once
/// Network, Groups, Group, When: the face of the library.
///
/// Threads. All handles may be used from any thread; methods return at once unless they say that they wait; one that
/// waits may not be called from a callback with CallOptions::on_loop. Readers get
/// snapshots and share no lock with the network loop. Continuations and event callbacks run on one delivery thread of
/// the Network, off the loop.
///
/// Life. Destroying a Group leaves it: a Departure is flushed, bonds close with 102, within 600 ms. Destroying a
/// Network leaves all groups and ends its threads, within 1 s. Descriptors are close-on-exec. In a
/// forked child the parent's handles are closed: calls end with Errc::closed, readers see the state of the start, and
/// close() and destructors do nothing to the parent's node. A future that was asked for before the fork never comes
/// there.

#include <mosaik/export.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/async/future.hpp>
#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/result.hpp>
#include <mosaik/types/status.hpp>
#include <mosaik/types/trace.hpp>

namespace mosaik {

/// The UDP port that a contact without a port means. `mosaik node` listens on it if it is free; a Network does if its
/// configuration says so. No list of assigned ports names it.
inline constexpr std::uint16_t default_port = 7820;

/// How to open a node: `{.network = "my-app", .bootstrap = {...}}`. Text forms are checked by open(), which says what
/// is wrong with which.
struct NetworkConfig {
  std::string network = "mosaik";           ///< name of the network; 64 hexadecimal digits are an id
  std::string name = {};                    ///< a label for people; defaults to the id's first 10 digits
  std::vector<std::string> bootstrap = {};  ///< `HOST`, `HOST:PORT`, `PEERID@HOST:PORT`, `dns:NAME`, at most 64
  std::vector<std::string> listen = {"0.0.0.0:0", "[::]:0"};  ///< `IP:PORT`, at most one of each family
  /// Tried first where `listen` leaves the port open; if it is taken in one family, all get any free port. 0: none.
  std::uint16_t preferred_port = 0;
  std::vector<std::string> advertise =
      {};  ///< `IP:PORT` that others shall dial; default: the listen addresses, or the interfaces' for 0.0.0.0 and [::]
  std::vector<std::string> tags = {};  ///< labels in this node's entry (Digest::of each)
  /// Ed25519 seed. Either this or the file; with neither, each run is another peer.
  std::optional<Bytes32> secret_key = {};
  /// 64 hexadecimal digits; created with mode 0600 when missing, refused when damaged or readable by others, locked.
  std::string secret_key_file = {};
  /// What the next run with this key should know: peers, not secrets. Default: secret_key_file + `.state`; none without
  /// a key file.
  std::string state_file = {};
  Crashes crashes = {};  ///< shown in the status; for a program that restarts its node
};

namespace api {
class NetworkBody;
class GroupBody;
}  // namespace api

/// Waits for something about a group. Each future completes with Errc::closed when the group is left first. A wait is
/// for a state, not for a moment: a state that is over sooner than it can be delivered may be missed; subscribe() for
/// each bond that comes or goes.
class MOSAIK_EXPORT When {
 public:
  /// The next set of bonds that differs from the one at the time of the call.
  [[nodiscard]] Future<Result<Bonds>> bonds() const;
  /// A set with at least `count` own bonds; at once when that is so already.
  [[nodiscard]] Future<Result<Bonds>> bonds_reach(std::size_t count) const;
  /// An own bond with `peer`.
  [[nodiscard]] Future<Result<Bonds>> bonded_with(const PeerId& peer) const;
  /// No own bond with `peer`.
  [[nodiscard]] Future<Result<Bonds>> unbonded_from(const PeerId& peer) const;
  /// Every known member is bonded with us, and there is at least one.
  [[nodiscard]] Future<Result<Bonds>> online() const;
  /// Not so: a known member is not bonded with us, or none is known.
  [[nodiscard]] Future<Result<Bonds>> offline() const;

 protected:
  friend class Group;
  explicit When(std::shared_ptr<api::GroupBody> body) : body_(std::move(body)) {}
  std::shared_ptr<api::GroupBody> body_;
};

/// Membership in a group. Move-only; destroying it leaves the group.
class MOSAIK_EXPORT Group {
 public:
  Group(Group&&) noexcept;
  Group& operator=(Group&&) noexcept;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group();

  [[nodiscard]] const GroupId& id() const noexcept;
  /// The mesh as it is known now.
  [[nodiscard]] Bonds bonds() const;
  /// Members, bonds, and why the group is not healthy, in words.
  [[nodiscard]] GroupStatus status() const;
  /// Waits: futures that complete when the mesh is in a state.
  [[nodiscard]] When when() const;
  /// Leaves: Departure to all, then close. Completes when it is done, at most 600 ms later.
  Future<Result<>> leave();

 protected:
  friend class GroupBuilder;
  explicit Group(std::shared_ptr<api::GroupBody> body);
  std::shared_ptr<api::GroupBody> body_;
};

/// Whether join() takes these settings, and this floor of a group with a machine. Errors: invalid_argument, with what
/// would do.
[[nodiscard]] MOSAIK_EXPORT Result<> check_consensus(const ConsensusConfig& config, std::uint32_t quorum_floor = 0);

class Machine;
class ReplicatedGroupBuilder;
template <class M>
class GroupOfBuilder;

/// What is needed to join a group; nothing happens before join().
class MOSAIK_EXPORT GroupBuilder {
 public:
  /// The timing; its heartbeat settings are part of the GroupId.
  GroupBuilder& with_consensus(const ConsensusConfig& config);
  /// The machine that the members replicate; join() then gives a GroupOf<M>.
  template <class M>
  [[nodiscard]] GroupOfBuilder<M> with_state_machine(M machine) const;
  /// The same for a machine that is not known at compile time. `machine` may not be null.
  [[nodiscard]] ReplicatedGroupBuilder with_machine(std::unique_ptr<Machine> machine) const;
  /// Joins the group of the key, these settings and the NoOp machine. Waits until the loop has taken it up. Errors:
  /// invalid_argument (a setting that can not work), in_use (already joined), limit, closed.
  [[nodiscard]] Result<Group> join();

 private:
  friend class Groups;
  GroupBuilder(std::shared_ptr<api::NetworkBody> body, const GroupKey& key);
  std::shared_ptr<api::NetworkBody> body_;
  GroupKey key_;
  ConsensusConfig consensus_;
};

/// The groups of one node.
class MOSAIK_EXPORT Groups {
 public:
  /// Begins to describe membership in the group of this key; join() makes it real.
  [[nodiscard]] GroupBuilder with_key(const GroupKey& key) const;

 private:
  friend class Network;
  explicit Groups(std::shared_ptr<api::NetworkBody> body) : body_(std::move(body)) {}
  std::shared_ptr<api::NetworkBody> body_;
};

/// Ends the subscription when it is destroyed; no callback runs after that.
class MOSAIK_EXPORT Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> hold) : hold_(std::move(hold)) {}

 private:
  std::shared_ptr<void> hold_;
};

class MachineRef;

/// A reference to a running node, for tools beside the program that runs it (mosaik/control.hpp). Copyable; it does not
/// keep the node running. After the end of the node calls end with Errc::closed, and status() is the last one.
class MOSAIK_EXPORT NetworkRef {
 public:
  /// The newest snapshot; never waits.
  [[nodiscard]] NodeStatus status() const;
  /// A snapshot that is not older than this question. Waits for it, at most for `patience`; then returns the newest.
  [[nodiscard]] NodeStatus fresh_status(std::chrono::nanoseconds patience = std::chrono::seconds(1)) const;
  /// As Network::subscribe.
  [[nodiscard]] Subscription subscribe(std::function<void(const Event&)> call) const;
  /// As Network::trace.
  [[nodiscard]] Subscription trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) const;
  /// As Network::leave; completes Network::ended() as well, so that the program can end.
  Future<Result<>> leave(std::chrono::nanoseconds wait = std::chrono::seconds(5)) const;
  /// As Network::forget.
  Future<Result<>> forget(const PeerId& peer) const;
  /// Adds a notice of the caller's own to the status and the events.
  void notify(const std::string& text) const;
  /// The machine of a group that this node has joined. Errors: not_found (no such group, or it has no machine).
  [[nodiscard]] Result<MachineRef> machine(const GroupId& group) const;

 private:
  friend class Network;
  explicit NetworkRef(std::shared_ptr<api::NetworkBody> body) : body_(std::move(body)) {}
  std::shared_ptr<api::NetworkBody> body_;
};

/// One node: an identity, its sockets, its catalog, its groups.
class MOSAIK_EXPORT Network {
 public:
  /// Opens sockets and files and starts the loop; waits for these, and for no peer. Errors name the setting:
  /// invalid_argument, in_use, permission, io, malformed (a key file), limit (too many of something, or none left of
  /// open files or threads).
  [[nodiscard]] static Result<Network> open(const NetworkConfig& config = {});
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  [[nodiscard]] const PeerId& id() const noexcept;
  /// Where others can dial this node.
  [[nodiscard]] std::vector<SocketAddress> addresses() const;
  /// `PEERID@IP:PORT` of this node, for another's bootstrap list; `PEERID@0.0.0.0:0`, which nobody can dial, while no
  /// address of this host is known.
  [[nodiscard]] std::string contact() const;
  [[nodiscard]] Groups groups() const;
  /// The node, its groups, and what a person should know, at one moment.
  [[nodiscard]] NodeStatus status() const;
  /// Fresh entries of the catalog, ascending by id, ours not among them.
  [[nodiscard]] std::vector<PeerEntry> catalog() const;
  /// Our own entry, as others see it.
  [[nodiscard]] PeerEntry entry() const;
  /// As it goes over the wire (docs/protocol/discovery.md 1).
  [[nodiscard]] std::vector<std::uint8_t> signed_entry() const;
  /// Exchanges catalogs with `PEERID@HOST:PORT`. Errors: invalid_argument, unreachable, timed_out (5 s after the name
  /// was resolved), refused, closed, limit; not_found (no such name, or it sent no entry of its own); of what it sent:
  /// malformed, not_canonical, bad_signature, old_entry_layout, wrong_network, from_the_future, stale.
  Future<Result<>> sync_with(const std::string& contact);
  /// Has a member that is gone and will not come back forgotten, by this node and all C++ members that are bonded with
  /// it; nobody dials or misses it then. A newer run of it, or a handshake of its own, makes it a member again.
  /// Errors: not_found (no such member), refused (it lives, as far as anybody says; the message has the reason),
  /// closed.
  Future<Result<>> forget(const PeerId& peer);
  /// Asks `PEERID@HOST:PORT` for its entry; completes with the round-trip time. Errors as of sync_with.
  Future<Result<std::chrono::nanoseconds>> ping(const std::string& contact);
  /// Calls back for each event from now on, in order, on the delivery thread. A reader that falls more than 1,024
  /// events behind gets one event of kind `lost`. `call` must not throw and must not wait for a future: that thread is
  /// what completes them.
  [[nodiscard]] Subscription subscribe(std::function<void(const Event&)> call) const;
  /// Calls back for each decision of the node that the filter lets through, with its reason, on the delivery thread. A
  /// reader that falls more than 4,096 records behind misses some, and is told how many.
  [[nodiscard]] Subscription trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) const;
  /// Completes when the node was asked to leave through a NetworkRef (the control socket does so) and has left all
  /// groups, or is closed.
  [[nodiscard]] Future<std::monostate> ended() const;
  /// Leaves all groups once another member of each has all that is committed there: `wait` at the most, and at once
  /// where nothing is committed or no other member is known. A notice tells of such a wait and of how it ended.
  /// Completes when the groups are left, at most 600 ms after the wait.
  Future<Result<>> leave(std::chrono::nanoseconds wait = std::chrono::seconds(5));
  /// For tools beside the program.
  [[nodiscard]] NetworkRef ref() const;
  /// Leaves all groups at once and ends; waits for that, at most 1 s. The destructor does the same.
  void close();

 private:
  explicit Network(std::shared_ptr<api::NetworkBody> body);
  std::shared_ptr<api::NetworkBody> body_;
};

}  // namespace mosaik
