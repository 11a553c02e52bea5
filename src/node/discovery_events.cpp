// What discovery tells, and to whom it goes (router.cpp).

#include "node/impl.hpp"

namespace mosaik::node {

void Node::on_entry(const Now& now, const identity::EntryRef& entry) {
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry(step, entry); });
}

void Node::on_event(const Now& now, const discovery::Discovered& discovered) {
  report(now, EventKind::peer_discovered).peer = discovered.entry->id();
  touch();
  on_entry(now, discovered.entry);
}

void Node::on_event(const Now& now, const discovery::Updated& updated) {
  report(now, EventKind::peer_updated).peer = updated.entry->id();
  on_entry(now, updated.entry);
}

void Node::on_event(const Now& now, const discovery::Departed& departed) {
  Event& event = report(now, EventKind::peer_departed);
  event.peer = departed.last->id();
  event.reason = departed.signed_off ? "departed" : "stale";
  touch();
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_entry_gone(step, departed.last->id(), departed.signed_off);
  });
}

void Node::on_event(const Now& now, const discovery::SelfRefreshed&) {
  verifier_.remember(self_.entry());
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_self_refreshed(step); });
}

void Node::on_event(const Now&, const discovery::Resolve& resolve) {
  actions_.emplace_back(ResolveName{resolve.bootstrap, resolve.host, resolve.port, resolve.service});
}

void Node::on_event(const Now&, const discovery::ContactAnswered& answered) {
  dialing_.set_answered(answered.bootstrap, answered.peer, answered.address);
  touch();
}

void Node::on_event(const Now& now, const discovery::SyncEnded& synced) {
  if (const auto waiting = syncs_.extract(synced.peer))
    for (const RequestId request : waiting.mapped()) actions_.emplace_back(SyncDone{request, synced.result});
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    mesh.on_synced(step, synced.peer, synced.result.has_value());
  });
}

void Node::on_event(const Now&, const discovery::PingEnded& pinged) {
  const Result<Nanoseconds> rtt =
      pinged.result ? Result<Nanoseconds>(pinged.rtt) : std::unexpected(pinged.result.error());
  if (const auto waiting = pings_.extract(pinged.peer))
    for (const RequestId request : waiting.mapped()) actions_.emplace_back(PingDone{request, rtt});
}

void Node::on_event(const Now& now, const discovery::Notice& note) {
  using Kind = discovery::Notice::Kind;
  switch (note.kind) {
    case Kind::bootstrap_silent: silent_bootstraps_[{note.peer, note.contact}] = note.text; break;
    case Kind::bootstrap_answered:
      // Worth a notice only where it ends an earlier one.
      if (silent_bootstraps_.erase({note.peer, note.contact}) == 0) return;
      break;
    case Kind::from_the_future:
    case Kind::stale_on_arrival: diagnostics_.meet(now, Trouble::clock, note.text); break;
    case Kind::same_identity: diagnostics_.meet(now, Trouble::identity, note.text); break;
    case Kind::old_entry_layout: diagnostics_.meet(now, Trouble::layout, note.text); break;
    case Kind::other_network: diagnostics_.meet(now, Trouble::network, note.text); break;
    case Kind::catalog_full: break;
  }
  notice(now, note.text, note.peer);
}

}  // namespace mosaik::node
