#pragma once
/// Terrain: draws the networks that a scenario's hosts are on. Each shape is a situation that people have reported;
/// what it leaves open is drawn.

#include "base/random.hpp"
#include "sim/world/world.hpp"

namespace mosaik::sim {

enum class Shape : std::uint8_t {
  flat,             ///< one network, each address is a host's alone: no routes
  shared_bridge,    ///< a container bridge on each host with the same address, and containers that share theirs
  many_bridges,     ///< more bridges than a dial has addresses, all before the LAN's
  late_interface,   ///< the process starts before its network is up, or cannot see its interfaces
  virtual_address,  ///< a peer behind a virtual address moves to another host; the old mapping stays in use
  narrow,           ///< two networks and a router, for paths whose MTU shrinks
  moved_address,    ///< a second address of one host, which others take over
  by_name,          ///< one name leads to all hosts
  two_networks,     ///< every host is on both
  mixed,            ///< any of these together
};

/// Puts the hosts of the world on their networks, gives their contacts addresses, and plans what belongs to the shape
/// itself. Before anything is booted.
void lay_out(World& world, Shape shape, const Rng& rng);

}  // namespace mosaik::sim
