#pragma once
/// Faults: what a nemesis does to the world, as values. A run draws its list of them before it begins, so that a
/// shorter list of the same faults is a run too: that is how a failure is shrunk.

#include <span>
#include <string>
#include <vector>

#include "sim/world/world.hpp"

namespace mosaik::sim {

enum class FaultKind : std::uint8_t {
  cut,          ///< a and b do not hear each other
  cut_one_way,  ///< b does not hear a
  isolate,      ///< a hears nobody, nobody hears it
  deafen,       ///< a hears nobody, everybody hears it
  halves,       ///< two halves, which one a host is in is drawn
  ring,         ///< everyone hears only two neighbours
  bridge,       ///< two halves that share a alone
  flap,         ///< a and b are cut and healed again and again
  weather,      ///< between a and b: loss, bursts, duplicates, replays, corruption, jitter
  squeeze,      ///< from a to b: little rate, short queue
  clog,         ///< from a to b: held up, then all at once
  crash,        ///< a is gone for the span
  restart,      ///< a is gone and comes back within milliseconds
  restart_all,
  rolling,         ///< one after the other
  pause,           ///< a stands still
  slow,            ///< a needs many times as long for everything: overload
  clock_rate,      ///< a's clocks run fast or slow
  clock_jump,      ///< a's wall clock is set, within the bound that entries are held to
  clock_set_back,  ///< a restarts with a wall clock that was set back
  sleep,           ///< a's computer sleeps
  quit,            ///< a says goodbye, and comes back after the span
  rejoin,          ///< a leaves the group and joins it again, in one run
  replay,          ///< what a sent to b comes once more
  storm,           ///< everyone asks everyone for a sync at once
  forged_error,    ///< a is told that nobody listens at b
  disk,            ///< a's disk is full, or slow
  wipe,            ///< a restarts without what it had kept
  leader_crash,    ///< who leads the group is gone for the span (a, when nobody leads)
  leader_restart,  ///< the same, and it comes back within milliseconds
  leader_isolate,  ///< who leads hears nobody, and nobody hears it
  leader_pause,    ///< who leads stands still
  close_sentinel,  ///< something between a and b closes their sentinels' connection
  // in worlds with routes:
  swallow,      ///< a network that a is on loses everything
  narrow,       ///< the MTU of a network that a is on shrinks, and nobody is told
  unplug,       ///< an interface of a goes down
  renumber,     ///< a has another address, or a and b have one another's
  hand_over,    ///< b takes an address of a over
  rebind,       ///< all NATs forget their mappings
  resolver,     ///< name servers are dead, slow or lying
  descriptors,  ///< a has no descriptor left: no TCP connection can be opened or accepted
};
[[nodiscard]] std::string_view to_string(FaultKind kind) noexcept;
inline constexpr std::size_t fault_kinds = static_cast<std::size_t>(FaultKind::descriptors) + 1;

struct Fault {
  Nanoseconds at{};  ///< after the beginning of the world
  FaultKind kind{};
  Nanoseconds span{};
  HostId a;
  HostId b;
  std::uint64_t value = 0;  ///< chance for the details
};
[[nodiscard]] std::string to_text(const Fault& fault);

using Plan = std::vector<Fault>;

/// A kind of fault that a scenario draws from.
struct MenuItem {
  FaultKind kind{};
  unsigned weight = 1;
  Nanoseconds least = 100ms;  ///< span
  Nanoseconds most = 5s;
};

/// `count` faults between `from` and `until`, in order of time.
[[nodiscard]] Plan draw_plan(Rng rng, std::span<const MenuItem> menu, std::size_t count, std::size_t hosts,
                             Nanoseconds from, Nanoseconds until);
/// Plans the fault's beginning and its end in the world.
void plan_fault(World& world, const Fault& fault);

}  // namespace mosaik::sim
