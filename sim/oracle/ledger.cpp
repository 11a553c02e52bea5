// How the world listens to its processes: truth first, then invariants.

#include <algorithm>

#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {

namespace {
constexpr Nanoseconds sweep_pause = 250ms;
}

void World::fail(std::string_view invariant, std::string text) {
  if (failure_) return;
  trace_.note(scheduler_.now(), "world", "BROKEN " + std::string(invariant) + ": " + text);
  failure_ = Failure{std::string(invariant), std::move(text)};
}

void World::judge(const Invariant& invariant, const Broken& broken) {
  if (broken) fail(invariant.name(), *broken);
}

void World::hear(Host& of, const Now& now) {
  Life& life = truth_.life(of);
  truth_.signed_entry(of.program->own_entry());
  life.groups.clear();
  if (of.program->in_first_group()) life.groups.insert(group_of(of.spec.secret));
  if (of.program->in_second_group()) life.groups.insert(group_of(*of.spec.second_secret));
  const std::vector<Event> events = of.program->take_events(now);
  if (!events.empty()) life.catalog_before = life.catalog;
  for (const Event& event : events) on_event(of, life, event);
  if (!of.program->in_group()) life.leaving = false;
  if (!of.program->in_group()) life.leads.reset();
  // Asked to join while it was leaving: a process in its right mind tries again.
  if (of.member && !of.program->in_all_groups() && of.requests.empty())
    of.requests.emplace_back([](Program& program, const Now& at) { program.join(at); });
}

void World::on_event(Host& of, Life& life, const Event& event) {
  std::string line(to_string(event.kind));
  if (!event.peer.is_zero()) line += " " + name_of(event.peer);
  if (!event.by.empty()) line += " by " + event.by;
  if (event.code != 0) line += " code " + std::to_string(event.code);
  if (!event.reason.empty()) line += ": " + event.reason;
  trace_.note(scheduler_.now(), of.spec.name, line);
  trace_.note_event(scheduler_.now(), of.id.value, event);
  if (event.kind == EventKind::bond_up) book(life, event);
  for (const auto& invariant : invariants_) judge(*invariant, invariant->on_event(*this, life, event));
  if (workload_ != nullptr)
    if (const Broken broken = workload_->on_event(*this, life, event)) fail("workload", *broken);
  if (event.kind != EventKind::bond_up) book(life, event);
  life.last_sequence = event.sequence;
}

void World::book(Life& life, const Event& event) {
  if (event.kind == EventKind::role_changed)
    life.leads = event.role == MemberRole::leader ? std::optional(event.term) : std::nullopt;
  const std::pair key(event.group, event.peer);
  if (event.kind == EventKind::bond_up) {
    ++life.ups;
    truth_.session_for(event.session).ends.push_back({&life, event.peer, event.group, scheduler_.now(), {}, {}});
    if (life.bonds.contains(key))
      return fail("bonds.one_a_pair", life.name + " has a second bond with " + name_of(event.peer));
    life.bonds[key] = {event.session, scheduler_.now()};
  }
  if (event.kind == EventKind::bond_down) {
    ++life.downs;
    if (Session* session = truth_.session(event.session))
      if (Session::End* end = session->of(life)) {
        end->down = scheduler_.now();
        end->by = event.by;
      }
    const auto found = life.bonds.find(key);
    if (found == life.bonds.end() || found->second.session != event.session)
      return fail("bonds.ends_once", life.name + " ended a bond with " + name_of(event.peer) + " that was not up");
    life.bonds.erase(found);
  }
  if (event.kind == EventKind::bond_down && (event.by == "presumed" || event.by == "idle" || event.by == "transport")) {
    const Session* session = truth_.session(event.session);
    const Session::End* other = session == nullptr ? nullptr : session->other(life);
    ++truth_.alarms.presumed;
    if (other != nullptr && !other->life->died && !other->down) ++truth_.alarms.false_presumed;
  }
  if (event.kind == EventKind::bond_down &&
      (event.by == "peer" || event.by == "departure" || event.by == "reset" || event.by == "proven"))
    ++truth_.alarms.proven;
  if (event.kind == EventKind::peer_discovered || event.kind == EventKind::peer_updated) {
    const Host& of = host(life.host);
    for (const identity::EntryRef& entry : of.program->catalog(now_of(of)))
      if (entry->id() == event.peer) life.catalog[event.peer] = entry->entry.version;
  }
  if (event.kind == EventKind::peer_departed) {
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
}

void World::sweep() {
  note_reach();
  for (const auto& invariant : invariants_) judge(*invariant, invariant->on_sweep(*this));
  scheduler_.after(sweep_pause, [this] { sweep(); });
}

void World::check_at_rest(Mono since) {
  for (const auto& invariant : invariants_) judge(*invariant, invariant->at_rest(*this, since));
}

std::vector<GroupId> World::groups_of(const Life& one, const Life& other) const {
  std::vector<GroupId> out;
  if (&one == &other || one.died || other.died || one.id == other.id || one.network != other.network) return out;
  if (is_liar(one.software) || is_liar(other.software)) return out;
  // The crate does not retry: two of them may stay apart.
  if (one.software != Software::node && other.software != Software::node) return out;
  std::ranges::set_intersection(one.groups, other.groups, std::back_inserter(out));
  return out;
}

std::optional<HostId> World::leader() const {
  std::optional<HostId> out;
  Term latest;
  for (const auto& [id, life] : truth_.current()) {
    const Host& of = host(id);
    if (!of.program) continue;
    std::optional<Term> leads = life->leads;
    if (const RustMember* rust = of.program->rust_member(); rust != nullptr && rust->role == RustMember::Role::leader)
      leads = rust->term;
    if (!leads || (out && *leads < latest)) continue;
    out = id;
    latest = *leads;
  }
  return out;
}

bool World::should_bond(const Life& one, const Life& other, const GroupId& group) const {
  const std::vector<GroupId> groups = groups_of(one, other);
  return std::ranges::find(groups, group) != groups.end();
}

Broken World::why_not_bonded(const Life& one, const Life& other, const GroupId& group) const {
  const auto mine = one.bonds.find({group, other.id});
  if (mine == one.bonds.end()) return one.name + " has no bond with " + other.name;
  const auto theirs = other.bonds.find({group, one.id});
  if (theirs == other.bonds.end()) return other.name + " has no bond with " + one.name;
  if (mine->second.session == theirs->second.session) return std::nullopt;
  return one.name + " and " + other.name + " hold different bonds";
}

Broken World::why_not_whole() const {
  for (const auto& [id, one] : truth_.current()) {
    const Host& of = host(id);
    if (of.wanted != (of.program != nullptr)) return of.spec.name + " should run, or should not";
    if (of.program && of.member != (of.member ? of.program->in_all_groups() : of.program->in_group()))
      return of.spec.name + " should be a member, or should not";
    for (const auto& [other_id, other] : truth_.current())
      for (const GroupId& group : groups_of(*one, *other))
        if (Broken broken = why_not_bonded(*one, *other, group)) return broken;
    for (const auto& [key, tie] : one->bonds) {
      const Session* session = truth_.session(tie.session);
      const Session::End* end = session->other(*one);
      if (end == nullptr || end->down) return one->name + " holds a bond with " + name_of(key.second) + " alone";
    }
  }
  return std::nullopt;
}

}  // namespace mosaik::sim
