#pragma once
/// bonds: the mesh of one group. Exactly one bond between every pair of members, and the truth about each.
///
/// Place. One Mesh a joined group. Entries, arrivals (handshake_acceptor.hpp), link events, verdicts and time go in;
/// frames, dials, closes and events come out. It knows nothing of other groups, of the catalog's rules, or of
/// consensus.
///
/// Life of a bond (docs/protocol/groups.md 3, 4).
///  1. Establishment. A member that we know of and hold no bond with is dialed: because its entry names the group, or
///     another member lists it in a handshake or in BondFormed, or because we once were bonded. Initiator and acceptor
///     prove the group key to each other, bound to the TLS session, before either believes the other's list. Each
///     tells the others of the new bond; an initiator tells its peer what is new since its HandshakeStart.
///  2. Steady state. Ping and Pong by the Heartbeat; PeerEntryUpdate about its own sender only; BondFormed; raft
///     frames are handed up; topology rows travel behind Pings between C++ nodes.
///  3. End. Departure, a close, a verdict of health/, or the heartbeat's alert. A lost member is dialed
///     again: jittered, 250 ms to 750 ms, at once on news. A departed one is not, until a newer `started` or its own
///     dial.
///
/// The law of simultaneous opens: exactly one of two crossing connections survives.
///  * Our HandshakeStart is not out yet: we drop our own attempt and answer theirs.
///  * Rust peer: we hold its handshake unanswered until ours resolves: HandshakeEnd keeps ours and refuses theirs with
///    30429, any failure answers theirs (docs/protocol/groups.md 3.6).
///  * C++ peer: the connection opened by the lower id wins. The lower holds, the higher answers and abandons its own.
///
/// The law of incarnations: a handshake from a bonded peer whose entry has a newer `started` replaces the old bond at
/// once; any other is refused with 30429 and the old bond is probed.
///
/// A bond is up only after a proof made for its own TLS session. Limits: base/limits.hpp, "bonds".

#include <map>
#include <set>

#include <mosaik/types/group_key.hpp>
#include <mosaik/types/status.hpp>

#include "base/limits.hpp"
#include "bonds/extension_block.hpp"
#include "bonds/forgotten.hpp"
#include "bonds/list_intake.hpp"
#include "bonds/member.hpp"
#include "bonds/mesh_context.hpp"
#include "bonds/topology.hpp"
#include "crypto/group_key.hpp"

namespace mosaik::bonds {

struct MeshConfig {
  NetworkId network;
  GroupId group;
  GroupKey key;
  HeartbeatConfig heartbeat;
  Capabilities capabilities = own_capabilities;              ///< what we say that we can, and do
  std::optional<std::uint32_t> quorum_floor = std::nullopt;  ///< what we say of our machine; empty: we have none
  bool dial_eagerly = false;  ///< no pause before dialing a peer with a lower id: for storms in tests
};

class Mesh {
 public:
  /// `self`, `verifier` and `pool` are the node's and outlive this.
  Mesh(const MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng);

  // Entries (mesh.cpp).
  void on_entry(const MeshContext& step, const identity::EntryRef& entry);
  /// A member that was bonded with us in an earlier run: on the dial list from the start.
  void recall(const MeshContext& step, const identity::EntryRef& entry);
  /// The catalog dropped the peer's entry; `signed_off`: because it said goodbye.
  void on_entry_gone(const MeshContext& step, const PeerId& peer, bool signed_off);
  /// Our own entry has a new version: tells all bonds.
  void on_self_refreshed(const MeshContext& step);
  void on_synced(const MeshContext& step, const PeerId& peer, bool ok);
  /// We are reachable elsewhere, and so may others be for us.
  void on_own_addresses(const MeshContext& step) { hasten(step); }
  /// The peer has completed a handshake with us.
  void on_met(const Now& now, const PeerId& peer);

  // Handshakes (handshake.cpp).
  void on_arrival(const MeshContext& step, const IncomingHandshake& arrival);
  void on_opened(const MeshContext& step, const LinkOpened& opened);

  // Links (steady.cpp).
  void on_frame(const MeshContext& step, LinkId link, BytesView payload);
  /// A frame that is still coming is a sign of life as a whole one is.
  void on_growing(const MeshContext& step, LinkId link);
  void on_ended(const MeshContext& step, LinkId link, bool clean);
  void on_oversized(const MeshContext& step, LinkId link);
  void on_closed(const MeshContext& step, LinkId link, const CloseInfo& close);

