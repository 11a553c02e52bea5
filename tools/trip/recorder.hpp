#pragma once
/// Records every call of instrumented code (-finstrument-functions), for tools/trace_trip.py.

#include <string>

namespace mosaik::trip {

void start_recording();
/// Writes what was recorded since, a line for each call and return: `THREAD e|x ADDRESS`, in the order of time.
void stop_recording(const std::string& file);

}  // namespace mosaik::trip
