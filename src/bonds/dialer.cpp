#include "bonds/dialer.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/trace.hpp"

namespace mosaik::bonds {

namespace {
/// The higher id leaves the first dial of a C++ pair to the lower one for this long.
constexpr Nanoseconds courtesy_least = 120ms;
constexpr Nanoseconds courtesy_most = 240ms;
/// A dial is given up after this, so that a healed path is found by a fresh one and not by QUIC's back-off;
/// every fourth try waits longer, for paths that are slow rather than broken.
constexpr Nanoseconds dial_patience = 1s;
constexpr Nanoseconds dial_patience_long = 4s;
/// For a member that was bonded over a fast path: the shorter a try, the sooner one begins after the heal. QUIC repeats
/// its first packet after 300 ms, and next after 900 ms.
constexpr Nanoseconds lost_patience = 500ms;
constexpr Nanoseconds lost_patience_long = 2s;
constexpr Nanoseconds fast_path = 100ms;
/// Until an entry without an address that may be dialed is looked at again.
constexpr Nanoseconds no_target_pause = 60s;
}  // namespace

void Dialer::want(const Now& now, Member& member) {
  want_at(now, member, {});
}

void Dialer::want_soon(const Now& now, Member& member) {
  want_at(now, member, rng_.between(Nanoseconds::zero(), limits::retry_least));
}

void Dialer::want_at(const Now& now, Member& member, Nanoseconds pause) {
  if (member.life.busy()) return;
  const bool first = member.plan.attempts == 0 && !member.life.was_bonded();
  const bool courtesy =
      first && courtesy_ == Courtesy::lower_id_first && self_ > member.id && member.entry->labelled_cpp();
  const Mono at = now.mono + (courtesy ? rng_.between(courtesy_least, courtesy_most) : pause);
  // Known for the first time: at once, or after the courtesy. After that news may only bring the dial forward.
  member.plan.at = member.plan.at == Mono{} ? at : std::min(member.plan.at, at);
}

void Dialer::run(const MeshContext& context) {
  const Mono now = context.now.mono;
  std::size_t running = members_.times().attempts();
  const auto try_dial = [&](Member& member) {
    const Mono again = dial(context, member);
    running += member.life.attempt() != nullptr ? 1U : 0U;
    return again;
  };
  const std::vector<PeerId> due = members_.take_dials(now);
  std::vector<PeerId> unverified;
  if (unverified_at_ <= now) unverified = members_.take_unverified_dials(now);
  for (const PeerId& peer : due) {
    if (running >= limits::concurrent_dials) return;
    Member& member = *members_.find(peer);
    const Mono again = try_dial(member);
    if (again > now) member.plan.at = again;
  }
  // Each new entry gets its first dial before another one gets its second.
  std::vector<std::pair<std::uint64_t, std::size_t>> order;  // attempts so far, then as they are due
  for (std::size_t i = 0; i < unverified.size(); ++i)
    order.emplace_back(members_.find(unverified[i])->plan.attempts, i);
  std::ranges::sort(order);
  Mono next = never;
  for (const auto& [attempts, i] : order) {
    if (running >= limits::concurrent_dials) return;
    const Mono again = try_dial(*members_.find(unverified[i]));
    if (again > now) next = std::min(next, again);
  }
  if (next != never) unverified_at_ = next;
}

Mono Dialer::next_deadline() const {
  const MemberSchedule& times = members_.times();
  if (times.attempts() >= limits::concurrent_dials) return never;
  return std::min(times.next_dial(), std::max(times.next_unverified_dial(), unverified_at_));
}

Mono Dialer::dial(const MeshContext& context, Member& member) {
  const Mono now = context.now.mono;
  // A member that said goodbye must not be dialed: it would be bonded again against its will.
  MOSAIK_ASSERT(member.life.may_be_dialed());
  DialRequest request{.peer = member.id,
                      .addresses = member.entry->entry.sockets(),
                      .alpn = Alpn::groups,
                      .tries = member.plan.attempts,
                      .moved_to = member.history.moved_to};
  const auto fail_with = [&](std::string why) {
    member.plan.why = std::move(why);
    after_failure(context, member);
    return now;
  };
  const bool nameless = request.addresses.empty();
  const DialPermit permit = context.links.permit(context.now, request);
  member.plan.no_target = permit.at == never || (nameless && request.addresses.empty());
  if (nameless && member.plan.no_target) return fail_with("its entry has no IP address to dial");
  if (permit.at == never) {
    static_cast<void>(fail_with("its entry has no address that may be dialed: " + std::string(permit.why)));
    member.plan.at = now + no_target_pause;  // or when a newer entry comes
    return now;
  }
  if (permit.at > now) return permit.at;
  const auto link = context.links.dial(context.now, request);
  if (!link) return fail_with(link.error().message);
  member.life.begin_dial(*link, now + patience(member));
  members_.assign(*link, member.id, LinkRole::attempt);
  return now;
}

Nanoseconds Dialer::patience(const Member& member) const {
  const std::uint64_t attempts = member.plan.attempts;
  if (!member.life.was_bonded() || member.history.rtt > fast_path)
    return attempts % 4 == 3 ? dial_patience_long : dial_patience;
  // The path may have become a slow one. Both ends began to count together: they are not patient in the same moment.
  return (attempts + (self_ < member.id ? 4 : 0)) % 8 == 7 ? lost_patience_long : lost_patience;
}

/// Of a lost member. It may be back at any moment; the dead and those lost for long must not cost much all together.
Nanoseconds Dialer::longest_pause(const Member& member, Mono now) const {
  const Nanoseconds lost_for = member.lost_for(now);
  if (member.history.loss == LossReason::proven)
    return lost_for < limits::newly_dead ? limits::retry_most
                                         : std::clamp<Nanoseconds>(lost_for / limits::dead_pause_part,
                                                                   limits::retry_most, limits::lost_pause_most);
  if (lost_for < limits::newly_lost) return limits::retry_most;
  std::int64_t lost = 0;
  members_.for_each([&](const Member& each) {
    if (each.life.was_bonded() && each.life.bond() == nullptr) ++lost;
  });
  return std::clamp<Nanoseconds>(lost * limits::lost_pause, limits::retry_most, limits::lost_pause_most);
}

void Dialer::hasten(const Now& now) {
  if (now.mono < hastened_at_ + limits::heal_after) return;
  hastened_at_ = now.mono;
  const auto may_be_back = [](const Member& member) {
    return member.life.was_bonded() && !member.life.busy() && member.life.wanted() &&
           member.history.loss != LossReason::proven;
  };
  for (const PeerId& peer : members_.select(may_be_back)) {
    Member& member = *members_.find(peer);
    member.plan.backoff.reset();
    want_soon(now, member);
  }
}

void Dialer::after_loss(const Now& now, Member& member) {
  // The first try goes soon, apart from the other end's: both lose the bond in the same moment.
  member.plan.backoff.reset();
  member.plan.at = now.mono + member.plan.backoff.next(limits::retry_least, limits::retry_most, rng_);
}

void Dialer::after_failure(const MeshContext& context, Member& member) {
  const Now& now = context.now;
  DialPlan& plan = member.plan;
  ++plan.attempts;
  const bool refused = plan.refused_code != 0;
  // 30429 is no opinion about us: the peer holds a bond with our predecessor, or the other of two crossing ones.
  const bool crossed = plan.refused_code == static_cast<std::uint64_t>(CloseCode::already_bonded);
  const bool lost = crossed || (member.life.was_bonded() && !refused);
  const Nanoseconds least = refused ? limits::refused_least : limits::retry_least;
  const Nanoseconds most = lost ? longest_pause(member, now.mono) : limits::refused_most;
  // Addresses that did not fit into the tries until now do not wait for their back-off.
  const bool untried =
      !refused && !member.unverified() && member.entry->entry.sockets().size() > plan.attempts * limits::dial_addresses;
  plan.at = now.mono + (untried ? rng_.between(50ms, 150ms) : plan.backoff.next(least, most, rng_));
  trace([&] {
    return Decision{.component = "bonds",
                    .what = "dial_again_later",
                    .reason = plan.why,
                    .peer = member.id,
                    .fields = {{{"pause_ms", (plan.at - now.mono) / 1ms},
                                {"attempts", static_cast<std::int64_t>(plan.attempts)},
                                {"code", static_cast<std::int64_t>(plan.refused_code)}}}};
  });
  // An unverified member that nobody vouches for any more, and that never answered, leaves.
  const auto updated = member.entry->entry.version.updated;
  const bool stale = updated < now.wall.milliseconds - limits::stale_after / 1ms;
  const bool lost_for_long = updated < now.wall.milliseconds - limits::dial_list_age / 1ms;
  if (stale && (!member.life.was_bonded() || lost_for_long)) member.forget_at = now.mono;
  context.events.emplace_back(MeshChanged{});
}

void Dialer::after_sync(const Now& now, Member& member) {
  // The first try after a sync goes at once; a peer that keeps answering 401 is met with growing pauses.
  DialPlan& plan = member.plan;
  plan.at = now.mono + (plan.attempts <= 1 ? Nanoseconds{} : plan.backoff.next(100ms, limits::refused_most, rng_));
}

}  // namespace mosaik::bonds