  // Verdicts and requests.
  /// health/ judged: ends the bond with the peer; `by` is proven, presumed or link.
  void on_dead(const MeshContext& step, const PeerId& peer, EndedBy by, std::string_view why);
  void set_suspect(const MeshContext& step, const PeerId& peer, bool suspect);
  /// Sends a Ping on the bond with the peer, if there is one.
  void probe(const MeshContext& step, const PeerId& peer);
  /// Sends a Ping with this extension on the bond with a C++ peer; false when there is no such bond.
  bool tell(const MeshContext& step, const PeerId& peer, const wire::Extension& extension);
  /// Sends a raft message to a bonded peer; false when there is no bond, or its queue is full and the bond was closed.
  bool send_raft(const MeshContext& step, const PeerId& peer, BytesView message);
  /// The same with a whole bond message, meant for one bond: not for the one that has replaced it. A full bulk class
  /// only drops the frame.
  bool send_raft(const MeshContext& step, const PeerId& peer, LinkId link, SendClass kind, const Frame& frame);
  /// Forgets a member that is gone, here and at all that are bonded with us. Errors: not_found; refused when it lives
  /// as far as anybody says, with the reason.
  [[nodiscard]] Result<> forget(const MeshContext& step, const PeerId& peer);
  /// Departure to all, then close with 102; MeshLeft follows, at most limits::departure_flush later.
  void leave(const MeshContext& step);

  void on_timer(const MeshContext& step);
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] bool owns(LinkId link) const { return links_.contains(link); }
  [[nodiscard]] const GroupId& id() const noexcept { return config_.group; }
  [[nodiscard]] const HeartbeatConfig& heartbeat() const noexcept { return config_.heartbeat; }
  [[nodiscard]] bool has_bond(const PeerId& peer) const;
  /// There is a bond with it, or there was one, and it has not been forgotten since.
  [[nodiscard]] bool was_bonded(const PeerId& peer) const;
  /// A bonded member names it, or it was bonded with us.
  [[nodiscard]] bool is_vouched(const PeerId& peer) const;
  /// Those bonded with us that can be asked of others (Capability::opinions), ascending.
  [[nodiscard]] std::vector<PeerId> witnesses() const;
  [[nodiscard]] std::size_t bond_count() const noexcept { return topology_.own().peers.size(); }

  /// Members, bonds and reasons for people (view.cpp).
  [[nodiscard]] GroupStatus view(const Now& now, const Links& links) const;
  /// Each two of the peers that are bonded with us are bonded with each other, as far as C++ rows say.
  [[nodiscard]] bool is_clique() const { return topology_.is_clique(); }
  /// The name of the bond of two peers.
  [[nodiscard]] const BondId& name_of(const PeerId& x, const PeerId& y) const;

 private:
  enum class Role : std::uint8_t { attempt, held, bond };
  /// Who says that a peer is a member: its entry alone, a member, or its own proof of the key.
  enum class Word : std::uint8_t { hearsay, vouched, proven };
  struct Owner {
    PeerId peer;
    Role role{};
  };

  // view.cpp
  void show_unattested(std::vector<const Member*> unattested, const Now& now, GroupStatus& out) const;
  void explain_cuts(const std::vector<Bonds::Pair>& missing, std::vector<std::string>& reasons) const;

  // mesh.cpp
  /// Keeps the newest entry of a member; null for one that is no member: ourselves, another network, a clock beyond the
  /// drift, or hearsay when limits::mesh_peers is reached and all others wait for their first dial. Whom a proven
  /// member or our own memory vouches for gets room.
  Member* learn(const MeshContext& step, const identity::EntryRef& entry, Word word);
  Member* find(const PeerId& peer);
  [[nodiscard]] const Member* find(const PeerId& peer) const;
  void want(const MeshContext& step, Member& member, Nanoseconds pause);
  void dial_due(const MeshContext& step);
  [[nodiscard]] Mono dial(const MeshContext& step, Member& member);
  [[nodiscard]] Nanoseconds patience(const Member& member) const;
  void drop_attempt(const MeshContext& step, Member& member, CloseCode code);
  void retry_later(const MeshContext& step, Member& member);
  [[nodiscard]] Nanoseconds longest_pause(const Member& member, Mono now) const;
  /// The way to the others may be there again: who is lost and not proven dead is dialed soon.
  void hasten(const MeshContext& step);
  void forget_due(const MeshContext& step);
  /// Of those that were bonded with us and are lost, the ones bonded for the shortest time leave beyond
  /// limits::peer_cache: an identity that came for a moment pushes out none that was here for long.
  void forget_surplus();
  /// When the mesh is full, whoever counts least and was dialed most often in vain leaves, if `word` is worth that.
  void make_room(Word word);
  /// A bonded member names them.
  void vouch(const MeshContext& step, const std::set<PeerId>& peers);
  [[nodiscard]] bool settling(const Now& now) const { return now.mono < company_since_ + limits::first_company; }

