#pragma once
/// A step of a loop that does nothing: for what takes one along, and asks little of it.

#include <string>
#include <vector>

#include "runtime/loop_context.hpp"

namespace mosaik::runtime {

class IdleContext : public LoopContext {
 public:
  void join(const GroupKey&, const ConsensusConfig&, Answer<GroupId>) override {}
  void join(const GroupKey&, const ConsensusConfig&, MachineSetup, Answer<GroupId>) override {}
  void submit(CallTerms, std::vector<Blob>, consensus::Until) override {}
  void query(CallTerms, Blob, Consistency) override {}
  void on_machine(const GroupId&, std::vector<MachineResult>) override {}
  void leave(const GroupId&, Task) override {}
  void leave_all(Task) override {}
  void leave_all_when_covered(Nanoseconds, Task) override {}
  void forget(const PeerId&, Answer<void>) override {}
  void sync_with(const PeerId&, const std::vector<SocketAddress>&, Answer<void>) override {}
  void ping(const PeerId&, const std::vector<SocketAddress>&, Answer<Nanoseconds>) override {}
  void run(Task) override {}
  void resolve(std::string, std::uint16_t, Resolved, Names) override {}
  void warn(const std::string&) override {}
  void refresh() override {}
  void look(Task) override {}

 protected:
  ~IdleContext() = default;
};

}  // namespace mosaik::runtime
