#pragma once
/// What the end of a call on a group says to its caller.

#include <mosaik/consensus/replicated_group.hpp>

#include "consensus/api/call.hpp"

namespace mosaik::api {

/// The places of a call's commands, or why there are none that can be told.
[[nodiscard]] Result<IndexRange> range_of(const consensus::Outcome& outcome);
/// The place of the only command of a call.
[[nodiscard]] Result<Index> place_of(const consensus::Outcome& outcome);
[[nodiscard]] Result<Answered<std::vector<std::uint8_t>>> answer_of(const consensus::Outcome& outcome);

}  // namespace mosaik::api
