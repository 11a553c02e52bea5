#pragma once
/// The ledger: what processes tell becomes truth (oracle.hpp), and is judged.

#include "sim/invariants/judge.hpp"
#include "sim/oracle/roster.hpp"
#include "sim/world/hosts.hpp"

namespace mosaik::sim {

class Ledger {
 public:
  Ledger(const Scheduler& scheduler, const Hosts& hosts, Truth& truth, const Roster& roster, Judge& judge, Trace& trace)
      : scheduler_(scheduler), hosts_(hosts), truth_(truth), roster_(roster), judge_(judge), trace_(trace) {}

  /// After a turn of the host's process.
  void hear(Host& host, const Now& now);

 private:
  void on_event(const Host& host, Life& life, const Event& event);
  void book(const Host& host, Life& life, const Event& event);
  void book_up(Life& life, const Event& event);
  void book_down(Life& life, const Event& event);
  void book_departed(Life& life, const Event& event) const;

  const Scheduler& scheduler_;
  const Hosts& hosts_;
  Truth& truth_;
  const Roster& roster_;
  Judge& judge_;
  Trace& trace_;
};

}  // namespace mosaik::sim
