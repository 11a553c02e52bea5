#pragma once
// The body of Node. node.cpp: inputs and time; join.cpp: groups come and go; machines.cpp: groups with a machine;
// router.cpp and the facts_of_*.cpp: link events and events between cores; report.cpp: events, notices and snapshots.

#include <deque>
#include <map>
#include <set>
#include <span>

#include "base/overloaded.hpp"
#include "bonds/allowance.hpp"
#include "bonds/handshake_acceptor.hpp"
#include "detector/failure_detector.hpp"
#include "detector/indirect_probes.hpp"
#include "detector/sentinels.hpp"
#include "groups/group.hpp"
#include "node/diagnostics.hpp"
#include "node/dial_scheduler.hpp"
#include "node/node.hpp"
#include "node/peer_cache.hpp"
#include "transport/quic/endpoint.hpp"

namespace mosaik::node {

/// Who gets a link's events.
struct Owner {
  enum class Room : std::uint8_t { handshake_acceptor, discovery, group };
  Room room{};
  GroupId group;
};

/// The links of the endpoint for one room: what the room dials is the room's.
class Port final : public Links {
 public:
  Port(Transport& endpoint, DialScheduler& dialing, std::map<LinkId, Owner>& owners, const Owner& owner)
      : endpoint_(endpoint), dialing_(dialing), owners_(owners), owner_(owner) {}

  [[nodiscard]] DialPermit permit(const Now& now, DialRequest& request) override {
    return dialing_.permit(now, request);
  }
  [[nodiscard]] bool has_met(const PeerId& peer) const override { return dialing_.has_met(peer); }
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override {
    auto dial = dialing_.dial(now, request);
    if (dial) owners_[*dial] = owner_;
    return dial;
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    return endpoint_.send(link, kind, frame);
  }
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override {
    if (!dialing_.cancel(now, link, code)) endpoint_.close(now, link, code, mode);
  }
  void set_frame_limit(LinkId link, std::size_t bytes) override { endpoint_.set_frame_limit(link, bytes); }
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    return endpoint_.exporter(link, label);
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override { return endpoint_.stats(link); }

 private:
  Transport& endpoint_;
  DialScheduler& dialing_;
  std::map<LinkId, Owner>& owners_;
  Owner owner_;
};

/// A group without a bond is looked at so long after joining, and then so often.
inline constexpr Nanoseconds first_look_at_loneliness = 5s;
inline constexpr Nanoseconds next_look_at_loneliness = 60s;

class Node::Impl {
 public:
  Impl(const Config& config, crypto::SecretKey key, const Now& now, std::unique_ptr<Transport> transport);

  // node.cpp
  void start(const Now& now);
  void on_timer(const Now& now);
  void settle(const Now& now);
  bool transmit(const Now& now, DatagramBatch& out);
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] Result<> forget(const Now& now, const PeerId& peer);
  void request_sync(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);
  void request_ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses);
  void set_addresses(const Now& now, std::vector<SocketAddress> addresses, std::vector<SocketAddress> interfaces);
  void on_sentinel_ended(const Now& now, detector::SentinelId sentinel, detector::SentinelEnd how);
  void on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses);

  // join.cpp
  [[nodiscard]] Result<GroupId> join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                                     const MachineSpec* machine);
  void leave(const Now& now, const GroupId& group);

  // machines.cpp
  /// Runs the engine of a group; false when there is none.
  template <class F>
  bool with_engine(const GroupId& id, F&& call);
  void submit(const Now& now, const GroupId& group, consensus::CallId call, std::vector<Blob> commands,
              consensus::Until until, Mono deadline);
  void query(const Now& now, const GroupId& group, consensus::CallId call, Blob query, Consistency consistency,
             Mono deadline);
  void on_persisted(const Now& now, const GroupId& group, consensus::Ticket ticket);
  [[nodiscard]] std::optional<ConsensusStatus> consensus(const GroupId& group) const;
  void refuse(const GroupId& group, consensus::CallId call);
  /// Ends the step of every engine, and of what follows from it.
  void settle_engines(const Now& now);
  void stop_engine(const Now& now, const GroupId& group, std::string_view why);

  // report.cpp
  void notice(const Now& now, const std::string& text, const PeerId& peer = {});
  [[nodiscard]] bool changed() const noexcept { return published_ != latest_; }
  [[nodiscard]] std::shared_ptr<const NodeStatus> snapshot(const Now& now);
  [[nodiscard]] std::vector<Action> take_actions();
  [[nodiscard]] Memory memory() const {
    return {self.started(), peer_cache_.signed_entries(), peer_cache_.met(), group_sizes_};
  }
  [[nodiscard]] bool take_memory_changed() { return std::exchange(memory_changed_, false); }

  Config config;
  identity::Self self;
  identity::Verifier verifier;
  FramePool pool;  // outlives all that holds frames
  Rng rng;
  std::unique_ptr<Transport> transport;
  Transport& endpoint;
  discovery::Discovery discovery;
  detector::FailureDetector detector;
  detector::Sentinels sentinels;
  detector::IndirectProbes opinions;
  bonds::HandshakeAcceptor handshake_acceptor;
  std::map<GroupId, groups::Group> groups;

 private:
  using GroupEvent = std::pair<GroupId, bonds::MeshEvent>;
  using CoreEvent = std::variant<GroupEvent, discovery::DiscoveryEvent, detector::DetectorEvent>;

  // Each runs one core with its port and queues its events.
  template <class F>
  void with_group(const Now& now, const GroupId& id, F&& call);
  template <class F>
  void with_groups(const Now& now, F&& call);
  template <class F>
  void with_handshake_acceptor(const Now& now, F&& call);
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
  /// Gives a link's event to the room that owns it: discovery takes it as it is.
  template <class Event, class OfReception, class OfMesh>
  void hand_to(const Now& now, const Owner& owner, const Event& event, OfReception&& of_reception, OfMesh&& of_mesh);
  template <class Event>
  void hand_to_discovery(const Now& now, const Event& event);
  [[nodiscard]] const Owner* owner_of(LinkId link) const;
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

  DialScheduler dialing_;
  std::map<LinkId, Owner> owners_;
  std::map<LinkId, PeerId> bonded_;  ///< links of bonds that are up
  PeerCache peer_cache_;
  std::map<GroupId, std::uint32_t> group_sizes_;  ///< the largest seen, for engines
  bool memory_changed_ = true;
  std::set<GroupId> joined_;  ///< groups that take part; a leaving one does not
  std::deque<CoreEvent> events_;
  std::vector<bonds::MeshEvent> bond_events_;
  std::vector<discovery::DiscoveryEvent> discovery_events_;
  std::vector<detector::DetectorEvent> detector_events_;
  std::vector<detector::SentinelAction> sentinel_actions_;
  std::map<PeerId, std::vector<RequestId>> syncs_;  ///< requests that wait for a sync with the peer
  std::map<PeerId, std::vector<RequestId>> pings_;
  std::map<std::pair<PeerId, std::size_t>, std::string> silent_bootstraps_;  ///< by peer, or by contact without one
  bonds::Allowance follow_ups_;  ///< syncs with those who answered in the place of others
  bonds::Allowance refusals_;    ///< events about those whom we refuse
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

  bool dirty_ = true;
  Mono looked_at_{};
  std::shared_ptr<const NodeStatus> latest_;
  std::shared_ptr<const NodeStatus> published_;
};

