#pragma once
/// The rare branches of the cores (MOSAIK_CODE_PROBE, base/code_probe.hpp) that a farm must reach. A farm of all
/// scenarios fails when one of these was never reached: then the worlds have become too tame, or the branch is dead.

#include <array>
#include <string_view>

namespace mosaik::sim {

inline constexpr std::array<std::string_view, 17> probes = {
    "bonds.attempt_yields_to_arrival",  // a simultaneous open, seen by the one whose own dial gives way
    "bonds.handshake_held",             // a simultaneous open, seen by the one whose own dial stands
    "bonds.replaced_by_next_run",       // the next incarnation came before the end of the last was noticed
    "bonds.heartbeat_alert",            // the last resort
    "bonds.presumed_dead",
    "bonds.sync_after_401",
    "bonds.another_run_answered",  // the peer that was dialed is its next run
    "bonds.dial_timed_out",
    "discovery.buried",  // an entry of a run that has signed off is refused
    "discovery.rejoined_in_one_run",
    "discovery.stale_purged",
    "health.stall_forgiven",
    "health.refuted",
    "health.unreachable_suspicion",
    "health.proven",     // a sentinel's FIN, and a port-unreachable for a probe after it
    "health.told",       // a FIN, another member's proof, and no answer
    "health.link_down",  // silent for us, heard by another member
};

}  // namespace mosaik::sim
