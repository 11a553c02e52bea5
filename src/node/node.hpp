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

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/status.hpp>

#include "base/datagram.hpp"
#include "base/overloaded.hpp"
#include "base/token_bucket.hpp"
#include "base/trace.hpp"
#include "bonds/capability.hpp"
#include "bonds/handshake_acceptor.hpp"
#include "consensus/dynamic/config.hpp"
#include "crypto/ed25519.hpp"
#include "detector/failure_detector.hpp"
#include "detector/indirect_probes.hpp"
#include "detector/sentinel.hpp"
#include "detector/sentinels.hpp"
#include "discovery/discovery.hpp"
#include "groups/group.hpp"
#include "link/links.hpp"
#include "link/transport.hpp"
#include "node/diagnostics.hpp"
#include "node/dial_scheduler.hpp"
#include "node/peer_cache.hpp"
#include "node/persisted_state.hpp"
#include "node/protocols.hpp"

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

/// A group without a bond is looked at so long after joining, and then so often.
inline constexpr Nanoseconds first_look_at_loneliness = 5s;
inline constexpr Nanoseconds next_look_at_loneliness = 60s;

class Node {
 public:
  /// Opens nothing; `now` dates our entry.
  Node(const Config& config, crypto::SecretKey key, const Now& now);
  /// Over another transport than QUIC; it proves the identity of `key`.
  Node(const Config& config, crypto::SecretKey key, const Now& now, std::unique_ptr<Transport> transport);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Who hears of each decision (base/trace.hpp); it outlives this, null: nobody.
  void set_trace(TracePort* port) noexcept { trace_ = port; }

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
  /// A protocol besides the node's own. The handler outlives this.
  void serve(const Alpn& alpn, ProtocolHandler& handler) { protocols_.serve(alpn, handler); }
  void sync_with(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);
  void ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);

  /// A call on a group with a machine: it ends with one Answer, among the actions, at `deadline` at the latest.
  void call(const Now& now, const GroupId& group, consensus::CallId id, consensus::Call call, Mono deadline);
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
  void warn(const Now& now, const std::string& text) { notice(now, text); }

  void settle(const Now& now);
  /// True when there is more to write at once.
  bool transmit(const Now& now, DatagramBatch& out);
  [[nodiscard]] Mono next_deadline() const;
  /// What the runtime has to do or to tell, oldest first.
  [[nodiscard]] std::vector<Action> take_actions();

  [[nodiscard]] const PeerId& id() const noexcept { return self_.id(); }
  /// What the next run with this key should know.
  [[nodiscard]] Memory memory() const {
    return {self_.started(), peer_cache_.signed_entries(), peer_cache_.met(), group_sizes_};
  }
  /// True when memory() is another than at the last call.
  [[nodiscard]] bool take_memory_changed() { return std::exchange(memory_changed_, false); }
  /// True when snapshot() would tell something new since it was last called: members, bonds or reasons.
  [[nodiscard]] bool changed() const noexcept { return published_ != latest_; }
  [[nodiscard]] std::shared_ptr<const NodeStatus> snapshot(const Now& now);
  [[nodiscard]] std::vector<identity::EntryRef> catalog(const Now& now) const { return discovery_.entries(now); }
  [[nodiscard]] identity::EntryRef own_entry() const { return self_.entry(); }
  /// Signatures of entries that were verified so far.
  [[nodiscard]] std::uint64_t verifications() const noexcept { return verifier_.verifications(); }
  /// Connections that have not ended.
  [[nodiscard]] std::size_t connections() const noexcept { return endpoint_.connections(); }
  /// For tests and the simulator, after each step: of the node, and of each core.
  void check_invariants() const;

 private:
  // join.cpp
  [[nodiscard]] Result<GroupId> join_with(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                                          const MachineSpec* machine);

  // machines.cpp
  /// Runs the engine of a group; false when there is none.
  template <class F>
  bool with_engine(const GroupId& id, F&& call);
  void refuse(const GroupId& group, consensus::CallId call);
  /// Its actions become the node's.
  void give_actions(const GroupId& group);
  /// Ends the step of every engine, and of what follows from it.
  void settle_engines(const Now& now);
  void stop_engine(const Now& now, const GroupId& group, std::string_view why);

  // report.cpp
  void notice(const Now& now, const std::string& text, const PeerId& peer = {});

  // Each runs one core with its port and queues its events.
  template <class F>
  void with_group(const Now& now, const GroupId& id, F&& call);
  template <class F>
  void with_groups(const Now& now, F&& call);
  template <class F>
  void with_discovery(F&& call);
  template <class F>
  void with_detector(F&& call);

  template <class F>
  void with_mesh(const Now& now, const GroupId& id, F&& call);
  template <class F>
  void with_meshes(const Now& now, F&& call);
  // The same for what gives actions: each is carried out at once.
  template <class F>
  void with_sentinels(const Now& now, F&& call);
  template <class F>
  void with_indirect_probes(const Now& now, F&& call);

  // node.cpp
  void note_lateness(const Now& now);
  void know_own_addresses();
  /// A bonded member names the peer, or it was bonded with us.
  [[nodiscard]] bool vouched(const PeerId& peer) const;
  /// Until when the caller may wait.
  void promise(const Now& now);
  void self_changed(const Now& now);
  /// When the rooms above the endpoint want the timer; they change with inputs alone, and each input is settled.
  [[nodiscard]] Mono cores_deadline() const;

  // join.cpp
  [[nodiscard]] std::uint64_t next_run();
  void introduce(const Now& now, const GroupId& group);
  void pace_health();

  // machines.cpp
  [[nodiscard]] std::uint32_t remembered_size(const GroupId& group) const;
  void remember_size(const GroupId& group, std::uint32_t size);

  // router.cpp
  void route(const Now& now, const LinkEvent& event);
  void on_link(const Now& now, const LinkOpened& opened);
  void on_link(const Now& now, const LinkFrame& frame);
  void on_link(const Now& now, const LinkEnded& ended);
  void on_link(const Now& now, const LinkOversized& oversized);
  void on_link(const Now& now, const LinkActive& active);
  void on_link(const Now& now, const LinkGrowing& growing);
  void on_link(const Now& now, const LinkUnreachable& unreachable);
  void on_link(const Now& now, const LinkLossy& lossy);
  void on_link(const Now& now, const LinkClosed& closed);
  [[nodiscard]] AdmissionClass class_of(const PeerId& peer) const;
  /// A peer that we know of and that answered where another one was meant is worth a sync.
  void follow_up(const Now& now, const FoundPeer& found);
  [[nodiscard]] const PeerId* bonded_over(LinkId link) const;
  void drain_events(const Now& now);

  // facts_of_bonds.cpp
  void on_event(const Now& now, const GroupId& group, const bonds::BondUp& up);
  void on_event(const Now& now, const GroupId& group, const bonds::BondDown& down);
  void on_event(const Now& now, const GroupId& group, const bonds::Refused& refused);
  void on_event(const Now& now, const GroupId& group, const bonds::SyncWanted& wanted);
  void on_event(const Now& now, const GroupId& group, const bonds::EntryHeard& heard);
  void on_event(const Now& now, const GroupId& group, const bonds::DepartureHeard& heard);
  void on_event(const Now& now, const GroupId& group, const bonds::RaftHeard& heard);
  void on_event(const Now& now, const GroupId& group, const bonds::ExtensionHeard& heard);
  void on_event(const Now& now, const GroupId& group, const bonds::Asked& asked);
  void on_event(const Now& now, const GroupId& group, const bonds::ProbeWanted& wanted);
  void on_event(const Now& now, const GroupId& group, const bonds::ForgottenMember& forgotten);
  void on_event(const Now& now, const GroupId& group, const bonds::MeshChanged& changed);
  void on_event(const Now& now, const GroupId& group, const bonds::MeshLeft& left);
  [[nodiscard]] bool bonded_anywhere(const PeerId& peer) const;
  void report_refused(const Now& now, const GroupId& group, const bonds::Refused& refused);
  Event& report_bond(const Now& now, EventKind kind, const bonds::Mesh& mesh, const PeerId& peer,
                     const SessionId& session);

  // facts_of_discovery.cpp
  void on_event(const Now& now, const discovery::Discovered& discovered);
  void on_event(const Now& now, const discovery::Updated& updated);
  void on_event(const Now& now, const discovery::Departed& departed);
  void on_event(const Now& now, const discovery::SelfRefreshed& refreshed);
  void on_event(const Now& now, const discovery::Resolve& resolve);
  void on_event(const Now& now, const discovery::ContactAnswered& answered);
  void on_event(const Now& now, const discovery::SyncEnded& synced);
  void on_event(const Now& now, const discovery::PingEnded& pinged);
  void on_event(const Now& now, const discovery::Notice& note);
  void on_entry(const Now& now, const identity::EntryRef& entry);

  // facts_of_health.cpp
  void on_event(const Now& now, const detector::Probe& wanted);
  void on_event(const Now& now, const detector::Suspected& suspected);
  void on_event(const Now& now, const detector::Refuted& refuted);
  void on_event(const Now& now, const detector::Heard& heard);
  void on_event(const Now& now, const detector::ProofWanted& wanted);
  void on_event(const Now& now, const detector::DoubtWanted& wanted);
  void on_event(const Now& now, const detector::PresumedDead& dead);
  void on_event(const Now& now, const detector::LinkDown& down);
  void on_event(const Now& now, const detector::ProvenDead& dead);
  void end_bonds(const Now& now, const PeerId& peer, bonds::EndedBy by, std::string_view why);
  void on_indirect_probe(const Now& now, const detector::IndirectProbeAction& action);
  /// Who can be asked about a third one.
  [[nodiscard]] std::vector<PeerId> witnesses() const;
  /// Over any bond with the peer, or the one that has this link.
  void tell(const Now& now, const PeerId& peer, const wire::Extension& extension,
            std::optional<LinkId> over = std::nullopt);

  // report.cpp
  Event& report(const Now& now, EventKind kind);
  void report_raft(const Now& now, const GroupId& group, const consensus::Event& event);
  void touch() { dirty_ = true; }
  [[nodiscard]] Mono look_due() const;
  void look(const Now& now);
  void look_now(const Now& now);
  [[nodiscard]] std::shared_ptr<NodeStatus> status(const Now& now) const;
  void explain_loneliness(const Now& now, GroupStatus& group) const;
  /// How many peers of the network are known, if all of them are in other groups; else 0.
  [[nodiscard]] static std::size_t all_elsewhere(std::span<const identity::EntryRef> known, const GroupId& group);
  void tell_loneliness(const Now& now);

  Config config_;
  identity::Self self_;
  identity::Verifier verifier_;
  FramePool pool_;  // outlives all that holds frames
  Rng rng_;
  std::unique_ptr<Transport> transport_;
  Transport& endpoint_;
  discovery::Discovery discovery_;
  detector::FailureDetector detector_;
  detector::Sentinels sentinels_;
  detector::IndirectProbes opinions_;
  bonds::HandshakeAcceptor handshake_acceptor_;
  std::map<GroupId, groups::Group> groups_;
  DialScheduler dialing_;
  ProtocolRegistry protocols_;
  DiscoveryProtocol discovery_protocol_;
  BondAcceptor bond_acceptor_;
  std::map<GroupId, GroupLinks> group_links_;
  std::map<LinkId, PeerId> bonded_;  ///< links of bonds that are up
  PeerCache peer_cache_;
  std::map<GroupId, std::uint32_t> group_sizes_;  ///< the largest seen, for engines
  bool memory_changed_ = true;
  std::set<GroupId> joined_;  ///< groups that take part; a leaving one does not
  EventQueue events_;
  std::map<PeerId, std::vector<RequestId>> syncs_;  ///< requests that wait for a sync with the peer
  std::map<PeerId, std::vector<RequestId>> pings_;
  std::map<std::pair<PeerId, std::size_t>, std::string> silent_bootstraps_;  ///< by peer, or by contact without one
  TokenBucket follow_ups_;  ///< syncs with those who answered in the place of others
  TokenBucket refusals_;    ///< events about those whom we refuse
  Diagnostics diagnostics_;
  std::deque<std::string> notices_;

  std::vector<Action> actions_;
  std::uint64_t sequence_ = 0;
  std::uint64_t dropped_actions_ = 0;
  bool handshakes_waiting_ = false;
  Mono cores_due_ = never;  ///< as of the last settle
  Mono due_ = never;        ///< the deadline that was last promised: how late we are when it is kept
  std::uint64_t joins_ = 0;
  Mono lonely_at_ = never;  ///< when a group without bonds is worth a notice
  std::set<GroupId> lonely_told_;
  Mono started_at_{};

  TracePort* trace_ = nullptr;

  bool dirty_ = true;
  Mono looked_at_{};
  std::shared_ptr<const NodeStatus> latest_;
  std::shared_ptr<const NodeStatus> published_;
};

}  // namespace mosaik::node
