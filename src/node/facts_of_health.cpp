// What health tells, and to whom it goes (router.cpp); what members tell one another about a third one is part of that.

#include <algorithm>

#include "base/overloaded.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::Impl::on_fact(const Now& now, const health::Probe& wanted) {
  const PeerId& peer = wanted.peer;
  health::LinkState state;
  for (const auto& [link, id] : bonded_) {
    if (id != peer) continue;
    if (const auto stats = endpoint.stats(link)) {
      state.unanswered = std::max(state.unanswered, stats->unanswered);
      state.rtt = std::max(state.rtt, stats->smoothed_rtt);
    }
    endpoint.probe(link);
  }
  health.on_link_state(peer, state);
  // Of a Rust peer only a frame is life. One bond's Ping is enough: the verdict is about the peer.
  if (health.kind_of(peer) != health::PeerKind::rust) return;
  for (auto& [id, group] : groups) {
    if (!group.mesh().has_bond(peer)) continue;
    return with_mesh(now, id, [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.probe(step, peer); });
  }
}

void Node::Impl::on_fact(const Now& now, const health::Suspected& suspected) {
  Event& event = report(now, EventKind::suspect);
  event.peer = suspected.peer;
  event.reason = to_string(suspected.why);
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.set_suspect(step, suspected.peer, true); });
}

void Node::Impl::on_fact(const Now& now, const health::Refuted& refuted) {
  report(now, EventKind::refuted).peer = refuted.peer;
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.set_suspect(step, refuted.peer, false); });
}

void Node::Impl::on_fact(const Now& now, const health::Heard& heard) {
  with_opinions(now, [&](auto& effects) { opinions.on_life(heard.peer, effects); });
}

void Node::Impl::on_fact(const Now& now, const health::ProofWanted& wanted) {
  with_opinions(now, [&](auto& effects) { opinions.on_proof_wanted(wanted.peer, witnesses(), effects); });
}

void Node::Impl::on_fact(const Now& now, const health::DoubtWanted& wanted) {
  const std::vector<PeerId> others = witnesses();
  if (std::ranges::all_of(others, [&](const PeerId& other) { return other == wanted.peer; }))
    return health.on_no_witness(wanted.peer);
  with_opinions(now, [&](auto& effects) { opinions.on_suspected(wanted.peer, others, effects); });
}

void Node::Impl::on_fact(const Now& now, const health::PresumedDead& dead) {
  end_bonds(now, dead.peer, bonds::EndedBy::presumed, to_string(dead.why));
}

void Node::Impl::on_fact(const Now& now, const health::LinkDown& down) {
  end_bonds(now, down.peer, bonds::EndedBy::link,
            down.why == health::Why::unreachable
                ? "nothing listens at the address of the link, and another member hears it: it lives elsewhere"
                : "silent for us, and another member hears it: the link is down");
}

void Node::Impl::on_fact(const Now& now, const health::ProvenDead& dead) {
  with_opinions(now, [&](auto& effects) { opinions.on_proven(now, dead.peer, witnesses(), effects); });
  end_bonds(now, dead.peer, bonds::EndedBy::proven, "its process is gone");
}

void Node::Impl::end_bonds(const Now& now, const PeerId& peer, bonds::EndedBy by, std::string_view why) {
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::Step& step) { mesh.on_dead(step, peer, by, why); });
}

void Node::Impl::on_opinion(const Now& now, const OpinionEffect& effect) {
  std::visit(
      overloaded{
          [&](const TellOpinion& words) { tell(now, words.to, {codec::ExtensionTag::opinion, words.value}); },
          [&](const Doubted& doubted) { with_health([&](auto& facts) { health.on_doubt(now, doubted.peer, facts); }); },
          [&](const Vouched& vouched) { health.on_vouched(now, vouched.peer); },
          [&](const DeathTold& told) { with_health([&](auto& facts) { health.on_told(now, told.peer, facts); }); },
          [&](const ListenFor& listen) { health.report_life(listen.peer); }},
      effect);
}

std::vector<PeerId> Node::Impl::witnesses() const {
  std::set<PeerId> out;
  for (const auto& [id, group] : groups)
    for (const PeerId& peer : group.mesh().witnesses()) out.insert(peer);
  return {out.begin(), out.end()};
}

void Node::Impl::tell(const Now& now, const PeerId& peer, const codec::Extension& extension,
                      std::optional<quic::LinkId> over) {
  bool told = false;
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::Step& step) {
    if (over && !mesh.owns(*over)) return;
    told = told || mesh.tell(step, peer, extension);
  });
}

}  // namespace mosaik::node
