// What a mesh shows to people: members, bonds, and why something is missing.

#include <algorithm>
#include <iterator>
#include <ranges>
#include <tuple>

#include "base/limits.hpp"
#include "bonds/view.hpp"
#include "crypto/group_key.hpp"

namespace mosaik::bonds {

namespace {
/// The entry inside a counted SignedEntry, kept alive by it.
std::shared_ptr<const PeerEntry> share(const identity::EntryRef& entry) {
  auto hold = std::make_shared<identity::EntryRef>(entry);
  return {hold, &(*hold)->entry};
}

MemberState state_of(const Member& member) {
  if (const LiveBond* const bond = member.life.bond())
    return bond->suspect ? MemberState::suspect : MemberState::bonded;
  if (member.life.desired() == DesiredState::departed) return MemberState::departed;
  if (member.life.desired() == DesiredState::stranger) return MemberState::refused;
  const auto refused = static_cast<CloseCode>(member.plan.refused_code);
  if (refused == CloseCode::invalid_proof || refused == CloseCode::different_network ||
      refused == CloseCode::not_allowed)
    return MemberState::refused;
  switch (member.history.loss) {
    case LossReason::none: return MemberState::missing;
    case LossReason::proven:
    case LossReason::presumed: return MemberState::dead;
    case LossReason::link: return MemberState::unreachable;
  }
  return MemberState::missing;
}

MemberStatus view_of(const identity::Self& self) {
  MemberStatus out;
  out.id = self.id();
  out.state = MemberState::self;
  out.protocol = self.entry()->entry.protocol;
  out.addresses = self.entry()->entry.sockets();
  return out;
}

Bond::Own view_of(const Now& now, const LiveBond& bond, const Links& links) {
  Bond::Own out;
  out.peer = Peer(share(bond.entry));
  out.session = bond.session;
  out.age = now.mono - bond.since;
  out.opened_by_us = bond.side == Side::initiator;
  out.suspect = bond.suspect;
  if (const auto stats = links.stats(bond.link)) {
    out.rtt = stats->smoothed_rtt;
    out.remote = stats->remote;
  }
  return out;
}

MemberStatus view_of(const Now& now, const Member& member) {
  MemberStatus out;
  out.id = member.id;
  out.state = state_of(member);
  out.protocol = member.entry->entry.protocol;
  out.addresses = member.entry->entry.sockets();
  out.attempts = member.plan.attempts;
  if (const LiveBond* const bond = member.life.bond())
    out.silent_for = now.mono - bond->heartbeat.last_received();
  else
    out.why = member.plan.why;
  return out;
}

/// A member that counts: bonds of it are missed when they are not there.
struct Known {
  PeerId id;
  bool heard = false;  ///< its bonds are heard of from itself
};

auto ends_of(const Bond& bond) {
  return std::tie(bond.a(), bond.b());
}

/// Both ascending: our own bonds are, in the order of the other ends. Of one and the same pair the own bond stays.
std::vector<Bond> merge(std::vector<Bond> own, std::vector<Bond> others) {
  std::vector<Bond> out;
  out.reserve(own.size() + others.size());
  std::ranges::merge(std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()),
                     std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()),
                     std::back_inserter(out), [](const Bond& x, const Bond& y) { return ends_of(x) < ends_of(y); });
  const auto repeated = std::ranges::unique(out, {}, ends_of);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

/// The pairs of known members that are not in `bonds`; of two members whom we both do not hear nothing can be said.
/// Both lists ascending.
void add_missing(const std::vector<Known>& known, const std::vector<Bond>& bonds, std::vector<Bonds::Pair>& missing) {
  auto bond = bonds.begin();
  for (auto one = known.begin(); one != known.end(); ++one) {
    for (auto other = std::next(one); other != known.end(); ++other) {
      const auto ends = std::tie(one->id, other->id);
      while (bond != bonds.end() && ends_of(*bond) < ends) ++bond;
      const bool there = bond != bonds.end() && ends_of(*bond) == ends;
      if (!there && (one->heard || other->heard)) missing.emplace_back(one->id, other->id);
    }
  }
}

/// Known, wanted, and not bonded, for whatever reason.
bool is_missing(MemberState state) {
  return state == MemberState::missing || state == MemberState::dead || state == MemberState::unreachable;
}

std::string why_missing(const Member& member, MemberState state) {
  const std::string name = "member " + member.id.brief();
  const std::string why = member.plan.why.empty() ? "it is being dialed" : member.plan.why;
  if (state == MemberState::dead && member.history.loss == LossReason::proven)
    return name + " is dead, which is proven: " + why +
           "; start it again, or have it forgotten if it will not come back (mosaik forget)";
  if (state == MemberState::dead) return name + " is dead, as its silence to all makes us presume: " + why;
  if (state == MemberState::unreachable)
    return name + " lives, others hear it, but the link between it and us is down: " + why;
  return name + " is not bonded: " + why;
}
constexpr std::size_t most_cuts_in_words = 8;
constexpr std::size_t most_unattested_in_words = 8;
}  // namespace

