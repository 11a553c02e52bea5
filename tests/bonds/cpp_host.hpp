#pragma once
/// A C++ node of the test world: handshake_acceptor and the mesh of one group, routed as node/ does it, with a catalog
/// that takes every entry that is newer.

#include "bonds/handshake_acceptor.hpp"
#include "bonds/mesh.hpp"
#include "bonds/world.hpp"

namespace mosaik::test {

/// What a host is configured with; the defaults make all hosts members of one group.
struct Settings {
  NetworkId network = id_of<NetworkId>("test network");
  GroupId group = id_of<GroupId>("test group");
  GroupKey key = GroupKey::from_secret("test secret");
  bonds::HeartbeatConfig heartbeat;
  bool eager = false;
  bool knows_all = true;  ///< entries that come over bonds reach the catalog
};

class KnownEntries final : public identity::Directory {
 public:
  [[nodiscard]] identity::EntryRef find(const PeerId& peer, const Now& now) const override {
    const auto found = entries.find(peer);
    if (found == entries.end()) return {};
    const auto age = now.wall.milliseconds - found->second->entry.version.updated;
    return age > limits::stale_after / 1ms ? identity::EntryRef{} : found->second;
  }
  /// True when it is news.
  bool take(const identity::EntryRef& entry) {
    identity::EntryRef& known = entries[entry->id()];
    if (known && known->entry.version >= entry->entry.version) return false;
    known = entry;
    return true;
  }
  std::map<PeerId, identity::EntryRef> entries;
};

/// A group with a mesh and no engine: raft messages are kept.
class BareGroup {
 public:
  BareGroup(const bonds::MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool,
            Rng rng)
      : mesh_(config, self, verifier, pool, rng) {}
  [[nodiscard]] bonds::Mesh& mesh() noexcept { return mesh_; }
  void on_raft(const bonds::MeshContext&, const bonds::RaftHeard& heard) { heard_raft.push_back(heard); }
  std::vector<bonds::RaftHeard> heard_raft;

 private:
  bonds::Mesh mesh_;
};

template <class Group>
class BasicCppHost final : public Host {
 public:
  BasicCppHost(World& world, std::size_t rank, const Settings& configured = {})
      : Host(world, rank), settings(configured), links_(world, *this) {
    links_.on_dialed = [this](LinkId link) {
      in_mesh_[link] = true;
      ++dials_;
    };
    boot();
  }

  /// A new run of the process.
  void boot() {
    world_.revive(*this);
    in_mesh_.clear();
    joined_ = {settings.group};
    process_.reset();
    process_ = std::make_unique<Process>(*this, world_);
    process_->self.set_addresses({address()}, world_.now().wall);
    process_->self.join(settings.group, world_.now().wall);
    refresh_at_ = world_.now().mono + limits::refresh_least;
    world_.plan_wake(*this);
  }

  [[nodiscard]] bonds::Mesh& mesh() { return process_->group.mesh(); }
  [[nodiscard]] Group& group() { return process_->group; }
  [[nodiscard]] identity::Self& self() { return process_->self; }
  [[nodiscard]] KnownEntries& catalog() { return process_->known; }
  [[nodiscard]] const identity::Verifier& verifier() const { return process_->verifier; }
  [[nodiscard]] const identity::EntryRef& own_entry() const override { return process_->self.entry(); }
  [[nodiscard]] GroupStatus view() { return mesh().view(world_.now(), links_); }
  [[nodiscard]] WorldLinks& links() noexcept { return links_; }

  /// Runs the mesh with a step of now.
  template <class F>
  void with_mesh(F&& call) {
    const Now now = world_.now();
    std::vector<bonds::MeshEvent> fresh;
    call(mesh(), bonds::MeshContext{now, links_, fresh});
    mesh().check_invariants();
    for (const bonds::MeshEvent& fact : fresh) on_event(fact);
    world_.plan_wake(*this);
  }

