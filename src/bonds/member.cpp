#include "bonds/member.hpp"

#include "base/assert.hpp"

namespace mosaik::bonds {

void Member::check_invariants() const {
  life.check_invariants();
  // Every dial and every line of status goes by the entry; it must be the member's own.
  MOSAIK_ASSERT(entry && entry->id() == id);
  // A loss is the end of a bond: a stranger must not be dialed as one that is lost.
  MOSAIK_ASSERT(life.was_bonded() || history.loss == LossReason::none);
  if (const LiveBond* const bond = life.bond()) {
    // Others hear of this bond by its entry.
    MOSAIK_ASSERT(bond->entry->id() == id);
    // A bond ends all that was said of the time before: or status would explain a bonded member's absence, the next
    // handshake would name a session that was not lost, and a bonded member would leave the list.
    MOSAIK_ASSERT(plan.attempts == 0 && plan.refused_code == 0 && plan.why.empty());
    MOSAIK_ASSERT(history.loss == LossReason::none && !history.session && !history.moved_to);
    MOSAIK_ASSERT(forget_at == never);
  }
}

}  // namespace mosaik::bonds
