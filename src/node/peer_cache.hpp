#pragma once
/// Dial list: who was bonded with us and did not say goodbye. It outlives the catalog's staleness, our leaving a group,
/// and (as part of Memory) our process, so that a group finds itself again after a cut or a restart without a bootstrap
/// peer.
///
/// Limit: limits::peer_cache; beyond it, one that was bonded for the shortest time leaves, and of several the one whose
/// entry is the oldest. Whoever can bond can bring any number of identities, but for none of them a longer time with
/// us.

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/limits.hpp"
#include "identity/entry.hpp"

namespace mosaik::node {

class PeerCache {
 public:
  /// True when the list says something else now: a new peer, a new run of one, or other addresses or groups.
  bool add(const identity::EntryRef& entry, const Now& now) {
    Place& kept = peers_[entry->id()];
    identity::EntryRef& place = kept.entry;
    const bool news = !place || place->entry.version.started != entry->entry.version.started ||
                      place->entry.addresses != entry->entry.addresses || place->entry.groups != entry->entry.groups;
    if (!place || place->entry.version < entry->entry.version) place = entry;
    if (kept.bonds++ == 0) kept.since = now.mono;
    if (peers_.size() > limits::peer_cache) forget_one(entry->id(), now.mono);
    return news;
  }
  /// The peer has proven its key there. True when that is news of one that is on the list. The number of an interface
  /// means something else after a boot: what is behind one is not remembered.
  bool note_met(const PeerId& peer, const SocketAddress& at) {
    if (at.scope() != 0) return false;
    const auto found = peers_.find(peer);
    return found != peers_.end() && std::exchange(found->second.met, at) != at;
  }
  /// A bond with the peer has ended.
  void note_end(const PeerId& peer, const Now& now) {
    const auto found = peers_.find(peer);
    if (found == peers_.end() || found->second.bonds == 0) return;
    if (--found->second.bonds == 0) found->second.bonded_for += now.mono - found->second.since;
  }
  /// An entry of the last run: taken when its signature holds, and nobody's but a peer's that was heard of lately.
  void recall(const Result<identity::EntryRef>& entry, const PeerId& self, const Now& now) {
    if (!entry || (*entry)->id() == self) return;
    if ((*entry)->entry.version.updated >= now.wall.milliseconds - limits::dial_list_age / 1ms) {
      add(*entry, now);
      note_end((*entry)->id(), now);
      if (const auto found = peers_.find((*entry)->id()); found != peers_.end())
        found->second.bonded_for = limits::dial_list_standing;
    }
  }
  bool remove(const PeerId& peer) { return peers_.erase(peer) != 0; }

  template <class F>
  void for_each(F&& call) const {
    for (const auto& [id, place] : peers_) call(place.entry);
  }
  /// Where they have proven their keys last.
  [[nodiscard]] std::map<PeerId, SocketAddress> met() const {
    std::map<PeerId, SocketAddress> out;
    for (const auto& [id, place] : peers_)
      if (place.met) out.emplace(id, *place.met);
    return out;
  }
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> signed_entries() const {
    std::vector<std::vector<std::uint8_t>> out;
    for (const auto& [id, place] : peers_) out.emplace_back(place.entry->bytes.begin(), place.entry->bytes.end());
    return out;
  }

 private:
  struct Place {
    identity::EntryRef entry;
    std::optional<SocketAddress> met{};
    Nanoseconds bonded_for{};  ///< in bonds that have ended
    std::size_t bonds = 0;     ///< that are up, in all groups
    Mono since{};              ///< and the first of them
    [[nodiscard]] Nanoseconds standing(Mono now) const { return bonded_for + (bonds > 0 ? now - since : 0ns); }
  };

  void forget_one(const PeerId& newest, Mono now) {
    const auto rank = [&](const auto& item) {
      return std::tuple(item.first == newest, item.second.standing(now), item.second.entry->entry.version.updated);
    };
    peers_.erase(std::ranges::min_element(peers_, {}, rank));
  }

  std::map<PeerId, Place> peers_;
};

}  // namespace mosaik::node
