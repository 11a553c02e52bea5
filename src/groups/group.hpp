#pragma once
/// groups: one group = one mesh + one engine.
///
/// Without a consensus engine a member still has to answer for itself: a RequestVote gets Abstained, which takes this node
/// out of the candidate's count, so that Rust members elect among themselves (docs/protocol/groups.md 6.4, 11.4). All other
/// raft frames are signs of life and nothing else.

#include "bonds/mesh.hpp"

namespace mosaik::groups {

class Group {
 public:
  Group(const bonds::MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng)
      : mesh_(config, self, verifier, pool, rng) {}

  [[nodiscard]] bonds::Mesh& mesh() noexcept { return mesh_; }
  [[nodiscard]] const bonds::Mesh& mesh() const noexcept { return mesh_; }

  /// A raft message from a bonded peer.
  void on_raft(const bonds::Step& step, const bonds::RaftHeard& heard);

 private:
  bonds::Mesh mesh_;
};

}  // namespace mosaik::groups
