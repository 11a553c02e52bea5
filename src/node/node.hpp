#pragma once
/// node: routes every input to exactly one core, and events between cores.
///
/// Place. The whole node without I/O: what runs in production, in the simulator and in unit tests. The runtime hands in
/// datagrams, the passing of time and requests; it takes datagrams, outputs and snapshots.
///
/// One step. (1) inputs: on_datagram for everything that a socket had, or one request; (2) `settle`: link events go to
/// their owners, events between cores, until nothing is left; on_timer when next_deadline() has passed, never before
/// the sockets were drained; (3) `transmit` until it returns false; (4) `snapshot` when `changed`, published before (5)
/// `take_actions`, so that who hears of a change sees it.
///
/// Order of cores: quic -> discovery / health -> bonds -> groups. No core calls another; each gives events, and only
/// the functions of this class route them (router.cpp).

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/status.hpp>

#include "base/datagram.hpp"
#include "bonds/capability.hpp"
#include "consensus/dynamic/config.hpp"
#include "crypto/ed25519.hpp"
#include "detector/sentinel.hpp"
#include "discovery/discovery.hpp"
#include "link/links.hpp"
#include "node/persisted_state.hpp"

namespace mosaik {
class Transport;
}

namespace mosaik::node {

struct Config {
  std::string name;
  std::string network_name;
  discovery::Config discovery;            ///< its network is the node's
  std::vector<SocketAddress> listening;   ///< as bound
  std::vector<SocketAddress> advertised;  ///< what our entry says
  std::vector<SocketAddress> interfaces;  ///< others that lead to our sockets: never dialed
  std::vector<Tag> tags;
  detector::SentinelPorts sentinel;                            ///< where we listen for sentinels
  std::uint64_t seed = 0;                                      ///< of timing and choice
  Bytes32 secret_seed{};                                       ///< of everything that must not be guessed
  Memory memory;                                               ///< of the last run with this key
  std::vector<std::string> warnings;                           ///< told as notices at the start
  bonds::Capabilities capabilities = bonds::own_capabilities;  ///< fewer: as an older node of this kind
  bool dial_eagerly = false;  ///< no pause before dialing a peer with a lower id: for storms in tests
};

/// Names a request, so that its end can be told; chosen by the caller.
struct RequestId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const RequestId&, const RequestId&) noexcept = default;
};

/// Look a name up and answer with on_resolved.
struct ResolveName {
  std::size_t bootstrap = 0;
  std::string host;
  std::uint16_t port = 0;
  bool service = false;  ///< its SRV records count too
};
struct SyncDone {
  RequestId request;
  Result<> result;
};
struct PingDone {
  RequestId request;
  Result<Nanoseconds> rtt;
};
/// The group is left: departures were flushed, or their time was over.
struct GroupLeft {
  GroupId group;
};
/// What the engine of a group wants from the runtime, in the order in which it wants it: Apply, Reset and AskMachine
/// for the machine, Persist for the store, Answer for a call, Event. Never a Send or a Remember.
struct GroupActions {
  GroupId group;
  std::vector<consensus::Action> actions;
};
using Action = std::variant<ResolveName, SyncDone, PingDone, GroupLeft, GroupActions, detector::ExpectSentinel,
                            detector::DialSentinel, detector::CloseSentinel, Event>;

/// The replicated machine of a group, as far as its members must agree on it, and how this member takes part.
struct MachineSpec : consensus::Participation {
  Digest signature;            ///< the machine's own (spec: groups 2.4)
  std::string rust_type = {};  ///< type name of the Rust machine; both enter the GroupId
  consensus::Store store = consensus::Store::memory;
  consensus::Restored restored{};
};

/// The group that members with this key, timing and machine are in; without a machine: the one of the crate's machine
/// that does nothing (spec: groups 2.4).
[[nodiscard]] GroupId id_of_group(const GroupKey& key, const ConsensusConfig& consensus, const MachineSpec* machine);

