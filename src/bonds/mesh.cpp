#include "bonds/mesh.hpp"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include <mosaik/serialization/postcard.hpp>

#include "base/code_probe.hpp"
#include "base/limits.hpp"

namespace mosaik::bonds {

namespace {
/// The higher id leaves the first dial of a C++ pair to the lower one for this long.
constexpr Nanoseconds courtesy_least = 120ms;
constexpr Nanoseconds courtesy_most = 240ms;
/// A dial is given up after this, so that a healed path is found by a fresh one and not by QUIC's back-off;
/// every fourth try waits longer, for paths that are slow rather than broken.
constexpr Nanoseconds dial_patience = 1s;
constexpr Nanoseconds dial_patience_long = 4s;
/// To whom we were bonded over a fast path: the shorter a try, the sooner one begins after the heal. QUIC repeats its
/// first packet after 300 ms, and next after 900 ms.
constexpr Nanoseconds lost_patience = 500ms;
constexpr Nanoseconds lost_patience_long = 2s;
constexpr Nanoseconds fast_path = 100ms;
constexpr Nanoseconds departed_shown = 300s;
/// Until an entry without an address that may be dialed is looked at again.
constexpr Nanoseconds no_target_pause = 60s;
}  // namespace

std::string_view to_string(EndedBy by) noexcept {
  switch (by) {
    case EndedBy::us: return "us";
    case EndedBy::peer: return "peer";
    case EndedBy::departure: return "departure";
    case EndedBy::reset: return "reset";
    case EndedBy::idle: return "idle";
    case EndedBy::transport: return "transport";
    case EndedBy::proven: return "proven";
    case EndedBy::presumed: return "presumed";
    case EndedBy::link: return "link";
    case EndedBy::replaced: return "replaced";
  }
  return "us";
}

Mesh::Mesh(const MeshConfig& config, const identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng)
    : config_(config),
      self_(self),
      verifier_(verifier),
      pool_(pool),
      rng_(rng),
      pulse_(rng.fork("heartbeat")),
      topology_(self.id()) {
  topology_.set_incarnation(self.started());
}

Member* Mesh::find(const PeerId& peer) {
  const auto found = members_.find(peer);
  return found == members_.end() ? nullptr : &found->second;
}

const Member* Mesh::find(const PeerId& peer) const {
  const auto found = members_.find(peer);
  return found == members_.end() ? nullptr : &found->second;
}

bool Mesh::has_bond(const PeerId& peer) const {
  const Member* member = find(peer);
  return member != nullptr && member->bond.has_value();
}

bool Mesh::is_vouched(const PeerId& peer) const {
  const Member* member = find(peer);
  return member != nullptr && member->attested();
}

bool Mesh::was_bonded(const PeerId& peer) const {
  const Member* member = find(peer);
  return member != nullptr && member->once_bonded;
}

std::vector<PeerId> Mesh::witnesses() const {
  std::vector<PeerId> out;
  for (const auto& [id, member] : members_)
    if (member.bond && member.bond->capabilities.can(Capability::opinions)) out.push_back(id);
  return out;
}

// ------------------------------------------------------------------------------------------------ who is a member

Member* Mesh::learn(const MeshContext& step, const identity::EntryRef& entry, Word word) {
  if (entry->id() == self_.id() || entry->entry.network != config_.network) return nullptr;
  if (entry->entry.version.updated > step.now.wall.milliseconds + limits::clock_drift / 1ms) return nullptr;
  auto found = members_.find(entry->id());
  if (word == Word::proven)
    forgotten_.remove(entry->id());
  else if (found == members_.end() && forgotten_.covers(step.now, entry->id(), entry->entry.version))
    return nullptr;
  if (found == members_.end()) {
    make_room(word);
    if (members_.size() >= limits::mesh_peers) return nullptr;
    found = members_.emplace(entry->id(), Member{}).first;
    found->second.id = entry->id();
    found->second.met = step.links.has_met(entry->id());
    found->second.vouched = topology_.names(entry->id());
    step.events.emplace_back(MeshChanged{});
  }
  Member& member = found->second;
  if (word != Word::hearsay) member.vouched = true;
  if (!member.entry || entry->entry.version > member.entry->entry.version) {
    const bool reborn = member.entry && entry->entry.version.started > member.entry->entry.version.started;
    member.entry = entry;
    if (reborn && member.wish != DesiredState::wanted) {
      member.wish = DesiredState::wanted;
      member.forget_at = never;
    }
    if (reborn) {
      member.backoff.reset();
      member.dial_at = step.now.mono;
      if (member.bond && member.bond->entry->entry.version.started < entry->entry.version.started)
        step.events.emplace_back(ProbeWanted{member.id});
    }
  }
  return &member;
}

void Mesh::on_entry(const MeshContext& step, const identity::EntryRef& entry) {
  const bool names_us = entry->names(config_.group);
  Member* member = find(entry->id());
  if (member == nullptr && !names_us) return;
  const bool news = member == nullptr || !member->entry || entry->entry.version > member->entry->entry.version;
  member = learn(step, entry, Word::hearsay);
  if (member == nullptr || !news) return;
  if (!names_us && !member->busy() && member->entry->entry.version == entry->entry.version) {
    // It withdrew the group: it left, however we learn it.
    member->wish = DesiredState::departed;
    if (member->forget_at == never) member->forget_at = step.now.mono + departed_shown;
    step.events.emplace_back(MeshChanged{});
    return;
  }
  if (member->wish == DesiredState::wanted) return want(step, *member, {});
  // As long as it speaks of itself it is remembered as what it is, or it would be dialed anew.
  member->forget_at = step.now.mono + departed_shown;
}

void Mesh::recall(const MeshContext& step, const identity::EntryRef& entry) {
  if (!entry->names(config_.group) || find(entry->id()) != nullptr) return;
  Member* member = learn(step, entry, Word::vouched);
  if (member == nullptr) return;
  member->once_bonded = true;
  member->bonded_for = limits::dial_list_standing;
  member->lost_at = step.now.mono;
  member->why = "it was bonded with an earlier run of this node, and was not heard since";
  want(step, *member, rng_.between(Nanoseconds::zero(), limits::retry_least));
}

void Mesh::on_entry_gone(const MeshContext& step, const PeerId& peer, bool signed_off) {
  Member* member = find(peer);
  if (member == nullptr) return;
  if (signed_off && !member->bond) {
    member->wish = DesiredState::departed;
    member->forget_at = step.now.mono + departed_shown;
  } else if (!member->busy() && (!member->once_bonded || member->wish != DesiredState::wanted ||
                                 member->bonded_for < limits::dial_list_moment)) {
    members_.erase(peer);
  } else if (!member->bond) {
    forget_surplus();
  }
  step.events.emplace_back(MeshChanged{});
}

void Mesh::on_met(const Now& now, const PeerId& peer) {
  Member* const member = find(peer);
  if (member == nullptr) return;
  member->met = true;
  // It can be dialed at the address where it has met us, whatever its entry says.
  if (std::exchange(member->no_target, false)) member->dial_at = now.mono;
}

void Mesh::vouch(const MeshContext& step, const std::set<PeerId>& peers) {
  for (const PeerId& peer : peers) {
    Member* member = find(peer);
    if (member == nullptr || std::exchange(member->vouched, true)) continue;
    step.events.emplace_back(MeshChanged{});
    if (member->wish == DesiredState::wanted && member->refused_code == 0) want(step, *member, {});
  }
}

void Mesh::on_self_refreshed(const MeshContext& step) {
  const Frame frame = entry_update();
  for (auto& [id, member] : members_)
    if (member.bond) send(step, *member.bond, SendClass::catalog, frame);
}

// ------------------------------------------------------------------------------------------------ dialing

void Mesh::want(const MeshContext& step, Member& member, Nanoseconds pause) {
  if (member.bond || member.attempt || leaving_) return;
  const bool first = member.attempts == 0 && !member.once_bonded;
  const bool courtesy = first && !config_.dial_eagerly && self_.id() > member.id && member.labelled_cpp();
  const Mono at = step.now.mono + (courtesy ? rng_.between(courtesy_least, courtesy_most) : pause);
  // Known for the first time: at once, or after the courtesy. After that news may only bring the dial forward.
  member.dial_at = member.dial_at == Mono{} ? at : std::min(member.dial_at, at);
}

void Mesh::dial_due(const MeshContext& step) {
  std::size_t running = 0;
  std::vector<Member*> due;
  std::vector<Member*> hearsay;
  const bool hearsay_due = hearsay_at_ <= step.now.mono;
  for (auto& [id, member] : members_) {
    running += member.attempt ? 1U : 0U;
    if (!member.waits_for_dial() || member.dial_at > step.now.mono) continue;
    if (!member.hearsay())
      due.push_back(&member);
    else if (hearsay_due)
      hearsay.push_back(&member);
  }
  // Who has waited longest goes first: many dead members must not keep a living one waiting.
  std::ranges::sort(due, {}, [](const Member* member) { return std::pair(member->dial_at, member->id); });
  // Each new entry gets its first dial before another one gets its second.
  std::ranges::sort(hearsay, {},
                    [](const Member* member) { return std::tuple(member->attempts, member->dial_at, member->id); });
  for (Member* member : due) {
    if (running >= limits::concurrent_dials) return;
    const Mono at = dial(step, *member);
    if (at > step.now.mono) member->dial_at = at;
    running += member->attempt ? 1U : 0U;
  }
  if (hearsay.empty()) return;
  Mono next = never;
  for (Member* member : hearsay) {
    if (running >= limits::concurrent_dials) return;
    const Mono at = dial(step, *member);
    if (at > step.now.mono) next = std::min(next, at);
    running += member->attempt ? 1U : 0U;
  }
  if (next != never) hearsay_at_ = next;
}

/// Dials the member, now or never; else returns when to ask again.
Mono Mesh::dial(const MeshContext& step, Member& member) {
  DialRequest request{.peer = member.id,
                      .addresses = member.entry->entry.sockets(),
                      .alpn = Alpn::groups,
                      .tries = member.attempts,
                      .moved_to = member.moved_to};
  const auto fail_with = [&](std::string why) {
    member.why = std::move(why);
    retry_later(step, member);
    return step.now.mono;
  };
  const bool nameless = request.addresses.empty();
  const DialPermit permit = step.links.permit(step.now, request);
  member.no_target = permit.at == never || (nameless && request.addresses.empty());
  if (nameless && member.no_target) return fail_with("its entry has no IP address to dial");
  if (permit.at == never) {
    static_cast<void>(fail_with("its entry has no address that may be dialed: " + std::string(permit.why)));
    member.dial_at = step.now.mono + no_target_pause;  // or when a newer entry comes
    return step.now.mono;
  }
  if (permit.at > step.now.mono) return permit.at;
  const auto link = step.links.dial(step.now, request);
  if (!link) return fail_with(link.error().message);
  member.attempt = Attempt{*link, false, step.now.mono + patience(member)};
  links_[*link] = {member.id, Role::attempt};
  return step.now.mono;
}

Nanoseconds Mesh::patience(const Member& member) const {
  if (!member.once_bonded || member.rtt > fast_path)
    return member.attempts % 4 == 3 ? dial_patience_long : dial_patience;
  // The path may have become a slow one. Both ends began to count together: they are not patient in the same moment.
  return (member.attempts + (self_.id() < member.id ? 4 : 0)) % 8 == 7 ? lost_patience_long : lost_patience;
}

void Mesh::drop_attempt(const MeshContext& step, Member& member, CloseCode code) {
  if (!member.attempt) return;
  const LinkId link = member.attempt->link;
  member.attempt.reset();
  links_.erase(link);
  step.links.close(step.now, link, code, CloseMode::at_once);
}

/// Of a lost member. It may be back at any moment; the dead and those lost for long must not cost much all together.
Nanoseconds Mesh::longest_pause(const Member& member, Mono now) const {
  const Nanoseconds lost_for = member.lost_for(now);
  if (member.lost == Lost::proven)
    return lost_for < limits::newly_dead ? limits::retry_most
                                         : std::clamp<Nanoseconds>(lost_for / limits::dead_pause_part,
                                                                   limits::retry_most, limits::lost_pause_most);
  if (lost_for < limits::newly_lost) return limits::retry_most;
  const auto lost =
      std::ranges::count_if(members_, [](const auto& item) { return item.second.once_bonded && !item.second.bond; });
  return std::clamp<Nanoseconds>(lost * limits::lost_pause, limits::retry_most, limits::lost_pause_most);
}

void Mesh::hasten(const MeshContext& step) {
  if (step.now.mono < hastened_at_ + limits::heal_after) return;
  hastened_at_ = step.now.mono;
  for (auto& [id, member] : members_) {
    if (!member.once_bonded || member.busy() || member.wish != DesiredState::wanted || member.lost == Lost::proven)
      continue;
    member.backoff.reset();
    want(step, member, rng_.between(Nanoseconds::zero(), limits::retry_least));
  }
}

void Mesh::retry_later(const MeshContext& step, Member& member) {
  ++member.attempts;
  const bool refused = member.refused_code != 0;
  // 30429 is no opinion about us: it holds a bond with our predecessor, or the other of two crossing ones.
  const bool crossed = member.refused_code == static_cast<std::uint64_t>(CloseCode::already_bonded);
  const bool lost = crossed || (member.once_bonded && !refused);
  const Nanoseconds least = refused ? limits::refused_least : limits::retry_least;
  const Nanoseconds most = lost ? longest_pause(member, step.now.mono) : limits::refused_most;
  // Addresses that did not fit into the tries until now do not wait for their back-off.
  const bool untried = !refused && !member.hearsay() && member.entry &&
                       member.entry->entry.sockets().size() > member.attempts * limits::dial_addresses;
  member.dial_at = step.now.mono + (untried ? rng_.between(50ms, 150ms) : member.backoff.next(least, most, rng_));
  // Hearsay that nobody vouches for any more, and that never answered.
  const auto updated = member.entry ? member.entry->entry.version.updated : 0;
  const bool stale = updated < step.now.wall.milliseconds - limits::stale_after / 1ms;
  const bool lost_for_long = updated < step.now.wall.milliseconds - limits::dial_list_age / 1ms;
  if (stale && (!member.once_bonded || lost_for_long)) member.forget_at = step.now.mono;
  step.events.emplace_back(MeshChanged{});
}

void Mesh::on_synced(const MeshContext& step, const PeerId& peer, bool ok) {
  Member* member = find(peer);
  if (member == nullptr || !member->awaiting_sync) return;
  member->awaiting_sync = false;
  if (!ok) return retry_later(step, *member);
  // The first try after a sync goes at once; a peer that keeps answering 401 is met with growing pauses.
  member->dial_at =
      step.now.mono + (member->attempts <= 1 ? Nanoseconds{} : member->backoff.next(100ms, limits::refused_most, rng_));
}

// ------------------------------------------------------------------------------------------------ verdicts, end, time

void Mesh::on_dead(const MeshContext& step, const PeerId& peer, EndedBy by, std::string_view why) {
  Member* member = find(peer);
  if (member == nullptr || !member->bond) return;
  if (by == EndedBy::presumed) MOSAIK_CODE_PROBE("bonds.presumed_dead");
  member->lost = by == EndedBy::link ? Lost::link : by == EndedBy::presumed ? Lost::presumed : Lost::proven;
  close_bond(step, *member, by, CloseCode::timeout, why);
}

void Mesh::set_suspect(const MeshContext& step, const PeerId& peer, bool suspect) {
  Member* member = find(peer);
  if (member == nullptr || !member->bond || member->bond->suspect == suspect) return;
  member->bond->suspect = suspect;
  step.events.emplace_back(MeshChanged{});
}

void Mesh::probe(const MeshContext& step, const PeerId& peer) {
  Member* member = find(peer);
  if (member != nullptr && member->bond) send_ping(step, *member->bond);
}

void Mesh::leave(const MeshContext& step) {
  if (leaving_) return;
  leaving_ = true;
  left_at_ = step.now.mono + limits::departure_flush + 50ms;
  scratch_.clear();
  wire::encode_departure(scratch_);
  const Frame departure = pool_.make(scratch_);
  for (auto& [id, member] : members_) {
    drop_attempt(step, member, CloseCode::cancelled);
    refuse_held(step, member, CloseCode::group_not_found);
    if (!member.bond) continue;
    // In the class of our last entry, which must be there first: it tells that we have left the group.
    static_cast<void>(step.links.send(member.bond->link, SendClass::catalog, departure));
    step.links.close(step.now, member.bond->link, CloseCode::cancelled, CloseMode::after_flush);
  }
  if (bond_count() == 0) left_at_ = step.now.mono;
}

std::string_view Mesh::sign_of_life(const Member& member) const {
  if (member.bond) return "it lives: it is bonded with this node";
  if (topology_.names(member.id)) return "it lives: another member is bonded with it";
  if (member.lost == Lost::link) return "it lives: other members have heard it, and the link between it and us is down";
  // That we knock is no sign of its life.
  if (!member.held.empty() || (member.attempt && member.attempt->start_sent))
    return "a handshake with it is under way; try again";
  return {};
}

Result<> Mesh::forget(const MeshContext& step, const PeerId& peer) {
  const Member* const member = find(peer);
  if (member == nullptr) return fail(Errc::not_found, "no member " + peer.brief() + " is known in this group");
  if (const std::string_view alive = sign_of_life(*member); !alive.empty())
    return fail(Errc::refused, "member " + peer.brief() + " is not forgotten: " + std::string(alive));
  const std::int64_t incarnation = member->entry ? member->entry->entry.version.started : 0;
  std::vector<std::uint8_t> value;
  postcard::Writer(value).id(peer).zigzag(incarnation);
  for (auto& [id, other] : members_)
    if (other.bond && other.bond->capabilities.can(Capability::forget))
      static_cast<void>(tell(step, id, {wire::ExtensionTag::forget, value}));
  drop_forgotten(step, *member, incarnation);
  return {};
}

void Mesh::on_forget(const MeshContext& step, BytesView value) {
  postcard::Reader reader(value);
  const PeerId peer = reader.id<PeerId>();
  const std::int64_t incarnation = reader.zigzag();
  const Member* const member = reader.ok() ? find(peer) : nullptr;
  if (member == nullptr || !member->entry) return;
  // A word about a run that we have not heard of counts for the one that we have.
  const std::int64_t known = member->entry->entry.version.started;
  if (known <= incarnation && sign_of_life(*member).empty()) drop_forgotten(step, *member, known);
}

void Mesh::drop_forgotten(const MeshContext& step, const Member& member, std::int64_t incarnation) {
  const PeerId peer = member.id;
  drop_attempt(step, *find(peer), CloseCode::cancelled);
  forgotten_.add(step.now, peer, incarnation);
  members_.erase(peer);
  step.events.emplace_back(ForgottenMember{peer});
  step.events.emplace_back(MeshChanged{});
}

void Mesh::forget_due(const MeshContext& step) {
  const auto before = members_.size();
  std::erase_if(members_,
                [&](const auto& item) { return item.second.forget_at <= step.now.mono && !item.second.busy(); });
  if (members_.size() != before) step.events.emplace_back(MeshChanged{});
}

void Mesh::forget_surplus() {
  std::vector<std::pair<Nanoseconds, PeerId>> lost;
  for (const auto& [id, member] : members_)
    if (member.once_bonded && member.wish == DesiredState::wanted && !member.busy())
      lost.emplace_back(member.bonded_for, id);
  if (lost.size() <= limits::peer_cache) return;
  const auto surplus = static_cast<std::ptrdiff_t>(lost.size() - limits::peer_cache);
  std::ranges::nth_element(lost, lost.begin() + surplus);
  for (const auto& [time, id] : std::span(lost).first(static_cast<std::size_t>(surplus))) members_.erase(id);
}

void Mesh::make_room(Word word) {
  if (members_.size() < limits::mesh_peers) return;
  // One that an entry alone names waits until all others were dialed once. Who has proven the key gets a place also
  // from those whom members have merely named.
  const std::uint64_t least_attempts = word == Word::hearsay ? 1 : 0;
  const auto may_go = [&](const Member& member) {
    if (member.busy() || member.once_bonded) return false;
    return member.vouched ? word == Word::proven : member.attempts >= least_attempts;
  };
  const auto worth = [](const Member& member) { return std::pair(member.vouched, ~member.attempts); };
  auto worst = members_.end();
  for (auto at = members_.begin(); at != members_.end(); ++at)
    if (may_go(at->second) && (worst == members_.end() || worth(at->second) < worth(worst->second))) worst = at;
  if (worst != members_.end()) members_.erase(worst);
}

void Mesh::on_timer(const MeshContext& step) {
  if (leaving_) {
    if (step.now.mono < left_at_) return;
    for (auto& [id, member] : members_)
      if (member.bond) close_bond(step, member, EndedBy::us, CloseCode::cancelled, "left the group");
    left_at_ = never;
    step.events.emplace_back(MeshLeft{});
    return;
  }
  for (auto& [id, member] : members_) {
    if (member.attempt && step.now.mono >= member.attempt->deadline) {
      MOSAIK_CODE_PROBE("bonds.dial_timed_out");
      member.why = member.attempt->start_sent ? "it did not answer the handshake" : "it did not answer at its address";
      member.refused_code = 0;
      drop_attempt(step, member, member.attempt->start_sent ? CloseCode::timeout : CloseCode::cancelled);
      answer_held(step, member);
      if (!member.busy()) retry_later(step, member);
    }
    if (!member.bond) continue;
    const bool tick = member.bond->heartbeat.on_time(step.now, pulse_);
    if (member.bond->heartbeat.alert()) {
      MOSAIK_CODE_PROBE("bonds.heartbeat_alert");
      close_bond(step, member, EndedBy::presumed, CloseCode::timeout, "heartbeats missed");
      continue;
    }
    if (!tick) continue;
    if (const auto stats = step.links.stats(member.bond->link)) member.rtt = stats->smoothed_rtt;
    send_ping(step, *member.bond);
    step.events.emplace_back(Asked{id, member.bond->link});
  }
  learn_kept_lists(step);
  if (step.now.mono >= row_due_) broadcast_row(step);
  if (topology_.next_change(looked_at_) <= step.now.mono) step.events.emplace_back(MeshChanged{});
  if (!company_told_ && !settling(step.now)) {
    company_told_ = true;
    step.events.emplace_back(MeshChanged{});
  }
  looked_at_ = step.now;
  forget_due(step);
  dial_due(step);
}

Mono Mesh::next_deadline() const {
  if (leaving_) return left_at_;
  Mono next = std::min({row_due_, topology_.next_change(looked_at_), lists_.next_deadline()});
  if (!company_told_) next = std::min(next, company_since_ + limits::first_company);
  std::size_t running = 0;
  Mono dial_at = never;
  for (const auto& [id, member] : members_) {
    if (!member.busy()) next = std::min(next, member.forget_at);
    if (member.attempt) {
      ++running;
      next = std::min(next, member.attempt->deadline);
    }
    if (member.bond) next = std::min(next, member.bond->heartbeat.tick());
    if (member.waits_for_dial())
      dial_at = std::min(dial_at, member.hearsay() ? std::max(member.dial_at, hearsay_at_) : member.dial_at);
  }
  return running < limits::concurrent_dials ? std::min(next, dial_at) : next;
}

}  // namespace mosaik::bonds
