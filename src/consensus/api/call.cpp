#include "consensus/api/call.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

std::string_view to_string(Refusal why) noexcept {
  switch (why) {
    case Refusal::offline: return "offline";
    case Refusal::empty: return "empty";
    case Refusal::too_large: return "too_large";
    case Refusal::full: return "full";
    case Refusal::log_full: return "log_full";
    case Refusal::overwritten: return "overwritten";
    case Refusal::expired: return "expired";
    case Refusal::stopped: return "stopped";
    case Refusal::closed: return "closed";
  }
  MOSAIK_ASSERT(false);
  return {};
}

std::string_view to_string(Doubt why) noexcept {
  switch (why) {
    case Doubt::expired: return "expired";
    case Doubt::leader_lost: return "leader_lost";
    case Doubt::partial: return "partial";
    case Doubt::diverged: return "diverged";
    case Doubt::unfounded: return "unfounded";
    case Doubt::stopped: return "stopped";
  }
  MOSAIK_ASSERT(false);
  return {};
}

}  // namespace mosaik::consensus