/// Whether a group can run so. Errors: invalid_argument, with what would do.
[[nodiscard]] Result<> check(const ConsensusConfig& consensus, std::uint32_t quorum_floor);

class Node {
 public:
  /// Opens nothing; `now` dates our entry.
  Node(const Config& config, crypto::SecretKey key, const Now& now);
  /// Over another transport than QUIC; it proves the identity of `key`.
  Node(const Config& config, crypto::SecretKey key, const Now& now, std::unique_ptr<Transport> transport);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Inputs. Call settle after one or several.
  void start(const Now& now);
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes);
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal = Refusal::port);
  void on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what);
  void on_timer(const Now& now);
  void on_sentinel_opened(const Now& now, detector::SentinelId sentinel);
  void on_sentinel_ended(const Now& now, detector::SentinelId sentinel, detector::SentinelEnd how);
  void on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses);
  /// Errors: invalid_argument, in_use, limit.
  [[nodiscard]] Result<GroupId> join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus);
  /// Joins with a machine: the group has an engine. Errors: the same.
  [[nodiscard]] Result<GroupId> join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                                     const MachineSpec& machine);
  /// GroupLeft follows, at most limits::departure_flush later.
  void leave(const Now& now, const GroupId& group);
  /// Has a member that is gone forgotten, in all groups. Errors: not_found; refused while it lives, with the reason.
  [[nodiscard]] Result<> forget(const Now& now, const PeerId& peer);
  void sync_with(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);
  void ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);

  // Calls on a group with a machine (consensus/dynamic/engine.hpp): each ends with one Answer, among the outputs.
  void submit(const Now& now, const GroupId& group, consensus::CallId call, std::vector<Blob> commands,
              consensus::Until until, Mono deadline);
  void query(const Now& now, const GroupId& group, consensus::CallId call, Blob query, Consistency consistency,
             Mono deadline);
  // What became of Apply, AskMachine and Persist.
  void on_applied(const Now& now, const GroupId& group, consensus::Epoch epoch, Index index);
  void on_answered(const Now& now, const GroupId& group, consensus::QueryId query, const Result<Blob>& answer);
  void on_persisted(const Now& now, const GroupId& group, consensus::Ticket ticket);
  void on_persist_failed(const Now& now, const GroupId& group, std::string_view why);
  /// The machine failed for good: its group's engine stops, and nothing else does.
  void on_machine_failed(const Now& now, const GroupId& group, std::string_view why);
  /// Empty without a machine.
  [[nodiscard]] std::optional<ConsensusStatus> consensus(const GroupId& group) const;

  /// The addresses that our entry says, and those that lead here, are others now.
  void set_addresses(const Now& now, std::vector<SocketAddress> addresses, std::vector<SocketAddress> interfaces = {});

  /// Trouble outside the node that its operator should hear of: a notice.
  void warn(const Now& now, const std::string& text);

  void settle(const Now& now);
  /// True when there is more to write at once.
  bool transmit(const Now& now, DatagramBatch& out);
  [[nodiscard]] Mono next_deadline() const;
  /// What the runtime has to do or to tell, oldest first.
  [[nodiscard]] std::vector<Action> take_actions();

  [[nodiscard]] const PeerId& id() const noexcept;
  /// What the next run with this key should know.
  [[nodiscard]] Memory memory() const;
  /// True when memory() is another than at the last call.
  [[nodiscard]] bool take_memory_changed();
  /// True when snapshot() would tell something new since it was last called: members, bonds or reasons.
  [[nodiscard]] bool changed() const noexcept;
  [[nodiscard]] std::shared_ptr<const NodeStatus> snapshot(const Now& now);
  [[nodiscard]] std::vector<identity::EntryRef> catalog(const Now& now) const;
  [[nodiscard]] identity::EntryRef own_entry() const;
  /// Signatures of entries that were verified so far.
  [[nodiscard]] std::uint64_t verifications() const noexcept;
  /// Connections that have not ended.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mosaik::node
