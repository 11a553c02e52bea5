#include "bonds/topology.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace mosaik::bonds {

void encode_row(const Row& row, std::vector<std::uint8_t>& out) {
  postcard::Writer writer(out);
  writer.zigzag(row.incarnation).varint(row.sequence).varint(row.peers.size());
  for (const PeerId& peer : row.peers) writer.id(peer);
}

std::optional<Row> decode_row(BytesView bytes) {
  postcard::Reader reader(bytes);
  Row row;
  row.incarnation = reader.zigzag();
  row.sequence = reader.varint();
  const std::size_t count = reader.count(PeerId::size);
  if (!reader.ok() || count > limits::mesh_peers) return std::nullopt;
  for (std::size_t i = 0; i < count; ++i) row.peers.insert(reader.id<PeerId>());
  if (!reader.ok()) return std::nullopt;
  return row;
}

bool Topology::add_own(const Now& now, const PeerId& peer) {
  if (!own_.peers.insert(peer).second) return false;
  ++own_.sequence;
  own_changed_[peer] = now.mono;
  compare(self_, peer);
  return true;
}

bool Topology::remove_own(const Now& now, const PeerId& peer) {
  if (own_.peers.erase(peer) == 0) return false;
  ++own_.sequence;
  own_changed_[peer] = now.mono;
  compare(self_, peer);
  forget_changes(now, own_.peers, own_changed_);
  return true;
}

// Of a peer that left a row only the grace matters; and a row that changes wildly gets no grace.
void Topology::forget_changes(const Now& now, const std::set<PeerId>& row, std::map<PeerId, Mono>& changed) {
  const bool too_many = changed.size() > 2 * limits::mesh_peers;
  std::erase_if(changed, [&](const auto& item) {
    return !row.contains(item.first) && (too_many || now.mono - item.second > grace);
  });
}

bool Topology::on_row(const Now& now, const PeerId& owner, const Row& row) {
  Theirs& theirs = rows_[owner];
  const bool first = theirs.received == Mono{};
  if (!first && std::pair(row.incarnation, row.sequence) <= std::pair(theirs.row.incarnation, theirs.row.sequence))
    return false;
  std::vector<PeerId> news;
  std::ranges::set_symmetric_difference(row.peers, theirs.row.peers, std::back_inserter(news));
  for (const PeerId& peer : news) theirs.changed[peer] = now.mono;
  theirs.row = row;
  theirs.received = now.mono;
  // Whom the row says as much of as before, it agrees with or not as before.
  if (first) {
    compare(owner, self_);
    for (const auto& [other, each] : rows_) compare(owner, other);
  } else {
    for (const PeerId& peer : news)
      if (peer == self_ || rows_.contains(peer)) compare(owner, peer);
  }
  forget_changes(now, row.peers, theirs.changed);
  reports_.erase(owner);
  return true;
}

bool Topology::on_report(const PeerId& reporter, const PeerId& other) {
  if (reporter == other || other == self_ || rows_.contains(reporter)) return false;
  std::set<PeerId>& reported = reports_[reporter];
  return reported.size() < limits::mesh_peers && reported.insert(other).second;
}

bool Topology::names(const PeerId& peer) const {
  const auto in_row = [&](const auto& item) { return item.second.row.peers.contains(peer); };
  const auto reported = [&](const auto& item) { return item.second.contains(peer); };
  return std::ranges::any_of(rows_, in_row) || std::ranges::any_of(reports_, reported);
}

void Topology::forget(const PeerId& peer) {
  rows_.erase(peer);
  reports_.erase(peer);
  for (auto& [reporter, reported] : reports_) reported.erase(peer);
  std::erase_if(disagreed_, [&](const auto& item) { return item.first.first == peer || item.first.second == peer; });
}

void Topology::compare(const PeerId& x, const PeerId& y) {
  const Bonds::Pair pair = std::minmax(x, y);
  if (const auto since = disagree_since(x, y))
    disagreed_[pair] = *since;
  else
    disagreed_.erase(pair);
}

