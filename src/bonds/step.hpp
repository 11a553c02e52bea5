#pragma once
/// What comes along with every input of this room: the time, the effects it may have, and where its facts go.

#include "base/now.hpp"
#include "bonds/facts.hpp"
#include "quic/links.hpp"

namespace mosaik::bonds {

struct Step {
  const Now& now;
  quic::Links& links;
  std::vector<Fact>& facts;
};

}  // namespace mosaik::bonds
