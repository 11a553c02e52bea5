// Bonds: one a pair, proven for its own session, both ends the same, never across groups or networks.

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

std::string pair_text(const World& world, const Life& life, const Event& event) {
  return life.name + " with " + world.name_of(event.peer);
}

/// Nobody without the group's secret, of another network, or with our own key is ever bonded with.
class OnlyMembers final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "bonds.only_members"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    if (event.kind != EventKind::bond_up) return std::nullopt;
    if (event.peer == life.id) return life.name + " is bonded with itself";
    for (const Life& other : world.truth().lives())
      if (other.id == event.peer && other.network == life.network && !is_liar(other.software) &&
          (world.roster().group_of(other.secret) == event.group ||
           (other.second_secret && world.roster().group_of(*other.second_secret) == event.group)))
        return std::nullopt;
    return pair_text(world, life, event) + ": that one was never a member";
  }
};

/// A session has two ends: the two that it names, each once. A proof made for another session opens none.
class ProvenForItsSession final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "bonds.proven_for_its_session"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    if (event.kind != EventKind::bond_up) return std::nullopt;
    const Session& session = *world.truth().session(event.session);
    if (session.ends.size() > 2) return pair_text(world, life, event) + ": a session with a third end";
    if (session.ends.size() == 1) return std::nullopt;
    const Session::End& first = session.ends.front();
    const Session::End& second = session.ends.back();
    if (first.life == second.life) return pair_text(world, life, event) + ": both ends of one session";
    if (first.peer != second.life->id || second.peer != first.life->id || first.group != second.group)
      return pair_text(world, life, event) + ": the other end of the session is " + first.life->name;
    return std::nullopt;
  }
};

/// An event's number is one more than the one's before.
class EventsInOrder final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "events.in_order"; }
  Broken on_event(const World&, const Life& life, const Event& event) override {
    if (event.sequence == life.last_sequence + 1) return std::nullopt;
    return life.name + ": event " + std::to_string(event.sequence) + " after " + std::to_string(life.last_sequence);
  }
};

}  // namespace

void add_bond_invariants(Invariants& out) {
  out.push_back(std::make_unique<OnlyMembers>());
  out.push_back(std::make_unique<ProvenForItsSession>());
  out.push_back(std::make_unique<EventsInOrder>());
}

Invariants all_invariants() {
  Invariants out;
  add_bond_invariants(out);
  add_detection_invariants(out);
  add_discovery_invariants(out);
  add_rest_invariants(out);
  add_hostile_invariants(out);
  add_network_invariants(out);
  return out;
}

}  // namespace mosaik::sim
