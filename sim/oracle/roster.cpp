#include "sim/oracle/roster.hpp"

#include <algorithm>

#include "node/node.hpp"

namespace mosaik::sim {

void Roster::replicate(Replication replication) {
  replication_ = std::move(replication);
  groups_.clear();
}

GroupId Roster::group_of(const std::string& secret) const {
  // A key lies in memory of its own, which takes some system calls: not at each event.
  const auto known = groups_.find(secret);
  if (known != groups_.end()) return known->second;
  return groups_[secret] =
             node::id_of_group(GroupKey::from_secret(secret), timing_, replication_ ? &replication_->machine : nullptr);
}

std::vector<GroupId> Roster::groups_of(const Life& one, const Life& other) const {
  std::vector<GroupId> out;
  if (&one == &other || one.died || other.died || one.id == other.id || one.network != other.network) return out;
  if (is_liar(one.software) || is_liar(other.software)) return out;
  // The crate does not retry: two of them may stay apart.
  if (one.software != Software::node && other.software != Software::node) return out;
  std::ranges::set_intersection(one.groups, other.groups, std::back_inserter(out));
  return out;
}

bool Roster::should_bond(const Life& one, const Life& other, const GroupId& group) const {
  const std::vector<GroupId> groups = groups_of(one, other);
  return std::ranges::find(groups, group) != groups.end();
}

}  // namespace mosaik::sim
