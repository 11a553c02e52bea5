#pragma once
/// Dial list: who was bonded with us and did not say goodbye. It outlives the catalog's staleness, our leaving a group,
/// and (as part of Memory) our process, so that a group finds itself again after a cut or a restart without a bootstrap
/// peer.
///
/// Limit: limits::dial_list; beyond it, whose entry is the oldest leaves.

#include <algorithm>
#include <map>

#include "base/limits.hpp"
#include "identity/entry.hpp"

namespace mosaik::node {

class DialList {
 public:
  /// True when the list says something else now: a new peer, a new run of one, or other addresses or groups.
  bool add(const identity::EntryRef& entry) {
    identity::EntryRef& place = peers_[entry->id()];
    const bool news = !place || place->entry.version.started != entry->entry.version.started ||
                      place->entry.addresses != entry->entry.addresses || place->entry.groups != entry->entry.groups;
    if (!place || place->entry.version < entry->entry.version) place = entry;
    if (peers_.size() > limits::dial_list)
      peers_.erase(
          std::ranges::min_element(peers_, {}, [](const auto& item) { return item.second->entry.version.updated; }));
    return news;
  }
  /// An entry of the last run: taken when its signature holds, and nobody's but a peer's that was heard of lately.
  void recall(const Result<identity::EntryRef>& entry, const PeerId& self, const Now& now) {
    if (!entry || (*entry)->id() == self) return;
    if ((*entry)->entry.version.updated >= now.wall.milliseconds - limits::dial_list_age / 1ms) add(*entry);
  }
  bool remove(const PeerId& peer) { return peers_.erase(peer) != 0; }

  template <class F>
  void for_each(F&& call) const {
    for (const auto& [id, entry] : peers_) call(entry);
  }
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> signed_entries() const {
    std::vector<std::vector<std::uint8_t>> out;
    for (const auto& [id, entry] : peers_) out.emplace_back(entry->bytes.begin(), entry->bytes.end());
    return out;
  }

 private:
  std::map<PeerId, identity::EntryRef> peers_;
};

}  // namespace mosaik::node
