#include "runtime/memberships.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace mosaik::runtime {
namespace {

/// Another member that has all that is committed, or may come to have it.
bool may_catch_up(const MemberStatus& member) noexcept {
  return member.state != MemberState::self && member.state != MemberState::departed &&
         member.state != MemberState::refused;
}

}  // namespace

void Memberships::on_joined(const GroupId& group, Joined done) {
  joined_.insert(group);
  joining_.push_back({group, std::move(done)});
}

void Memberships::on_published(std::shared_ptr<const NodeStatus> status) {
  published_ = std::move(status);
  std::erase_if(joining_, [&](Join& join) {
    const auto& groups = published_->groups;
    if (std::ranges::find(groups, join.group, &GroupStatus::id) == groups.end()) return false;
    join.done(join.group);
    return true;
  });
}

void Memberships::on_left(const GroupId& group) {
  joined_.erase(group);
  const auto [first, last] = leaving_.equal_range(group);
  for (auto at = first; at != last; ++at) run_(std::move(at->second));
  leaving_.erase(first, last);
  check_invariants();
  if (!joined_.empty()) return;
  for (Task& task : std::exchange(when_all_left_, {})) run_(std::move(task));
}

void Memberships::leave(const Now& now, const GroupId& group, Task done) {
  if (!joined_.contains(group)) return run_(std::move(done));
  leaving_.emplace(group, std::move(done));
  node_.leave(now, group);
}

void Memberships::leave_all(const Now& now, Task done) {
  if (joined_.empty()) return run_(std::move(done));
  when_all_left_.push_back(std::move(done));
  for (const GroupId& group : joined_) node_.leave(now, group);
}

void Memberships::leave_all_when_covered(const Now& now, Nanoseconds wait, Task done) {
  const std::uint64_t entries = uncovered();
  if (entries == 0 || wait <= 0ns) return leave_all(now, std::move(done));
  parting_.push_back({later(now.mono, wait), std::move(done)});
  node_.warn(now, "waits with leaving, " + std::to_string(wait / 1ms) + " ms at most, until another member has all " +
                      std::to_string(entries) + " committed entries");
}

// A leader counts who has acknowledged; of a follower's entries its leader has all that are committed.
std::uint64_t Memberships::uncovered(const GroupId& group) const {
  const auto consensus = node_.consensus(group);
  if (!consensus || consensus->role == MemberRole::stopped || consensus->in_step > 0 || !published_) return 0;
  const auto found = std::ranges::find(published_->groups, group, &GroupStatus::id);
  if (found == published_->groups.end() || std::ranges::none_of(found->members, may_catch_up)) return 0;
  return consensus->committed.value;
}

std::uint64_t Memberships::uncovered() const {
  std::uint64_t out = 0;
  for (const GroupId& group : joined_) out += uncovered(group);
  return out;
}

bool Memberships::leave_if_covered(const Now& now) {
  if (parting_.empty()) return false;
  const std::uint64_t entries = uncovered();
  bool out = false;
  for (auto at = parting_.begin(); at != parting_.end();) {
    if (entries > 0 && now.mono < at->until) {
      ++at;
      continue;
    }
    node_.warn(now, entries == 0 ? "leaves now: another member has all that is committed, or none is left"
                                 : "leaves though no other member has all " + std::to_string(entries) +
                                       " committed entries: those that this member alone has are lost");
    leave_all(now, std::move(at->done));
    at = parting_.erase(at);
    out = true;
  }
  return out;
}

Mono Memberships::next_deadline() const noexcept {
  Mono out = never;
  for (const Parting& parting : parting_) out = std::min(out, parting.until);
  return out;
}

void Memberships::end() {
  for (auto& [group, done] : std::exchange(leaving_, {})) run_(std::move(done));
  for (Task& done : std::exchange(when_all_left_, {})) run_(std::move(done));
  for (Parting& parting : std::exchange(parting_, {})) run_(std::move(parting.done));
  for (Join& join : std::exchange(joining_, {})) join.done(fail(Errc::closed, "the network is closed"));
}

void Memberships::check_invariants() const {
  // Who waits for the end of a membership is told at its end, which comes once.
  for (const auto& [group, done] : leaving_) MOSAIK_ASSERT(joined_.contains(group));
}

}  // namespace mosaik::runtime
