#pragma once
/// Dialer: when a member is dialed, and when it is dialed again.
///
///  * A member that is heard of for the first time is dialed at once. The higher id of two C++ nodes leaves that to the
///    lower one for a moment (courtesy), so that most pairs need one connection.
///  * A lost member is dialed again after 250 ms to 750 ms, jittered; one whose death is proven, and those lost for
///  long,
///    at growing pauses that cost little all together. News of it brings the dial forward, never back.
///  * A refused dial waits for seconds. A departed member is not dialed (lifecycle.hpp).
///  * Members of which nothing but their own entry speaks share a small budget (node/dial_scheduler.hpp).
///
/// At most limits::concurrent_dials attempts run at a time. Those that have waited longest go first: many dead members
/// must not keep a living one waiting.

#include "base/random.hpp"
#include "bonds/members.hpp"

namespace mosaik::bonds {

/// Whether the first dial of a C++ pair is left to the lower id for a moment.
enum class Courtesy : std::uint8_t { lower_id_first, none };

class Dialer {
 public:
  /// `members` outlives this.
  Dialer(const PeerId& self, Courtesy courtesy, Members& members, Rng rng)
      : self_(self), courtesy_(courtesy), members_(members), rng_(rng) {}

  /// The member is worth a dial at once. Nothing happens while a link connects us.
  void want(const Now& now, Member& member);
  /// The same, at a moment that is drawn, within limits::retry_least.
  void want_soon(const Now& now, Member& member);
  /// Its bond has ended.
  void after_loss(const Now& now, Member& member);
  /// The attempt, or the sync before it, has failed.
  void after_failure(const MeshContext& context, Member& member);
  void after_sync(const Now& now, Member& member);
  /// The way to the others may be there again: lost members that are not proven dead are dialed soon.
  void hasten(const Now& now);
  /// Starts the dials that are due.
  void run(const MeshContext& context);
  [[nodiscard]] Mono next_deadline() const;

 private:
  void want_at(const Now& now, Member& member, Nanoseconds pause);
  /// Dials the member, now or never; else returns when to ask again.
  [[nodiscard]] Mono dial(const MeshContext& context, Member& member);
  [[nodiscard]] Nanoseconds patience(const Member& member) const;
  [[nodiscard]] Nanoseconds longest_pause(const Member& member, Mono now) const;

  PeerId self_;
  Courtesy courtesy_;
  Members& members_;
  Rng rng_;
  Mono hastened_at_{};    ///< the last time that all lost members were dialed soon
  Mono unverified_at_{};  ///< no dial of an unverified member before
};

}  // namespace mosaik::bonds
