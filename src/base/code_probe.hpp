#pragma once
/// MOSAIK_CODE_PROBE("name") marks a rare branch of a core, so that the simulator can tell whether its worlds ever get
/// there. sim/farm/probes.hpp lists the names; a farm run fails when one of them was never reached. Elsewhere it costs
/// a load.

namespace mosaik {
/// Told of every probe that is reached; set before threads start, null outside the simulator.
inline void (*code_probe_reached)(const char* name) = nullptr;
}  // namespace mosaik

#define MOSAIK_CODE_PROBE(name) \
  (::mosaik::code_probe_reached == nullptr ? static_cast<void>(0) : ::mosaik::code_probe_reached(name))
