#pragma once
/// Members: the peers that may be members of the group, the links that connect us with them, and their deadlines.
///
/// It decides who is remembered. limits::mesh_peers bounds the table: an entry of which nobody but itself speaks takes
/// the place of one that was dialed in vain only; an attested one takes the place of an unverified one.
///
/// Deadlines stand in timer heaps. `find` and `change` mark the member, and marked members are timed anew when a
/// deadline is asked for: a step costs as much as it changes, not as much as the mesh is large.

#include <map>
#include <vector>

#include "base/timer_heap.hpp"
#include "bonds/forgotten.hpp"
#include "bonds/member.hpp"
#include "bonds/mesh_context.hpp"
#include "bonds/topology.hpp"

namespace mosaik::bonds {

/// The timers of one member.
struct MemberTimers {
  explicit MemberTimers(const PeerId& member) : deadline(member), dial(member), unverified_dial(member) {}
  Timer<PeerId> deadline;  ///< of its attempt, of its heartbeat, or of its stay in the table
  Timer<PeerId> dial;      ///< set while it may be dialed; one of the two
  Timer<PeerId> unverified_dial;
  bool attempting = false;  ///< it is counted among those with an attempt
};

/// The timers of all members, and how many of them have an attempt: a cache of what the members say.
class MemberSchedule {
 public:
  void set(MemberTimers& timers, const Member& member);
  void cancel(MemberTimers& timers);
  [[nodiscard]] Mono next_deadline() const noexcept { return deadlines_.next(); }
  [[nodiscard]] Mono next_dial() const noexcept { return dials_.next(); }
  [[nodiscard]] Mono next_unverified_dial() const noexcept { return unverified_dials_.next(); }
  [[nodiscard]] std::size_t attempts() const noexcept { return attempts_; }
  /// Those that are due leave their heap, the nearest first.
  [[nodiscard]] std::vector<PeerId> take_deadlines(Mono now) { return take(deadlines_, now); }
  [[nodiscard]] std::vector<PeerId> take_dials(Mono now) { return take(dials_, now); }
  [[nodiscard]] std::vector<PeerId> take_unverified_dials(Mono now) { return take(unverified_dials_, now); }

 private:
  [[nodiscard]] static std::vector<PeerId> take(TimerHeap<PeerId>& heap, Mono now);
  TimerHeap<PeerId> deadlines_;
  TimerHeap<PeerId> dials_;
  TimerHeap<PeerId> unverified_dials_;
  std::size_t attempts_ = 0;
};

/// Who says that a peer is a member: its entry alone, a member, or its own proof of the key.
enum class Voucher : std::uint8_t { itself, member, proof };

/// What a link is to the mesh.
enum class LinkRole : std::uint8_t { attempt, held, bond };

struct LinkOwner {
  PeerId peer;
  LinkRole role{};
};

class Members {
 public:
  /// `topology` outlives this.
  Members(const PeerId& self, const NetworkId& network, const Topology& topology)
      : self_(self), network_(network), topology_(topology) {}
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  /// Keeps the newest entry of a member; null for one that is no member: ourselves, another network, a clock beyond the
  /// drift, a run that an operator had forgotten, or no room.
  Member* learn(const MeshContext& context, const identity::EntryRef& entry, Voucher voucher);
  [[nodiscard]] Member* find(const PeerId& peer);
  [[nodiscard]] const Member* find(const PeerId& peer) const;
  void erase(const PeerId& peer);
  /// An operator had this run forgotten: nothing that was said of it before brings it back.
  void forget(const Now& now, const PeerId& peer, std::int64_t incarnation);
  /// Those whose time is over leave. True when there were any.
  bool forget_due(Mono now);
  /// Of those that were bonded with us and are lost, the ones bonded for the shortest time leave beyond
  /// limits::dial_list: an identity that came for a moment pushes out none that was here for long.
  void forget_surplus();

  void assign(LinkId link, const PeerId& peer, LinkRole role) { links_[link] = {peer, role}; }
  void release(LinkId link) { links_.erase(link); }
  /// Null for a link that is not ours.
  [[nodiscard]] const LinkOwner* owner(LinkId link) const;
  /// Another connection of a dial than its first one has opened.
  void rename(LinkId dial, LinkId winner);

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  /// Calls for each member, ascending.
  template <class F>
  void for_each(F&& call) const {
    for (const auto& [id, slot] : slots_) call(slot.member);
  }
  /// The same; no deadline may change by it.
  template <class F>
  void for_each_bond(F&& call) {
    for (auto& [id, slot] : slots_)
      if (LiveBond* const bond = slot.member.life.bond()) call(slot.member.id, *bond);
  }
  template <class F>
  [[nodiscard]] std::vector<PeerId> select(F&& wanted) const {
    std::vector<PeerId> out;
    for (const auto& [id, slot] : slots_)
      if (wanted(slot.member)) out.push_back(id);
    return out;
  }

  /// Members whose attempt, heartbeat or place has reached its time, ascending.
  [[nodiscard]] std::vector<PeerId> take_due(Mono now);
  /// Members to be dialed, those that have waited longest first.
  [[nodiscard]] std::vector<PeerId> take_dials(Mono now);
  [[nodiscard]] std::vector<PeerId> take_unverified_dials(Mono now);
  /// The schedule as of now.
  [[nodiscard]] const MemberSchedule& times() const { return schedule(); }

  void check_invariants() const;

 private:
  struct Slot {
    Member member;
    mutable MemberTimers timers;
    mutable bool marked = false;
  };
  void make_room(Voucher voucher);
  void mark(const Slot& slot) const;
  /// They have left the schedule, and come back as they are then.
  [[nodiscard]] std::vector<PeerId> mark(std::vector<PeerId> taken) const;
  /// Times the marked members anew.
  [[nodiscard]] MemberSchedule& schedule() const;

  PeerId self_;
  NetworkId network_;
  const Topology& topology_;
  std::map<PeerId, Slot> slots_;
  std::map<LinkId, LinkOwner> links_;
  Forgotten forgotten_;
  mutable MemberSchedule schedule_;
  mutable std::vector<PeerId> marked_;  ///< since the schedule was last asked for
};

}  // namespace mosaik::bonds
