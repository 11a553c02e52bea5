#pragma once
/// Diagnostics: what was met that may keep this node alone, told in status as long as it is alone. The newest text of
/// each kind, and none that is over: what lasts is met again within a minute or so, whenever a peer dials or is dialed.

#include <map>
#include <string>
#include <vector>

#include "base/now.hpp"

namespace mosaik::node {

/// In the order in which they are told.
enum class Trouble : std::uint8_t {
  clock,     ///< a peer's, or ours
  group,     ///< a peer asked for a group that we have not joined
  identity,  ///< somebody else has our key
  layout,    ///< a peer of an older wire format
  network,   ///< a peer of another network
  proof,     ///< a peer without the group secret
};

class Diagnostics {
 public:
  /// Not met for so long, it is over. Some times what a notice is kept back for (discovery::Notices::pause).
  static constexpr Nanoseconds memory = 5min;

  void meet(const Now& now, Trouble kind, std::string text) { met_[kind] = {now.boot, std::move(text)}; }

  [[nodiscard]] std::vector<std::string> told(const Now& now) const {
    std::vector<std::string> out;
    for (const auto& [kind, met] : met_)
      if (now.boot - met.last < memory) out.push_back(met.text);
    return out;
  }

 private:
  struct Met {
    Boot last{};
    std::string text;
  };
  std::map<Trouble, Met> met_;
};

}  // namespace mosaik::node