  // simultaneous_open.cpp
  /// Whether our attempt is kept, and what arrives waits for how it ends.
  [[nodiscard]] bool attempt_stands(const Member& member, const IncomingHandshake& arrival) const;
  void yield_to_arrival(const MeshContext& step, Member& member);
  void hold(const MeshContext& step, Member& member, const IncomingHandshake& arrival);
  void answer_held(const MeshContext& step, Member& member);
  void refuse_held(const MeshContext& step, Member& member, CloseCode code);

  // handshake.cpp
  /// Another connection of the dial than its first one has opened.
  void take_winner(LinkId dial, LinkId winner);
  void accept(const MeshContext& step, const IncomingHandshake& arrival);
  void refuse(const MeshContext& step, const IncomingHandshake& arrival, CloseCode code);
  void abandon(const MeshContext& step, const IncomingHandshake& arrival);
  void on_handshake_end(const MeshContext& step, Member& member, BytesView payload);
  void on_attempt_closed(const MeshContext& step, Member& member, const CloseInfo& close);
  void learn_kept_lists(const MeshContext& step);
  [[nodiscard]] std::vector<BytesView> bond_list() const;
  void establish(const MeshContext& step, Member& member, LinkId link, const SessionId& session, Side side,
                 const ExtensionBlock& tail);
  [[nodiscard]] Frame entry_update();
  [[nodiscard]] Frame bond_formed(const identity::EntryRef& entry);
  void learn_list(const MeshContext& step, const PeerId& from, const std::vector<identity::EntryRef>& list);
  void tell_news(const MeshContext& step, LiveBond& bond, const Attempt& since,
                 const std::vector<identity::EntryRef>& known);

  // steady.cpp
  void on_bond_frame(const MeshContext& step, Member& member, BytesView payload);
  void on_ping(const MeshContext& step, Member& member, const wire::Ping& ping);
  void on_raft(const MeshContext& step, Member& member, BytesView message);
  void on_peer_entry_update(const MeshContext& step, Member& member, const wire::PeerEntryUpdate& update);
  void on_bond_formed(const MeshContext& step, Member& member, const wire::BondFormed& formed);
  void on_departure(const MeshContext& step, Member& member);
  void end_bond(const MeshContext& step, Member& member, EndedBy by, std::uint64_t code, std::string_view reason);
  void close_bond(const MeshContext& step, Member& member, EndedBy by, CloseCode code, std::string_view reason);
  void on_extensions(const MeshContext& step, Member& member, BytesView tail);
  void on_forget(const MeshContext& step, BytesView value);
  /// Why the member is not to be forgotten, in words; empty when it is gone.
  [[nodiscard]] std::string_view sign_of_life(const Member& member) const;
  void drop_forgotten(const MeshContext& step, const Member& member, std::int64_t incarnation);
  void send_ping(const MeshContext& step, LiveBond& bond);
  bool send_ping_with(const MeshContext& step, LiveBond& bond, std::span<const wire::Extension> more);
  void send(const MeshContext& step, LiveBond& bond, SendClass kind, const Frame& frame);
  void broadcast_row(const MeshContext& step);
  void row_changed(const MeshContext& step);

  MeshConfig config_;
  const identity::Self& self_;
  identity::Verifier& verifier_;
  FramePool& pool_;
  Rng rng_;
  Pulse pulse_;  ///< the ticks of all heartbeats
  std::map<PeerId, Member> members_;
  std::map<LinkId, Owner> links_;
  Topology topology_;
  ListIntake lists_;
  Forgotten forgotten_;
  Now looked_at_{};           ///< when the topology was last asked for bonds that became one-sided
  Mono row_due_ = never;      ///< when the changed own row goes to the peers that do not have it
  Mono hastened_at_{};        ///< the last time that all who are lost were dialed soon
  Mono hearsay_at_{};         ///< no dial of hearsay before
  Mono company_since_{};      ///< when the first of the bonds that are up was formed
  bool company_told_ = true;  ///< the end of limits::first_company after that was made known
  Mono left_at_ = never;      ///< leaving: when it ends at the latest
  bool leaving_ = false;
  std::vector<std::uint8_t> scratch_;
  mutable std::map<Bonds::Pair, BondId> names_;  ///< computed once a pair; limits::bond_names
};

}  // namespace mosaik::bonds
