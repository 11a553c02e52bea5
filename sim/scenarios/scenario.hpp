#pragma once
/// Scenarios are data: who takes part, what the sky is like, which faults are drawn. One file a family in scenarios/;
/// to add one, add an entry to its family's table.

#include <span>
#include <string_view>
#include <vector>

#include "sim/faults/fault.hpp"
#include "sim/world/terrain.hpp"

namespace mosaik::sim {

/// Who takes part besides the nodes.
struct Cast {
  std::size_t rust = 0;          ///< models of the crate
  std::size_t greedy = 0;        ///< of those models, so many flood the others
  std::size_t impostors = 0;     ///< name the group and do not know its secret
  std::size_t hostile = 0;       ///< impostors that break QUIC's rules too, in the quic tier
  std::size_t planters = 0;      ///< impostors that invent members at the address of a victim
  std::size_t other_secret = 0;  ///< nodes of another group
  std::size_t other_network = 0;
  std::size_t older = 0;      ///< of the nodes, so many are of an older level
  bool second_group = false;  ///< some nodes are members of another group too
  bool twins = false;         ///< the last node has the key of the one before it
};

/// Whom a node is told of when it starts.
enum class KnownAddress : std::uint8_t { any, star, chain, all };
/// What the network is like between faults.
enum class Sky : std::uint8_t { any, calm, far, rough };

/// How the groups' quorum floor is drawn; absent: groups without a machine.
enum class Floor : std::uint8_t { absent, none, majority, any };
/// The replicated machine of the group's members.
struct ReplicationSpec {
  Floor floor = Floor::absent;
  bool durable = false;  ///< the log is on disk, and outlives the process
  bool large = false;    ///< some commands are larger than a datagram
  std::size_t late = 0;  ///< nodes that come for the first time when others have worked for a while
};

struct Scenario {
  std::string_view name;
  std::string_view about;
  std::span<const MenuItem> menu{};
  std::size_t faults_least = 3;
  std::size_t faults_most = 12;
  std::size_t nodes_least = 3;
  std::size_t nodes_most = 5;
  Cast cast{};
  KnownAddress acquaintance = KnownAddress::any;
  Sky sky = Sky::any;
  Nanoseconds start_within = 2s;  ///< boots are spread over this
  Nanoseconds chaos = 36s;
  Nanoseconds whole_within = 14s;  ///< after the faults
  Nanoseconds rest = 8s;           ///< then, in which nothing may happen
  bool eager = false;              ///< no courtesy before a dial
  bool short_staleness = false;    ///< entries go stale after seconds: cuts are longer
  bool forgetful = false;          ///< nothing is kept on disk
  bool bootstrap_ends = false;     ///< the host that all were told of goes for good
  ReplicationSpec replication{};
  Shape shape = Shape::flat;    ///< of the networks (terrain.hpp)
  std::string_view workload{};  ///< what runs in the group besides (workload.hpp); empty: nothing
};

[[nodiscard]] std::span<const Scenario> storms();
[[nodiscard]] std::span<const Scenario> partitions();
[[nodiscard]] std::span<const Scenario> incarnations();
[[nodiscard]] std::span<const Scenario> clocks();
[[nodiscard]] std::span<const Scenario> strangers();
[[nodiscard]] std::span<const Scenario> mixtures();
[[nodiscard]] std::span<const Scenario> replicated();
[[nodiscard]] std::span<const Scenario> networks();
/// All of them, the default one first.
[[nodiscard]] std::vector<const Scenario*> all_scenarios();
[[nodiscard]] const Scenario* find_scenario(std::string_view name);

}  // namespace mosaik::sim
