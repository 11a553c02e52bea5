#include "sim/oracle/ledger.hpp"

namespace mosaik::sim {

void Ledger::hear(Host& of, const Now& now) {
  Life& life = truth_.life(of);
  truth_.signed_entry(of.program->own_entry());
  const JoinedGroups joined = of.program->joined();
  life.groups.clear();
  if (joined.first) life.groups.insert(roster_.group_of(of.spec.secret));
  if (joined.second) life.groups.insert(roster_.group_of(*of.spec.second_secret));
  const std::vector<Event> events = of.program->take_events(now);
  if (!events.empty()) life.catalog_before = life.catalog;
  for (const Event& event : events) on_event(of, life, event);
  if (!joined.any()) {
    life.leaving = false;
    life.leads.reset();
  }
  // Asked to join while it was leaving: a process in its right mind tries again.
  if (of.member && !of.in_all_groups() && of.requests.empty())
    of.requests.emplace_back([](Program& program, const Now& at) { program.join(at); });
}

// Truth first, then invariants; for bond_down the other way round: they ask for the bond that ends.
void Ledger::on_event(const Host& of, Life& life, const Event& event) {
  std::string line(to_string(event.kind));
  if (!event.peer.is_zero()) line += " " + hosts_.name_of(event.peer);
  if (!event.by.empty()) line += " by " + event.by;
  if (event.code != 0) line += " code " + std::to_string(event.code);
  if (!event.reason.empty()) line += ": " + event.reason;
  trace_.note(scheduler_.now(), of.spec.name, line);
  trace_.note_event(scheduler_.now(), of.id.value, event);
  if (event.kind == EventKind::bond_up) book(of, life, event);
  judge_.on_event(life, event);
  if (event.kind != EventKind::bond_up) book(of, life, event);
  life.last_sequence = event.sequence;
}

void Ledger::book(const Host& of, Life& life, const Event& event) {
  switch (event.kind) {
    case EventKind::role_changed:
      life.leads = event.role == MemberRole::leader ? std::optional(event.term) : std::nullopt;
      return;
    case EventKind::bond_up: return book_up(life, event);
    case EventKind::bond_down: return book_down(life, event);
    case EventKind::peer_discovered:
    case EventKind::peer_updated:
      for (const identity::EntryRef& entry : of.program->catalog(of.clock.read(scheduler_.now())))
        if (entry->id() == event.peer) life.catalog[event.peer] = entry->entry.version;
      return;
    case EventKind::peer_departed: return book_departed(life, event);
    default: return;
  }
}

void Ledger::book_up(Life& life, const Event& event) {
  const std::pair key(event.group, event.peer);
  ++life.ups;
  truth_.session_for(event.session).ends.push_back({&life, event.peer, event.group, scheduler_.now(), {}, {}});
  if (life.bonds.contains(key))
    return judge_.fail("bonds.one_a_pair", life.name + " has a second bond with " + hosts_.name_of(event.peer));
  life.bonds[key] = {event.session, scheduler_.now()};
}

void Ledger::book_down(Life& life, const Event& event) {
  ++life.downs;
  Session* const session = truth_.session(event.session);
  if (session != nullptr)
    if (Session::End* end = session->of(life)) {
      end->down = scheduler_.now();
      end->by = event.by;
    }
  const auto found = life.bonds.find({event.group, event.peer});
  if (found == life.bonds.end() || found->second.session != event.session)
    return judge_.fail("bonds.ends_once",
                       life.name + " ended a bond with " + hosts_.name_of(event.peer) + " that was not up");
  life.bonds.erase(found);
  if (event.by == "presumed" || event.by == "idle" || event.by == "transport") {
    const Session::End* other = session == nullptr ? nullptr : session->other(life);
    ++truth_.alarms.presumed;
    if (other != nullptr && !other->life->died && !other->down) ++truth_.alarms.false_presumed;
  }
  if (event.by == "peer" || event.by == "departure" || event.by == "reset" || event.by == "proven")
    ++truth_.alarms.proven;
}

void Ledger::book_departed(Life& life, const Event& event) const {
  if (event.reason == "departed") {
    // What it heard in this very turn may be newer than the goodbye.
    const auto known = life.catalog_before.find(event.peer);
    if (known != life.catalog_before.end()) {
      life.buried[event.peer] = known->second;
      life.buried_at[event.peer] = scheduler_.now();
    }
  }
  life.catalog.erase(event.peer);
}

}  // namespace mosaik::sim
