// What a mesh shows to people: members, bonds, and why something is missing.

#include <algorithm>

#include "base/limits.hpp"
#include "bonds/mesh.hpp"

namespace mosaik::bonds {

namespace {
/// The entry inside a counted SignedEntry, kept alive by it.
std::shared_ptr<const PeerEntry> share(const identity::EntryRef& entry) {
  auto hold = std::make_shared<identity::EntryRef>(entry);
  return {hold, &(*hold)->entry};
}

MemberState state_of(const Member& member) {
  if (member.bond) return member.bond->suspect ? MemberState::suspect : MemberState::bonded;
  if (member.wish == Wish::departed) return MemberState::departed;
  if (member.wish == Wish::stranger) return MemberState::refused;
  const auto refused = static_cast<CloseCode>(member.refused_code);
  if (refused == CloseCode::invalid_proof || refused == CloseCode::different_network || refused == CloseCode::not_allowed) return MemberState::refused;
  switch (member.lost) {
    case Lost::no: return MemberState::missing;
    case Lost::process: return MemberState::dead;
    case Lost::link: return MemberState::unreachable;
  }
  return MemberState::missing;
}

/// Known, wanted, and not bonded, for whatever reason.
bool is_missing(MemberState state) {
  return state == MemberState::missing || state == MemberState::dead || state == MemberState::unreachable;
}

std::string why_missing(const Member& member, MemberState state) {
  const std::string name = "member " + member.id.brief();
  const std::string why = member.why.empty() ? "it is being dialed" : member.why;
  if (state == MemberState::dead) return name + " is dead or silent to all: " + why;
  if (state == MemberState::unreachable) return name + " lives, others hear it, but the link between it and us is down: " + why;
  return name + " is not bonded: " + why;
}
constexpr std::size_t most_cuts_in_words = 8;
}  // namespace

// Two members that both have a bond with us and none with one another: both live, and the link between them does not.
void Mesh::explain_cuts(const std::vector<Bonds::Pair>& missing, std::vector<std::string>& reasons) const {
  std::size_t cuts = 0;
  for (const Bonds::Pair& pair : missing) {
    if (!has_bond(pair.first) || !has_bond(pair.second)) continue;
    if (++cuts <= most_cuts_in_words)
      reasons.push_back("members " + pair.first.brief() + " and " + pair.second.brief() +
                        " are bonded with us and not with one another: the link between them is down, or just forming");
  }
  if (cuts > most_cuts_in_words) reasons.push_back("and " + std::to_string(cuts - most_cuts_in_words) + " more such pairs");
}

const BondId& Mesh::name_of(const PeerId& x, const PeerId& y) const {
  const Bonds::Pair ends = x < y ? Bonds::Pair(x, y) : Bonds::Pair(y, x);
  auto found = names_.find(ends);
  if (found == names_.end()) {
    if (names_.size() >= limits::bond_names) names_.clear();
    found = names_.emplace(ends, crypto::make_bond_id(config_.key, config_.group, ends.first, ends.second)).first;
  }
  return found->second;
}

GroupStatus Mesh::view(const Now& now, const quic::Links& links) const {
  GroupStatus out;
  out.id = config_.group;
  const auto pair = [](const PeerId& x, const PeerId& y) { return x < y ? Bonds::Pair(x, y) : Bonds::Pair(y, x); };

  std::map<Bonds::Pair, Bond> bonds;
  std::vector<PeerId> known{self_.id()};
  std::vector<PeerId> heard{self_.id()};  // whose bonds we hear of from themselves
  MemberStatus me;
  me.id = self_.id();
  me.state = MemberState::self;
  me.protocol = self_.entry()->entry.protocol;
  me.addresses = self_.entry()->entry.sockets();
  out.members.push_back(std::move(me));

  bool complete = true;
  for (const auto& [id, member] : members_) {
    MemberStatus status;
    status.id = id;
    status.state = state_of(member);
    if (member.entry) {
      status.protocol = member.entry->entry.protocol;
      status.addresses = member.entry->entry.sockets();
    }
    status.attempts = member.attempts;
    if (member.bond) {
      const LiveBond& bond = *member.bond;
      const auto stats = links.stats(bond.link);
      Bond::Own own;
      own.peer = Peer(share(bond.entry));
      own.session = bond.session;
      own.age = now.mono - bond.since;
      own.opened_by_us = bond.side == quic::Side::initiator;
      own.suspect = bond.suspect;
      if (stats) {
        own.rtt = stats->smoothed_rtt;
        own.remote = stats->remote;
      }
      status.rtt = own.rtt;
      status.silent_for = now.mono - bond.heartbeat.last_received();
      const auto ends = pair(self_.id(), id);
      bonds.emplace(ends, Bond(name_of(self_.id(), id), ends.first, ends.second, BondState::own, std::move(own)));
    } else {
      status.why = member.why;
    }
    const bool is_known = status.state == MemberState::bonded || status.state == MemberState::suspect || is_missing(status.state);
    if (is_known) known.push_back(id);
    if (member.bond) heard.push_back(id);
    if (is_missing(status.state)) {
      complete = false;
      out.reasons.push_back(why_missing(member, status.state));
    }
    out.members.push_back(std::move(status));
  }
  std::ranges::sort(out.members, {}, &MemberStatus::id);

  std::vector<Bonds::Pair> missing;
  for (const KnownPair& theirs : topology_.pairs(now)) {
    const auto ends = Bonds::Pair(theirs.a, theirs.b);
    if (theirs.state == BondState::one_sided) {
      missing.push_back(ends);
      const bool ours = theirs.a == self_.id() || theirs.b == self_.id();
      out.reasons.push_back("the bond of " + theirs.a.brief() + " and " + theirs.b.brief() + " is one-sided" + (ours ? " (ours)" : ""));
      complete = false;
    }
    bonds.try_emplace(ends, Bond(name_of(theirs.a, theirs.b), theirs.a, theirs.b, theirs.state, std::nullopt));
  }
  // Of two members whom we both do not hear nothing can be said.
  for (const PeerId& one : heard) {
    for (const PeerId& other : known)
      if (one != other && !bonds.contains(pair(one, other))) missing.push_back(pair(one, other));
  }
  std::ranges::sort(missing);
  missing.erase(std::ranges::unique(missing).begin(), missing.end());
  explain_cuts(missing, out.reasons);

  std::vector<Bond> list;
  for (auto& [ends, bond] : bonds) list.push_back(std::move(bond));
  out.bonds = Bonds(self_.id(), std::move(list), std::move(missing));
  out.health = complete ? mosaik::Health::healthy : mosaik::Health::degraded;
  out.online = complete && bond_count() > 0;
  return out;
}

}  // namespace mosaik::bonds
