#pragma once
/// Which groups there are, and which processes should be bonded in them.

#include <map>

#include "sim/oracle/oracle.hpp"

namespace mosaik::sim {

class Roster {
 public:
  explicit Roster(const ConsensusConfig& timing) : timing_(timing) {}

  /// The groups have a machine; before anything is booted.
  void replicate(Replication replication);
  [[nodiscard]] const std::optional<Replication>& replication() const noexcept { return replication_; }
  /// Which group a secret makes with the world's timing.
  [[nodiscard]] GroupId group_of(const std::string& secret) const;

  /// True when the two, which run, should be bonded.
  [[nodiscard]] bool should_bond(const Life& one, const Life& other) const { return !groups_of(one, other).empty(); }
  [[nodiscard]] bool should_bond(const Life& one, const Life& other, const GroupId& group) const;
  /// The groups in which the two should be bonded.
  [[nodiscard]] std::vector<GroupId> groups_of(const Life& one, const Life& other) const;

 private:
  ConsensusConfig timing_;
  std::optional<Replication> replication_;
  mutable std::map<std::string, GroupId> groups_;  ///< by secret
};

}  // namespace mosaik::sim
