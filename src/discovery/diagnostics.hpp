#pragma once
/// Diagnostics of discovery: its counters, and what a person should know. A notice of one kind about one peer is given
/// at most once a minute. A peer that floods us with reasons for notices fills the memory of one kind, and that kind is
/// silent until the minute is over.

#include <map>
#include <string>
#include <utility>

#include "discovery/config.hpp"
#include "discovery/events.hpp"

namespace mosaik::discovery {

class Diagnostics {
 public:
  static constexpr Nanoseconds pause = 60s;
  static constexpr std::size_t remembered = 64;  ///< peers of one kind within one pause; about more nothing is said

  /// Appends the notice unless it was given about this peer, or this contact without a peer, within the pause.
  void give(const Now& now, Notice notice, Events& events);

  void same_identity(const Now& now, const PeerId& us, const std::string& where, Events& events);
  /// A verified entry of our own id. A later run than ours is another node with our key; an earlier one is our
  /// predecessor's.
  void own_id_seen(const Now& now, const PeerEntry& ours, const PeerEntry& seen, Events& events);
  void other_network(const Now& now, const PeerId& peer, const NetworkId& theirs, const NetworkId& ours,
                     Events& events);
  void old_layout(const Now& now, const PeerId& peer, Events& events);
  void future_handed_on(const Now& now, const PeerId& from, const PeerId& about, Events& events);
  void from_the_future(const Now& now, const PeerId& peer, Events& events);
  void stale_on_arrival(const Now& now, const PeerId& peer, Events& events);
  void catalog_full(const Now& now, const PeerId& from, std::size_t entries, Events& events);

  Counters counters;

 private:
  using Subject = std::pair<PeerId, std::size_t>;
  std::map<Notice::Kind, std::map<Subject, Boot>> given_;
};

}  // namespace mosaik::discovery