// Two members that both have a bond with us and none with one another: both live, and the link between them does not.
void MeshView::explain_cuts(const std::vector<Bonds::Pair>& missing, std::vector<std::string>& reasons) const {
  std::size_t cuts = 0;
  for (const Bonds::Pair& pair : missing) {
    if (!own_row().contains(pair.first) || !own_row().contains(pair.second)) continue;
    if (++cuts <= most_cuts_in_words)
      reasons.push_back("members " + pair.first.brief() + " and " + pair.second.brief() +
                        " are bonded with us and not with one another: the link between them is down, or just forming");
  }
  if (cuts > most_cuts_in_words)
    reasons.push_back("and " + std::to_string(cuts - most_cuts_in_words) + " more such pairs");
}

// Nobody may make a status unreadable by entries: of those that nothing else speaks for, a few are shown.
void MeshView::show_unattested(std::vector<const Member*> unattested, const Now& now, GroupStatus& out) const {
  out.unattested_count = unattested.size();
  std::ranges::sort(unattested, {}, [](const Member* member) { return std::pair(!member->evidence.met, member->id); });
  for (const Member* member : unattested | std::views::take(limits::unattested_shown))
    out.unattested.push_back(view_of(now, *member));
  // To a node that is alone they may be all that it has to go by.
  if (!own_row().empty()) return;
  std::size_t in_words = 0;
  for (const Member* member : unattested)
    if (is_missing(state_of(*member)) && ++in_words <= most_unattested_in_words)
      out.reasons.push_back(why_missing(*member, MemberState::missing));
  if (in_words > most_unattested_in_words)
    out.reasons.push_back("and " + std::to_string(in_words - most_unattested_in_words) +
                          " more peers say that they are members, for whom no member speaks");
}

const BondId& BondNames::of(const PeerId& x, const PeerId& y) const {
  const Bonds::Pair ends = x < y ? Bonds::Pair(x, y) : Bonds::Pair(y, x);
  auto found = names_.find(ends);
  if (found == names_.end()) {
    if (names_.size() >= limits::bond_names) names_.clear();
    found = names_.emplace(ends, crypto::make_bond_id(key_, group_, ends.first, ends.second)).first;
  }
  return found->second;
}

GroupStatus MeshView::status(const Now& now, const Links& links, bool settling) const {
  const PeerId& self = environment_.self.id();
  GroupStatus out;
  out.id = environment_.config.group;
  out.members.push_back(view_of(environment_.self));
  bool complete = true;  // we have a bond with everyone
  bool awaited = false;  // somebody may be a member, and was not dialed yet
  std::vector<const Member*> unattested;
  bool one_sided = false;

  std::vector<Bond> own_bonds;
  std::vector<Known> known{{self, true}};
  members_.for_each([&](const Member& member) {
    if (!member.attested()) {
      awaited = awaited || (member.life.wanted() && member.plan.attempts == 0);
      return unattested.push_back(&member);
    }
    MemberStatus status = view_of(now, member);
    const LiveBond* const bond = member.life.bond();
    if (bond != nullptr) {
      Bond::Own own = view_of(now, *bond, links);
      status.rtt = own.rtt;
      const auto& [a, b] = std::minmax(self, member.id);
      own_bonds.emplace_back(names_.of(a, b), a, b, BondState::own, std::move(own));
    }
    const bool missing = is_missing(status.state) && !member.is_over(now.mono);
    if (missing || status.state == MemberState::bonded || status.state == MemberState::suspect)
      known.push_back({member.id, bond != nullptr});
    if (missing) {
      complete = false;
      out.reasons.push_back(why_missing(member, status.state));
    }
    out.members.push_back(std::move(status));
  });
  std::ranges::sort(out.members, {}, &MemberStatus::id);
  show_unattested(std::move(unattested), now, out);

  std::vector<Bonds::Pair> missing;
  std::vector<Bond> others;
  for (const KnownPair& theirs : topology_.pairs(now)) {
    if (theirs.state == BondState::one_sided) {
      missing.emplace_back(theirs.a, theirs.b);
      const bool ours = theirs.a == self || theirs.b == self;
      out.reasons.push_back("the bond of " + theirs.a.brief() + " and " + theirs.b.brief() + " is one-sided" +
                            (ours ? " (ours)" : ""));
      one_sided = true;
    }
    others.emplace_back(names_.of(theirs.a, theirs.b), theirs.a, theirs.b, theirs.state, std::nullopt);
  }
  std::vector<Bond> list = merge(std::move(own_bonds), std::move(others));
  std::ranges::sort(known, {}, &Known::id);
  add_missing(known, list, missing);
  std::ranges::sort(missing);
  missing.erase(std::ranges::unique(missing).begin(), missing.end());
  explain_cuts(missing, out.reasons);

  out.bonds = Bonds(self, std::move(list), std::move(missing));
  out.health = complete && !one_sided ? mosaik::Health::healthy : mosaik::Health::degraded;
  out.online = complete && !own_row().empty() && !(awaited && settling);
  return out;
}

}  // namespace mosaik::bonds
