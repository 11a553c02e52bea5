#pragma once
/// Forgotten: members that an operator has told the group to forget, and which run of them was meant.
///
/// Nothing that was said of that run before brings it back. A newer run does, and an entry that was signed after the
/// word, and the member itself by proving the group key: then it lives, and the word was wrong.
///
/// Limits: limits::forgotten, and limits::forgotten_age each; the oldest leave.

#include <algorithm>
#include <cstdint>
#include <map>

#include <mosaik/types/id.hpp>
#include <mosaik/types/peer_entry.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik::bonds {

class Forgotten {
 public:
  void add(const Now& now, const PeerId& peer, std::int64_t incarnation) {
    std::erase_if(peers_, [&](const auto& item) { return now.mono - item.second.since >= limits::forgotten_age; });
    if (peers_.size() >= limits::forgotten && !peers_.contains(peer))
      peers_.erase(std::ranges::min_element(peers_, {}, [](const auto& item) { return item.second.since; }));
    peers_[peer] = {incarnation, now.mono, now.wall};
  }
  /// What an entry of that version says is forgotten.
  [[nodiscard]] bool covers(const Now& now, const PeerId& peer, const EntryVersion& version) const {
    const auto found = peers_.find(peer);
    return found != peers_.end() && version.started <= found->second.incarnation &&
           version.updated <= found->second.said.milliseconds && now.mono - found->second.since < limits::forgotten_age;
  }
  void remove(const PeerId& peer) { peers_.erase(peer); }
  [[nodiscard]] std::size_t size() const noexcept { return peers_.size(); }

 private:
  struct Place {
    std::int64_t incarnation = 0;
    Mono since{};
    Wall said{};
  };
  std::map<PeerId, Place> peers_;
};

}  // namespace mosaik::bonds
