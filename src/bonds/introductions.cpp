#include "bonds/introductions.hpp"

#include <utility>

#include "base/assert.hpp"

namespace mosaik::bonds {

void Introductions::take(const MeshContext& context, const PeerId& from, ListIntake::Read list) {
  lists_.keep(from, std::move(list.rest));
  learn(context, from, list.entries);
}

void Introductions::learn(const MeshContext& context, const PeerId& from, std::span<const identity::EntryRef> entries) {
  for (const identity::EntryRef& entry : entries) {
    context.events.emplace_back(EntryHeard{entry});
    if (topology_.on_report(from, entry->id())) context.events.emplace_back(MeshChanged{});
    const Member* const known = std::as_const(members_).find(entry->id());
    const bool news = known == nullptr || known->is_news(entry);
    Member* const member = members_.learn(context, entry, Voucher::member);
    // That others know it is no reason to ask again soon a member that has refused us.
    if (member != nullptr && member->life.wanted() && (news || member->plan.refused_code == 0))
      dialer_.want(context.now, *member);
  }
}

void Introductions::vouch(const MeshContext& context, const std::set<PeerId>& peers) {
  for (const PeerId& peer : peers) {
    Member* const member = members_.find(peer);
    if (member == nullptr || std::exchange(member->evidence.vouched, true)) continue;
    context.events.emplace_back(MeshChanged{});
    if (member->life.wanted() && member->plan.refused_code == 0) dialer_.want(context.now, *member);
  }
}

void Introductions::check_invariants() const {
  lists_.check_invariants();
  for (const PeerId& from : lists_.kept_of()) {
    // A list speaks for a bonded peer: what another one has left behind would be learned on nobody's word.
    const Member* const member = std::as_const(members_).find(from);
    MOSAIK_ASSERT(member != nullptr && member->life.bond() != nullptr);
  }
}

}  // namespace mosaik::bonds
