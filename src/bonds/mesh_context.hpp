#pragma once
/// What comes along with every input of this room: the time, the actions it may have, and where its events go.

#include "base/now.hpp"
#include "bonds/events.hpp"
#include "link/links.hpp"

namespace mosaik::bonds {

struct MeshContext {
  const Now& now;
  Links& links;
  std::vector<MeshEvent>& events;
};

}  // namespace mosaik::bonds
