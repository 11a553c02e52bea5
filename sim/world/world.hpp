#pragma once
/// sim: the same Node as in production in a simulated world, every failure of which is reproduced from one number.
///
/// Place. Above node/, beside runtime/: the world plays the runtime, the sockets, the network, the clocks and the
/// disks. One thread, one heap (scheduler.hpp), one seed with a child stream for each part (base/random.hpp). Two
/// tiers: *links* puts PlainEndpoint in place of QUIC and is for thousands of seeds; *quic* runs ngtcp2 and GnuTLS over
/// the same simulated datagrams.
///
/// Life of a run (farm/run.hpp): a scenario and a seed draw the hosts, the weather and a list of faults
/// (faults/fault.hpp); the faults do what they do; then all is healed, and the mesh must be whole within a deadline and
/// at rest after it. Invariants (invariants/invariant.hpp) are checked after every event of every process, against the
/// truth (oracle/oracle.hpp) that only the world knows. The first that breaks ends the run.
///
///   Hosts, Processes, Systems    the computers, what runs on them, and their operating systems
///   Wiring                       datagrams, TCP, routes, names
///   Truth, Ledger, Roster        what was so, what processes tell, who should be bonded
///   Reachability                 who could reach whom
///   Judge                        invariants and workload

#include "sim/invariants/judge.hpp"
#include "sim/oracle/reachability.hpp"
#include "sim/world/knobs.hpp"
#include "sim/world/processes.hpp"

namespace mosaik::sim {

class World {
 public:
  World(std::uint64_t seed, const Knobs& knobs);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  HostId add(HostSpec spec) { return hosts_.add(std::move(spec), rng_); }
  /// No fault begins any more.
  void make_peace() noexcept;
  [[nodiscard]] bool peaceful() const noexcept { return !peace_.at_war(); }
  void note_fault() noexcept { peace_.note_fault(); }
  /// No fault has begun so far, and nothing is refused at random.
  [[nodiscard]] bool untouched() const noexcept { return !peace_.touched() && knobs_.buggify == 0; }
  /// The networks are well again (Wiring::heal), and the processes hear of it.
  void heal_networks();

  /// Runs until `until`, or until something is broken, or `done`.
  template <class Done>
  void run_until(Mono until, Done done) {
    while (!judge_.failure() && !done())
      if (!step(until)) return;
  }
  void run_until(Mono until) {
    run_until(until, [] { return false; });
  }

  [[nodiscard]] Mono now() const noexcept { return scheduler_.now(); }
  [[nodiscard]] Now now_of(const Host& host) const { return host.clock.read(scheduler_.now()); }
  [[nodiscard]] Host& host(HostId id) { return hosts_.at(id); }
  [[nodiscard]] const Host& host(HostId id) const { return hosts_.at(id); }
  [[nodiscard]] const std::vector<std::unique_ptr<Host>>& hosts() const noexcept { return hosts_.all(); }
  [[nodiscard]] std::string name_of(const PeerId& peer) const { return hosts_.name_of(peer); }
  [[nodiscard]] std::size_t invented() const { return hosts_.invented(); }
  [[nodiscard]] const Knobs& knobs() const noexcept { return knobs_; }
  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }
  [[nodiscard]] Trace& trace() noexcept { return trace_; }
  [[nodiscard]] Processes& processes() noexcept { return processes_; }
  [[nodiscard]] const Processes& processes() const noexcept { return processes_; }
  [[nodiscard]] Wiring& wiring() noexcept { return wiring_; }
  [[nodiscard]] const Wiring& wiring() const noexcept { return wiring_; }
  [[nodiscard]] const Reachability& reach() const noexcept { return reach_; }
  [[nodiscard]] Roster& roster() noexcept { return roster_; }
  [[nodiscard]] const Roster& roster() const noexcept { return roster_; }
  [[nodiscard]] const Truth& truth() const noexcept { return truth_; }
  [[nodiscard]] Judge& judge() noexcept { return judge_; }

 private:
  bool step(Mono until);
  void sweep();

  Knobs knobs_;
  Rng rng_;
  Peace peace_;
  Scheduler scheduler_;
  Trace trace_;
  Hosts hosts_;
  Roster roster_;
  Truth truth_;
  Wiring wiring_;
  Reachability reach_;
  Judge judge_;
  Processes processes_;
};

/// Of the processes that lead, the one in the latest term.
[[nodiscard]] std::optional<HostId> leader_of(const World& world);
/// Whether the processes that run and should be members of one group are bonded as they should be.
[[nodiscard]] Broken why_not_whole(const World& world);

}  // namespace mosaik::sim
