#pragma once
/// groups: one group = one mesh + one engine.
///
/// The mesh tells what bonds begin and end and what raft messages come over them; the engine says what to send, and on
/// which bond: a frame meant for a bond that has been replaced meanwhile is dropped, because what an engine sends on a
/// bond depends on what it has sent on it before (consensus/dynamic/engine.hpp). Frames that report something durable
/// wait here for their ticket. Everything else that the engine wants goes out through take_actions.
///
/// Without a machine there is no engine, and a member still has to answer for itself (consensus/dynamic/bystander.hpp),
/// so that the others elect among themselves.

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <mosaik/types/consensus_status.hpp>

#include "bonds/mesh.hpp"
#include "consensus/dynamic/engine.hpp"

namespace mosaik::groups {

class Group {
 public:
  /// A member without an engine.
  Group(const bonds::MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool,
        Rng rng)
      : mesh_(config, self, verifier, pool, rng) {}
  Group(const bonds::MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool,
        Rng rng, const consensus::Config& consensus, const Now& now)
      : mesh_(config, self, verifier, pool, rng), engine_(std::in_place, consensus, pool, rng.fork("engine"), now) {}

  [[nodiscard]] bonds::Mesh& mesh() noexcept { return mesh_; }
  [[nodiscard]] const bonds::Mesh& mesh() const noexcept { return mesh_; }
  /// Null without a machine.
  [[nodiscard]] consensus::Engine* engine() noexcept { return engine_ ? &*engine_ : nullptr; }
  [[nodiscard]] const consensus::Engine* engine() const noexcept { return engine_ ? &*engine_ : nullptr; }
  /// What a person sees of the engine; empty without one.
  [[nodiscard]] std::optional<ConsensusStatus> consensus_status() const {
    return engine_ ? std::optional(engine_->status()) : std::nullopt;
  }

  // Facts of the mesh, in the order in which it gave them.
  void on_bond_up(const Now& now, const bonds::BondUp& up);
  void on_bond_down(const Now& now, const bonds::BondDown& down);
  /// A raft message from a bonded peer.
  void on_raft(const bonds::MeshContext& step, const bonds::RaftHeard& heard);
  /// A frame of a bonded peer has grown and is not complete.
  void on_growing(const bonds::MeshContext& step, const PeerId& peer, LinkId link, const FrameHead& head);

  /// The disk has it, and frames that waited for that may go.
  void on_persisted(const Now& now, consensus::Ticket ticket);
  void on_timer(const bonds::MeshContext& step);
  /// Ends a step of the engine: its frames leave, its other actions wait for take_actions.
  void settle(const bonds::MeshContext& step);
  /// Those of the actions that wait which were not shown before.
  [[nodiscard]] std::span<const consensus::Action> show_new();
  /// All that wait, oldest first.
  [[nodiscard]] std::vector<consensus::Action> take_actions();
  void check_invariants() const;
  [[nodiscard]] Mono next_deadline() const;

 private:
  struct Held {
    LinkId link;
    consensus::Send send;
  };
  void send(const bonds::MeshContext& step, LinkId link, const consensus::Send& send);
  /// Sends the frame, or keeps it until what it reports is durable.
  void dispatch(const bonds::MeshContext& context, consensus::Send frame);
  [[nodiscard]] bool queue_empty(const bonds::MeshContext& step, const PeerId& peer, consensus::Urgency urgency) const;

  bonds::Mesh mesh_;
  std::optional<consensus::Engine> engine_;
  std::map<PeerId, LinkId> links_;  ///< the bonds that the engine knows of
  std::deque<Held> held_;           ///< until durable; bonds::Mesh bounds what is sent, the engine what is asked for
  consensus::Ticket durable_;
  std::vector<consensus::Action> actions_;  ///< the one queue from the engine to the runtime
  std::size_t shown_ = 0;                   ///< of them
};

}  // namespace mosaik::groups
