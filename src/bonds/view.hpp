#pragma once
/// MeshView: what a mesh shows to people: members, bonds, and why something is missing. It decides nothing.

#include <map>

#include <mosaik/types/status.hpp>

#include "bonds/members.hpp"
#include "bonds/mesh_environment.hpp"

namespace mosaik::bonds {

/// The names of bonds, computed once a pair; limits::bond_names.
class BondNames {
 public:
  BondNames(const GroupKey& key, const GroupId& group) : key_(key), group_(group) {}
  [[nodiscard]] const BondId& of(const PeerId& x, const PeerId& y) const;

 private:
  GroupKey key_;
  GroupId group_;
  mutable std::map<Bonds::Pair, BondId> names_;
};

class MeshView {
 public:
  /// All outlive this.
  MeshView(const MeshEnvironment& environment, const Members& members, const Topology& topology, const BondNames& names)
      : environment_(environment), members_(members), topology_(topology), names_(names) {}

  /// `settling`: the first bonds were formed so shortly ago that more of them are on their way.
  [[nodiscard]] GroupStatus status(const Now& now, const Links& links, bool settling) const;

 private:
  void show_unattested(std::vector<const Member*> unattested, const Now& now, GroupStatus& out) const;
  void explain_cuts(const std::vector<Bonds::Pair>& missing, std::vector<std::string>& reasons) const;
  [[nodiscard]] const std::set<PeerId>& own_row() const noexcept { return topology_.own().peers; }

  const MeshEnvironment& environment_;
  const Members& members_;
  const Topology& topology_;
  const BondNames& names_;
};

}  // namespace mosaik::bonds