  void meet(const identity::EntryRef& entry) override {
    if (entry->id() == id() || entry->entry.network != settings.network || !process_->known.take(entry)) return;
    with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry(step, entry); });
  }
  void on_synced(const PeerId& peer, bool ok) override {
    with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_synced(step, peer, ok); });
  }
  /// Our own entry changes, and the bonds are told.
  void refresh() {
    refresh_at_ = world_.now().mono + limits::refresh_least;
    process_->self.refresh(world_.now().wall);
    with_mesh([](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_self_refreshed(step); });
  }
  void leave() {
    joined_.clear();
    process_->self.leave(settings.group, world_.now().wall);
    with_mesh([](bonds::Mesh& mesh, const bonds::MeshContext& step) {
      mesh.on_self_refreshed(step);
      mesh.leave(step);
    });
  }

  void on_timer() override {
    if (world_.now().mono >= refresh_at_) refresh();
    with_mesh([](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_timer(step); });
    with_handshake_acceptor([](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext& step) {
      handshake_acceptor.on_timer(step);
    });
  }
  [[nodiscard]] Mono next_deadline() const override {
    return std::min(
        {refresh_at_, process_->group.mesh().next_deadline(), process_->handshake_acceptor.next_deadline()});
  }

  void on_event(const LinkEvent& event) override {
    std::visit([&](const auto& any) { on(any); }, event);
  }

  // -- what was seen
  struct Seen {
    Mono time;
    bonds::MeshEvent fact;
  };
  std::vector<Seen> seen;
  template <class F>
  [[nodiscard]] std::vector<F> events() const {
    std::vector<F> out;
    for (const Seen& one : seen)
      if (const auto* fact = std::get_if<F>(&one.fact)) out.push_back(*fact);
    return out;
  }
  template <class F>
  [[nodiscard]] std::size_t count() const {
    return events<F>().size();
  }
  /// Codes of refusals, ours or the peers', in order.
  [[nodiscard]] std::vector<std::uint64_t> refusals(bool by_us) const {
    std::vector<std::uint64_t> out;
    for (const bonds::Refused& refused : events<bonds::Refused>())
      if (refused.by_us == by_us) out.push_back(refused.code);
    return out;
  }
  [[nodiscard]] std::vector<Mono> times_of_bonds() const {
    std::vector<Mono> out;
    for (const Seen& one : seen)
      if (std::holds_alternative<bonds::BondUp>(one.fact)) out.push_back(one.time);
    return out;
  }
  /// The session of the bond with the peer; empty when there is none.
  [[nodiscard]] std::optional<SessionId> session_with(const PeerId& peer) {
    const GroupStatus status = view();
    const Bond* bond = status.bonds.between(id(), peer);
    return bond != nullptr && bond->is_own() ? std::optional(bond->session()) : std::nullopt;
  }
  [[nodiscard]] MemberState state_of(const PeerId& peer) {
    const GroupStatus status = view();
    for (const MemberStatus& member : status.unattested)
      if (member.id == peer) return member.state;
    for (const MemberStatus& member : status.members)
      if (member.id == peer) return member.state;
    return MemberState::self;
  }

  const Settings settings;
  bool answers_probes = true;  ///< ProbeWanted leads to a Ping at once, as through health/

  [[nodiscard]] std::uint64_t dials() const noexcept { return dials_; }

 private:
  struct Process {
    Process(const BasicCppHost& host, const World& world)
        : self(crypto::SecretKey::from_seed(ranked_seeds().at(host.rank())), host.settings.network, world.now().wall),
          verifier(1024),
          handshake_acceptor(host.settings.network, known, verifier),
          group({.network = host.settings.network,
                 .group = host.settings.group,
                 .key = host.settings.key,
                 .heartbeat = host.settings.heartbeat,
                 .dial_eagerly = host.settings.eager},
                self, verifier, pool, Rng(static_cast<std::uint64_t>(self.started())).fork("mesh", host.rank())) {}
    identity::Self self;
    identity::Verifier verifier;
    FramePool pool;
    KnownEntries known;
    bonds::HandshakeAcceptor handshake_acceptor;
    Group group;
  };

  template <class F>
  void with_handshake_acceptor(F&& call) {
    const Now now = world_.now();
    std::vector<bonds::MeshEvent> fresh;
    call(process_->handshake_acceptor, bonds::MeshContext{now, links_, fresh});
    process_->handshake_acceptor.check_invariants();
    for (const bonds::MeshEvent& fact : fresh) on_event(fact);
  }

  void on_event(const bonds::MeshEvent& fact) {
    seen.push_back({world_.now().mono, fact});
    if (const auto* heard = std::get_if<bonds::EntryHeard>(&fact)) {
      if (settings.knows_all) meet(heard->entry);
    } else if (const auto* wanted = std::get_if<bonds::SyncWanted>(&fact)) {
      world_.sync(*this, wanted->peer);
    } else if (const auto* probe = std::get_if<bonds::ProbeWanted>(&fact)) {
      if (answers_probes)
        with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.probe(step, probe->peer); });
    } else if (const auto* raft = std::get_if<bonds::RaftHeard>(&fact)) {
      const Now now = world_.now();
      std::vector<bonds::MeshEvent> fresh;
      process_->group.on_raft(bonds::MeshContext{now, links_, fresh}, *raft);
      for (const bonds::MeshEvent& one : fresh) on_event(one);
    }
  }

  void on(const LinkOpened& event) {
    if (event.side == Side::initiator)
      return with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_opened(step, event); });
    in_mesh_[event.link] = false;
    with_handshake_acceptor([&](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext& step) {
      handshake_acceptor.on_opened(step, event, AdmissionClass::stranger);
    });
  }
  void on(const LinkFrame& event) {
    if (in_mesh_[event.link])
      return with_mesh(
          [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_frame(step, event.link, event.payload); });
    std::optional<bonds::IncomingHandshake> arrival;
    with_handshake_acceptor([&](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext& step) {
      arrival = handshake_acceptor.on_frame(step, event.link, event.payload, joined_);
    });
    if (!arrival) return;
    in_mesh_[event.link] = true;
    with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_arrival(step, *arrival); });
  }
  void on(const LinkEnded& event) {
    if (in_mesh_[event.link])
      return with_mesh(
          [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_ended(step, event.link, event.clean); });
    with_handshake_acceptor([&](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext& step) {
      handshake_acceptor.on_ended(step, event.link, event.clean);
    });
  }
  void on(const LinkOversized& event) {
    if (in_mesh_[event.link])
      return with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_oversized(step, event.link); });
    with_handshake_acceptor([&](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext& step) {
      handshake_acceptor.on_oversized(step, event.link);
    });
  }
  void on(const LinkClosed& event) {
    const bool mesh_link = in_mesh_[event.link];
    in_mesh_.erase(event.link);
    if (!mesh_link)
      return with_handshake_acceptor([&](bonds::HandshakeAcceptor& handshake_acceptor, const bonds::MeshContext&) {
        handshake_acceptor.on_closed(event.link);
      });
    with_mesh([&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
      mesh.on_closed(step, event.link, event.close);
      EXPECT_FALSE(mesh.owns(event.link)) << "a closed link is still owned";
    });
  }
  void on(const LinkActive&) {}
  void on(const LinkGrowing&) {}
  void on(const LinkUnreachable&) {}
  void on(const LinkLossy&) {}

  WorldLinks links_;
  std::set<GroupId> joined_{settings.group};
  std::uint64_t dials_ = 0;
  std::map<LinkId, bool> in_mesh_;  ///< who owns a link: the mesh, or handshake_acceptor
  std::unique_ptr<Process> process_;
  Mono refresh_at_ = never;
};

using CppHost = BasicCppHost<BareGroup>;

/// All hosts learn of each other at once, as after a catalog sync.
template <class... H>
void introduce(H&... hosts) {
  const std::vector<Host*> all{&hosts...};
  for (Host* one : all)
    for (Host* other : all)
      if (one != other) one->meet(other->own_entry());
}

}  // namespace mosaik::test
