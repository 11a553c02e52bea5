#pragma once
/// bonds: the mesh of one group. Exactly one bond between every pair of members, and the truth about each.
///
/// Place. One Mesh a joined group. Entries, incoming handshakes (handshake_acceptor.hpp), link events, verdicts and
/// time go in; frames, dials, closes and events come out. It knows nothing of other groups, of the catalog's rules, or
/// of consensus.
///
/// Life of a bond (docs/protocol/groups.md 3, 4; lifecycle.hpp has the states).
///  1. Establishment. A member that we know of and hold no bond with is dialed: because its entry names the group, or
///     another member lists it in a handshake or in BondFormed, or because we once were bonded. Initiator and acceptor
///     prove the group key to each other, bound to the TLS session, before either believes the other's list. Each
///     tells the others of the new bond; an initiator tells its peer what is new since its HandshakeStart.
///     handshakes.hpp has the laws of simultaneous opens and of incarnations, dialer.hpp says when a member is dialed.
///  2. Steady state. Ping and Pong by the Heartbeat; PeerEntryUpdate about its own sender only; BondFormed; raft
///     frames are handed up; topology rows travel behind Pings between C++ nodes.
///  3. End. Departure, a close, a verdict of the failure detector, or the heartbeat's alert. A lost member is dialed
///     again. A departed one is not, until a newer `started` or its own dial.
///
/// A bond is up only after a proof made for its own TLS session. Limits: base/limits.hpp, "bonds".

#include "bonds/handshakes.hpp"
#include "bonds/view.hpp"

namespace mosaik::bonds {

class Mesh {
 public:
  /// `self`, `verifier` and `pool` are the node's and outlive this.
  Mesh(const MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng);
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  // Entries.
  void on_entry(const MeshContext& context, const identity::EntryRef& entry);
  /// A member that was bonded with us in an earlier run: on the dial list from the start.
  void recall(const MeshContext& context, const identity::EntryRef& entry);
  /// The catalog dropped the peer's entry; `signed_off`: because it said goodbye.
  void on_entry_gone(const MeshContext& context, const PeerId& peer, bool signed_off);
  /// Our own entry has a new version: tells all bonds.
  void on_self_refreshed(const MeshContext& context) { bonds_.tell_entry(context); }
  void on_synced(const MeshContext& context, const PeerId& peer, bool ok);
  /// We are reachable elsewhere, and so may others be for us.
  void on_own_addresses(const MeshContext& context) { dialer_.hasten(context.now); }
  /// The peer has completed a handshake with us.
  void on_met(const Now& now, const PeerId& peer);

  // Links.
  void on_arrival(const MeshContext& context, const IncomingHandshake& incoming);
  void on_opened(const MeshContext& context, const LinkOpened& opened) { handshakes_.on_opened(context, opened); }
  void on_frame(const MeshContext& context, LinkId link, BytesView payload);
  void on_growing(const MeshContext& context, LinkId link);
  void on_ended(const MeshContext& context, LinkId link, bool clean);
  void on_oversized(const MeshContext& context, LinkId link);
  void on_closed(const MeshContext& context, LinkId link, const CloseInfo& close);

  // Verdicts and requests.
  /// The failure detector judged: ends the bond with the peer; `by` is proven, presumed or link.
  void on_dead(const MeshContext& context, const PeerId& peer, EndedBy by, std::string_view why);
  void set_suspect(const MeshContext& context, const PeerId& peer, bool suspect);
  /// Sends a Ping on the bond with the peer, if there is one.
  void probe(const MeshContext& context, const PeerId& peer);
  /// Sends a Ping with this extension on the bond with a C++ peer; false when there is no such bond.
  bool tell(const MeshContext& context, const PeerId& peer, const wire::Extension& extension);
  /// Sends a raft message to a bonded peer; false when there is no bond, or its queue is full and the bond was closed.
  bool send_raft(const MeshContext& context, const PeerId& peer, BytesView message);
  /// The same with a whole bond message, meant for one bond: not for the one that has replaced it. A full bulk class
  /// only drops the frame.
  bool send_raft(const MeshContext& context, const PeerId& peer, LinkId link, SendClass kind, const Frame& frame);
  /// Forgets a member that is gone, here and at all that are bonded with us. Errors: not_found; refused when it lives
  /// as far as anybody says, with the reason.
  [[nodiscard]] Result<> forget(const MeshContext& context, const PeerId& peer);
  /// Departure to all, then close with 102; MeshLeft follows, at most limits::departure_flush later.
  void leave(const MeshContext& context);

  void on_timer(const MeshContext& context);
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] const GroupId& id() const noexcept { return environment_.config.group; }
  [[nodiscard]] const HeartbeatConfig& heartbeat() const noexcept { return environment_.config.heartbeat; }

  // What is known.
  [[nodiscard]] bool owns(LinkId link) const { return members_.owner(link) != nullptr; }
  [[nodiscard]] bool has_bond(const PeerId& peer) const;
  /// There is a bond with it, or there was one, and it has not been forgotten since.
  [[nodiscard]] bool was_bonded(const PeerId& peer) const;
  /// A bonded member names it, or it was bonded with us.
  [[nodiscard]] bool is_vouched(const PeerId& peer) const;
  /// Those bonded with us that can be asked of others (Capability::opinions), ascending.
  [[nodiscard]] std::vector<PeerId> witnesses() const;
  [[nodiscard]] std::size_t bond_count() const noexcept { return topology_.own().peers.size(); }
  /// Each two of the peers that are bonded with us are bonded with each other, as far as C++ rows say.
  [[nodiscard]] bool is_clique() const { return topology_.is_clique(); }
  /// Members, bonds and reasons for people.
  [[nodiscard]] GroupStatus view(const Now& now, const Links& links) const;
  /// The name of the bond of two peers.
  [[nodiscard]] const BondId& name_of(const PeerId& x, const PeerId& y) const { return names_.of(x, y); }

  void check_invariants() const;

 private:
  enum class Stage : std::uint8_t { member, leaving, left };

  [[nodiscard]] LiveBond* bond_with(const PeerId& peer);
  void end_leaving(const MeshContext& context);
  void learn_kept_lists(const MeshContext& context);
  /// A handshake's link breaks a rule of frames.
  void fail_handshake(const MeshContext& context, LinkId link, CloseCode code, std::string_view why);

  MeshEnvironment environment_;
  Topology topology_;
  Members members_;
  Dialer dialer_;
  Introductions introductions_;
  Forgetting forgetting_;
  LiveBonds bonds_;
  Handshakes handshakes_;
  BondNames names_;
  Now looked_at_{};  ///< when the topology was last asked for bonds that became one-sided
  Stage stage_ = Stage::member;
  Mono leave_by_ = never;
};

}  // namespace mosaik::bonds