template <class F>
bool Node::Impl::with_engine(const GroupId& id, F&& call) {
  const auto found = groups.find(id);
  if (found == groups.end() || found->second.engine() == nullptr) return false;
  call(*found->second.engine());
  return true;
}

template <class F>
void Node::Impl::with_group(const Now& now, const GroupId& id, F&& call) {
  const auto found = groups.find(id);
  if (found == groups.end()) return;
  Port port(endpoint, dialing_, owners_, {Owner::Room::group, id});
  bond_events_.clear();
  call(found->second, bonds::MeshContext{now, port, bond_events_});
  for (bonds::MeshEvent& fact : bond_events_) events_.emplace_back(GroupEvent(id, std::move(fact)));
  bond_events_.clear();
}

template <class F>
void Node::Impl::with_groups(const Now& now, F&& call) {
  for (auto& [id, group] : groups) with_group(now, id, call);
}

template <class F>
void Node::Impl::with_mesh(const Now& now, const GroupId& id, F&& call) {
  with_group(now, id, [&](groups::Group& group, const bonds::MeshContext& step) { call(group.mesh(), step); });
}

template <class F>
void Node::Impl::with_meshes(const Now& now, F&& call) {
  for (auto& [id, group] : groups) with_mesh(now, id, call);
}

template <class F>
void Node::Impl::with_handshake_acceptor(const Now& now, F&& call) {
  Port port(endpoint, dialing_, owners_, {Owner::Room::handshake_acceptor, {}});
  bond_events_.clear();
  call(bonds::MeshContext{now, port, bond_events_});
  for (bonds::MeshEvent& fact : bond_events_) events_.emplace_back(GroupEvent(GroupId{}, std::move(fact)));
  bond_events_.clear();
}

template <class F>
void Node::Impl::with_discovery(F&& call) {
  Port port(endpoint, dialing_, owners_, {Owner::Room::discovery, {}});
  discovery_events_.clear();
  call(port, discovery_events_);
  for (discovery::DiscoveryEvent& fact : discovery_events_) events_.emplace_back(std::move(fact));
  discovery_events_.clear();
}

template <class F>
void Node::Impl::with_detector(F&& call) {
  detector_events_.clear();
  call(detector_events_);
  for (detector::DetectorEvent& fact : detector_events_) events_.emplace_back(std::move(fact));
  detector_events_.clear();
}

template <class F>
void Node::Impl::with_sentinels(const Now& now, F&& call) {
  sentinel_actions_.clear();
  call(sentinel_actions_);
  for (const detector::SentinelAction& action : std::exchange(sentinel_actions_, {}))
    std::visit(overloaded{[&](const detector::SentinelOffer& offer) {
                            tell(now, offer.peer, {wire::ExtensionTag::sentinel_offer, offer.value}, offer.link);
                          },
                          [&](const auto& output) { actions_.emplace_back(output); }},
               action);
}

template <class F>
void Node::Impl::with_indirect_probes(const Now& now, F&& call) {
  std::vector<detector::IndirectProbeAction> actions;
  call(actions);
  for (const detector::IndirectProbeAction& action : actions) on_indirect_probe(now, action);
}

}  // namespace mosaik::node
