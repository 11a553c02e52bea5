#include "bonds/members.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/rekey.hpp"

namespace mosaik::bonds {

namespace {
Mono deadline_of(const Member& member) {
  if (const Attempt* const attempt = member.life.attempt()) return attempt->deadline;
  if (const LiveBond* const bond = member.life.bond()) return bond->heartbeat.tick();
  return member.forget_at;
}
Mono dial_of(const Member& member) {
  return member.life.may_be_dialed() ? member.plan.at : never;
}
}  // namespace

// ------------------------------------------------------------------------------------------------ deadlines

void MemberSchedule::set(MemberTimers& timers, const Member& member) {
  const bool attempting = member.life.attempt() != nullptr;
  attempts_ -= timers.attempting ? 1U : 0U;
  attempts_ += attempting ? 1U : 0U;
  timers.attempting = attempting;
  deadlines_.set(timers.deadline, deadline_of(member));
  const bool unverified = member.unverified();
  dials_.set(timers.dial, unverified ? never : dial_of(member));
  unverified_dials_.set(timers.unverified_dial, unverified ? dial_of(member) : never);
}

void MemberSchedule::cancel(MemberTimers& timers) {
  if (std::exchange(timers.attempting, false)) --attempts_;
  deadlines_.cancel(timers.deadline);
  dials_.cancel(timers.dial);
  unverified_dials_.cancel(timers.unverified_dial);
}

std::vector<PeerId> MemberSchedule::take(TimerHeap<PeerId>& heap, Mono now) {
  std::vector<PeerId> out;
  for (Timer<PeerId>* timer = heap.nearest(); timer != nullptr && timer->at <= now; timer = heap.nearest()) {
    out.push_back(timer->owner);
    heap.cancel(*timer);
  }
  return out;
}

void Members::mark(const Slot& slot) const {
  if (!std::exchange(slot.marked, true)) marked_.push_back(slot.member.id);
}

MemberSchedule& Members::schedule() const {
  for (const PeerId& peer : marked_) {
    const auto found = slots_.find(peer);
    if (found == slots_.end()) continue;
    found->second.marked = false;
    schedule_.set(found->second.timers, found->second.member);
  }
  marked_.clear();
  return schedule_;
}

std::vector<PeerId> Members::mark(std::vector<PeerId> taken) const {
  for (const PeerId& peer : taken) mark(slots_.at(peer));
  return taken;
}

std::vector<PeerId> Members::take_due(Mono now) {
  std::vector<PeerId> out = mark(schedule().take_deadlines(now));
  std::ranges::sort(out);
  return out;
}

std::vector<PeerId> Members::take_dials(Mono now) {
  return mark(schedule().take_dials(now));
}

std::vector<PeerId> Members::take_unverified_dials(Mono now) {
  return mark(schedule().take_unverified_dials(now));
}

// ------------------------------------------------------------------------------------------------ who is a member

Member* Members::find(const PeerId& peer) {
  const auto found = slots_.find(peer);
  if (found == slots_.end()) return nullptr;
  mark(found->second);
  return &found->second.member;
}

const Member* Members::find(const PeerId& peer) const {
  const auto found = slots_.find(peer);
  return found == slots_.end() ? nullptr : &found->second.member;
}

Member* Members::learn(const MeshContext& context, const identity::EntryRef& entry, Voucher voucher) {
  const EntryVersion& version = entry->entry.version;
  if (entry->id() == self_ || entry->entry.network != network_) return nullptr;
  if (version.updated > context.now.wall.milliseconds + limits::clock_drift / 1ms) return nullptr;
  Member* known = find(entry->id());
  if (voucher == Voucher::proof)
    forgotten_.remove(entry->id());
  else if (known == nullptr && forgotten_.covers(context.now, entry->id(), version))
    return nullptr;
  if (known == nullptr) {
    make_room(voucher);
    if (slots_.size() >= limits::mesh_peers) return nullptr;
    Slot slot{.member = {.id = entry->id(), .entry = entry}, .timers = MemberTimers(entry->id())};
    slot.member.evidence = {.vouched = topology_.names(entry->id()), .met = context.links.has_met(entry->id())};
    known = &slots_.emplace(entry->id(), std::move(slot)).first->second.member;
    mark(slots_.at(entry->id()));
    context.events.emplace_back(MeshChanged{});
  }
  if (voucher != Voucher::itself) known->evidence.vouched = true;
  if (!known->is_news(entry)) return known;
  const bool reborn = version.started > known->incarnation();
  known->entry = entry;
  if (!reborn) return known;
  if (!known->life.wanted()) {
    known->life.desire(DesiredState::wanted);
    known->forget_at = never;
  }
  known->plan.backoff.reset();
  known->plan.at = context.now.mono;
  const LiveBond* const bond = known->life.bond();
  if (bond != nullptr && bond->entry->entry.version.started < version.started)
    context.events.emplace_back(ProbeWanted{known->id});
  return known;
}

void Members::erase(const PeerId& peer) {
  const auto found = slots_.find(peer);
  MOSAIK_ASSERT(found != slots_.end());
  // A link of a member that is gone would have no owner.
  MOSAIK_ASSERT(!found->second.member.life.busy());
  schedule_.cancel(found->second.timers);
  slots_.erase(found);
}

void Members::forget(const Now& now, const PeerId& peer, std::int64_t incarnation) {
  forgotten_.add(now, peer, incarnation);
  erase(peer);
}

bool Members::forget_due(Mono now) {
  bool any = false;
  for (const PeerId& peer : take_due(now)) {
    const Member& member = slots_.at(peer).member;
    if (member.life.busy() || member.forget_at > now) continue;
    erase(peer);
    any = true;
  }
  return any;
}

void Members::forget_surplus() {
  std::vector<std::pair<Nanoseconds, PeerId>> lost;
  for (const auto& [id, slot] : slots_)
    if (slot.member.life.was_bonded() && slot.member.life.wanted() && !slot.member.life.busy())
      lost.emplace_back(slot.member.history.bonded_for, id);
  if (lost.size() <= limits::peer_cache) return;
  const auto surplus = static_cast<std::ptrdiff_t>(lost.size() - limits::peer_cache);
  std::ranges::nth_element(lost, lost.begin() + surplus);
  for (const auto& [time, id] : std::span(lost).first(static_cast<std::size_t>(surplus))) erase(id);
}

void Members::make_room(Voucher voucher) {
  if (slots_.size() < limits::mesh_peers) return;
  // An unverified entry waits until all others were dialed once. A peer that has proven the key takes the place also of
  // one that members have merely named.
  const std::uint64_t least_attempts = voucher == Voucher::itself ? 1 : 0;
  const auto may_go = [&](const Member& member) {
    if (member.life.busy() || member.life.was_bonded()) return false;
    return member.evidence.vouched ? voucher == Voucher::proof : member.plan.attempts >= least_attempts;
  };
  const auto worth = [](const Member& member) { return std::pair(member.evidence.vouched, ~member.plan.attempts); };
  const Member* worst = nullptr;
  for (const auto& [id, slot] : slots_)
    if (may_go(slot.member) && (worst == nullptr || worth(slot.member) < worth(*worst))) worst = &slot.member;
  if (worst != nullptr) erase(PeerId(worst->id));
}

// ------------------------------------------------------------------------------------------------ links

const LinkOwner* Members::owner(LinkId link) const {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : &found->second;
}

void Members::rename(LinkId dial, LinkId winner) {
  const LinkOwner* const owner = rekey(links_, dial, winner);
  if (owner == nullptr) return;
  MOSAIK_ASSERT(owner->role == LinkRole::attempt);
  Member* const member = find(owner->peer);
  MOSAIK_ASSERT(member != nullptr && member->life.attempt() != nullptr);
  member->life.adopt(winner);
}

// ------------------------------------------------------------------------------------------------ invariants

void Members::check_invariants() const {
  // A stranger can invent any number of members; the table is what it may cost.
  MOSAIK_ASSERT(slots_.size() <= limits::mesh_peers);
  const MemberSchedule& times = schedule();
  std::size_t links = 0;
  std::size_t attempts = 0;
  Mono deadline = never;
  Mono dial = never;
  Mono unverified_dial = never;
  const auto owns = [&](LinkId link, const PeerId& peer, LinkRole role) {
    ++links;
    const LinkOwner* const found = owner(link);
    return found != nullptr && found->peer == peer && found->role == role;
  };
  for (const auto& [id, slot] : slots_) {
    const Member& member = slot.member;
    MOSAIK_ASSERT(member.id == id && id != self_);
    member.check_invariants();
    // Frames and ends of a link reach the member that uses it, in the role that it has there.
    if (const LiveBond* const bond = member.life.bond()) MOSAIK_ASSERT(owns(bond->link, id, LinkRole::bond));
    if (const Attempt* const attempt = member.life.attempt()) {
      ++attempts;
      MOSAIK_ASSERT(owns(attempt->link, id, LinkRole::attempt));
    }
    if (const Handshaking* const own = member.life.handshaking())
      for (const IncomingHandshake& held : own->held) MOSAIK_ASSERT(owns(held.link, id, LinkRole::held));
    deadline = std::min(deadline, deadline_of(member));
    (member.unverified() ? unverified_dial : dial) =
        std::min(member.unverified() ? unverified_dial : dial, dial_of(member));
  }
  // A link that no member uses would never be closed.
  MOSAIK_ASSERT(links == links_.size());
  // The schedule is a cache: a deadline that it missed would be a heartbeat that is not sent or a dial that never
  // starts.
  MOSAIK_ASSERT(times.next_deadline() == deadline && times.next_dial() == dial);
  MOSAIK_ASSERT(times.next_unverified_dial() == unverified_dial && times.attempts() == attempts);
  // Dials are sockets and handshakes of a person's machine, and its NAT's.
  MOSAIK_ASSERT(attempts <= limits::concurrent_dials);
}

}  // namespace mosaik::bonds
