#pragma once
/// What a member waits for, in words: for status, log and the errors of calls alike.

#include <string>

#include <mosaik/types/consensus_status.hpp>

namespace mosaik {

/// `wanted`: the size of the group, or the floor. Empty for Waiting::nothing.
[[nodiscard]] std::string waiting_text(Waiting what, std::chrono::nanoseconds at_most, std::uint32_t connected,
                                       std::uint32_t wanted);
/// Of a status.
[[nodiscard]] std::string waiting_text(const ConsensusStatus& status);

}  // namespace mosaik
