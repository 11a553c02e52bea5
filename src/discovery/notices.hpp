#pragma once
/// Notices: what a person should know, each kind at most once a minute and peer. Whoever floods us with reasons for
/// notices fills the memory of one kind; that kind is then silent until the minute is over.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "discovery/discovery.hpp"

namespace mosaik::discovery {

class Notices {
 public:
  static constexpr Nanoseconds pause = 60s;
  static constexpr std::size_t remembered = 64;  ///< peers of one kind within one pause; more: not said

  /// Appends the notice unless it was said of this peer, or of this contact without a peer, within the pause.
  void say(const Now& now, Notice::Kind kind, const PeerId& peer, std::string text, std::vector<DiscoveryEvent>& events,
           std::size_t contact = 0) {
    std::map<Subject, Boot>& said = said_[kind];
    const Subject subject{peer, contact};
    if (const auto found = said.find(subject); found != said.end() && now.boot - found->second < pause) return;
    if (said.size() >= remembered)
      std::erase_if(said, [&](const auto& item) { return now.boot - item.second >= pause; });
    if (said.size() >= remembered) return;
    said[subject] = now.boot;
    events.emplace_back(Notice{kind, peer, std::move(text), contact});
  }

 private:
  using Subject = std::pair<PeerId, std::size_t>;
  std::map<Notice::Kind, std::map<Subject, Boot>> said_;
};

}  // namespace mosaik::discovery
