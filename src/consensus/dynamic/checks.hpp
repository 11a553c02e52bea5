#pragma once
/// How far check_invariants() goes, which runs after each step.

#include <cstddef>

namespace mosaik::consensus {

/// A sum over more items than this is not checked anew after each step: a check may not cost more than the step.
inline constexpr std::size_t checked_sum = 64;

}  // namespace mosaik::consensus