std::optional<Mono> Topology::disagree_since(const PeerId& x, const PeerId& y) const {
  const auto half = [&](const PeerId& from, const PeerId& to) -> std::optional<std::pair<bool, Mono>> {
    const bool ours = from == self_;
    const auto found = rows_.find(from);
    if (!ours && found == rows_.end()) return std::nullopt;
    const Row& row = ours ? own_ : found->second.row;
    const auto& changed = ours ? own_changed_ : found->second.changed;
    const auto at = changed.find(to);
    const Mono since = at != changed.end() ? at->second : (ours ? Mono{} : found->second.received);
    return std::pair(row.peers.contains(to), since);
  };
  const auto one = half(x, y);
  const auto two = half(y, x);
  if (!one || !two || one->first == two->first) return std::nullopt;
  return std::max(one->second, two->second);
}

std::vector<KnownPair> Topology::pairs(const Now& now) const {
  std::vector<KnownPair> out;
  const auto add = [&](const PeerId& x, const PeerId& y, BondState state) {
    // Our own bonds are the mesh's to tell, unless the other end denies one.
    if ((x == self_ || y == self_) && state != BondState::one_sided) return;
    out.push_back(x < y ? KnownPair{x, y, state} : KnownPair{y, x, state});
  };
  const auto add_row = [&](const PeerId& owner, const Row& row) {
    for (const PeerId& other : row.peers) {
      BondState state = other == self_ || rows_.contains(other) ? BondState::both_ends : BondState::as_reported;
      const auto disagreed = disagreed_.empty() ? disagreed_.end() : disagreed_.find(std::minmax(owner, other));
      if (disagreed != disagreed_.end() && now.mono - disagreed->second >= grace) state = BondState::one_sided;
      add(owner, other, state);
    }
  };
  add_row(self_, own_);
  for (const auto& [owner, theirs] : rows_) add_row(owner, theirs.row);
  for (const auto& [reporter, reported] : reports_)
    for (const PeerId& other : reported) add(reporter, other, BondState::as_reported);
  // What rows say of a pair stands before what is reported of it.
  const auto ends = [](const KnownPair& pair) { return std::tie(pair.a, pair.b); };
  std::ranges::sort(out, [](const KnownPair& x, const KnownPair& y) {
    const bool vaguer_x = x.state == BondState::as_reported;
    const bool vaguer_y = y.state == BondState::as_reported;
    return std::tie(x.a, x.b, vaguer_x) < std::tie(y.a, y.b, vaguer_y);
  });
  const auto repeated = std::ranges::unique(out, {}, ends);
  out.erase(repeated.begin(), repeated.end());
  return out;
}

bool Topology::is_clique() const {
  for (const auto& [owner, theirs] : rows_) {
    if (!own_.peers.contains(owner)) continue;
    for (const PeerId& other : own_.peers)
      if (other != owner && !theirs.row.peers.contains(other)) return false;
  }
  return true;
}

Mono Topology::next_change(const Now& now) const {
  Mono next = never;
  for (const auto& [pair, since] : disagreed_)
    if (now.mono - since < grace) next = std::min(next, since + grace);
  return next;
}

std::size_t Topology::remembered_changes() const {
  std::size_t out = own_changed_.size();
  for (const auto& [owner, theirs] : rows_) out += theirs.changed.size();
  return out;
}

std::vector<PeerId> Topology::speakers() const {
  std::vector<PeerId> out;
  for (const auto& [owner, theirs] : rows_) out.push_back(owner);
  for (const auto& [reporter, reported] : reports_) out.push_back(reporter);
  std::ranges::sort(out);
  return out;
}

void Topology::check_invariants() const {
  // Nobody is bonded with itself; peers would look for the other end.
  MOSAIK_ASSERT(!own_.peers.contains(self_) && !rows_.contains(self_));
  for (const auto& [reporter, reported] : reports_) {
    // A row says all of its owner's bonds; an older report beside it would show one that has ended.
    MOSAIK_ASSERT(!rows_.contains(reporter));
    // Reports are a peer's word; they cost no more than a row may.
    MOSAIK_ASSERT(reported.size() <= limits::mesh_peers && !reported.contains(self_) && !reported.contains(reporter));
  }
  for (const auto& [owner, theirs] : rows_) {
    MOSAIK_ASSERT(theirs.row.peers.size() <= limits::mesh_peers);
    // A pair that agrees is not one-sided, and one that disagrees is told after the grace.
    MOSAIK_ASSERT(disagree_since(self_, owner).has_value() == disagreed_.contains(std::minmax(self_, owner)));
  }
  // The same of all pairs that are remembered: or status would show a cut that is healed.
  for (const auto& [pair, since] : disagreed_) MOSAIK_ASSERT(disagree_since(pair.first, pair.second).has_value());
}

}  // namespace mosaik::bonds
