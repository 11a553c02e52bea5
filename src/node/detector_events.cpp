// What health tells, and to whom it goes (router.cpp); what members tell one another about a third one is part of that.

#include <algorithm>

#include "base/overloaded.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::on_event(const Now& now, const detector::Probe& wanted) {
  const PeerId& peer = wanted.peer;
  detector::LinkState state;
  for (const auto& [link, id] : bonded_) {
    if (id != peer) continue;
    if (const auto stats = endpoint_.stats(link)) {
      state.unanswered = std::max(state.unanswered, stats->unanswered);
      state.rtt = std::max(state.rtt, stats->smoothed_rtt);
    }
    endpoint_.probe(link);
  }
  detector_.on_link_state(peer, state);
  // Of a Rust peer only a frame is life. One bond's Ping is enough: the verdict is about the peer.
  if (detector_.kind_of(peer) != detector::PeerKind::rust) return;
  for (auto& [id, group] : groups_) {
    if (!group.mesh().has_bond(peer)) continue;
    return with_mesh(now, id, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.probe(step, peer); });
  }
}

void Node::on_event(const Now& now, const detector::Suspected& suspected) {
  Event& event = report(now, EventKind::suspect);
  event.peer = suspected.peer;
  event.reason = to_string(suspected.why);
  with_meshes(now,
              [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.set_suspect(step, suspected.peer, true); });
}

void Node::on_event(const Now& now, const detector::Refuted& refuted) {
  report(now, EventKind::refuted).peer = refuted.peer;
  with_meshes(now,
              [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.set_suspect(step, refuted.peer, false); });
}

void Node::on_event(const Now& now, const detector::Heard& heard) {
  with_indirect_probes(now, [&](auto& actions) { opinions_.on_life(heard.peer, actions); });
}

void Node::on_event(const Now& now, const detector::ProofWanted& wanted) {
  with_indirect_probes(now, [&](auto& actions) { opinions_.on_proof_wanted(wanted.peer, witnesses(), actions); });
}

void Node::on_event(const Now& now, const detector::DoubtWanted& wanted) {
  const std::vector<PeerId> others = witnesses();
  if (std::ranges::all_of(others, [&](const PeerId& other) { return other == wanted.peer; }))
    return detector_.on_no_witness(wanted.peer);
  with_indirect_probes(now, [&](auto& actions) { opinions_.on_suspected(wanted.peer, others, actions); });
}

void Node::on_event(const Now& now, const detector::PresumedDead& dead) {
  end_bonds(now, dead.peer, bonds::EndedBy::presumed, to_string(dead.why));
}

void Node::on_event(const Now& now, const detector::LinkDown& down) {
  end_bonds(now, down.peer, bonds::EndedBy::link,
            down.why == detector::Why::unreachable
                ? "nothing listens at the address of the link, and another member hears it: it lives elsewhere"
                : "silent for us, and another member hears it: the link is down");
}

void Node::on_event(const Now& now, const detector::ProvenDead& dead) {
  with_indirect_probes(now, [&](auto& actions) { opinions_.on_proven(now, dead.peer, witnesses(), actions); });
  end_bonds(now, dead.peer, bonds::EndedBy::proven, "its process is gone");
}

void Node::end_bonds(const Now& now, const PeerId& peer, bonds::EndedBy by, std::string_view why) {
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_dead(step, peer, by, why); });
}

void Node::on_indirect_probe(const Now& now, const detector::IndirectProbeAction& action) {
  std::visit(overloaded{[&](const detector::TellIndirectProbe& words) {
                          tell(now, words.to, {wire::ExtensionTag::opinion, words.value});
                        },
                        [&](const detector::Doubted& doubted) {
                          with_detector([&](auto& events) { detector_.on_doubt(now, doubted.peer, events); });
                        },
                        [&](const detector::Vouched& vouched) { detector_.on_vouched(now, vouched.peer); },
                        [&](const detector::DeathTold& told) {
                          with_detector([&](auto& events) { detector_.on_told(now, told.peer, events); });
                        },
                        [&](const detector::ListenFor& listen) { detector_.report_life(listen.peer); }},
             action);
}

std::vector<PeerId> Node::witnesses() const {
  std::set<PeerId> out;
  for (const auto& [id, group] : groups_)
    for (const PeerId& peer : group.mesh().witnesses()) out.insert(peer);
  return {out.begin(), out.end()};
}

void Node::tell(const Now& now, const PeerId& peer, const wire::Extension& extension, std::optional<LinkId> over) {
  bool told = false;
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    if (over && !mesh.owns(*over)) return;
    told = told || mesh.tell(step, peer, extension);
  });
}

}  // namespace mosaik::node
