#pragma once
/// What a node says about itself and its groups at one moment: plain values for people, programs and metrics.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mosaik/export.hpp>
#include <mosaik/types/bond.hpp>
#include <mosaik/types/consensus_status.hpp>

namespace mosaik {

/// Of a group's mesh.
enum class Health : std::uint8_t {
  healthy,   ///< every known member is bonded with us and no cut is seen
  degraded,  ///< a known member is not bonded, or a bond is one-sided; unattested ones count for nothing
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(Health health) noexcept;

/// Whether a group with a machine can commit, as far as this member sees.
enum class Ability : std::uint8_t {
  able,
  no_leader,  ///< none is known, or it is out of our reach
  no_quorum,  ///< fewer members are connected than the quorum floor asks for
  stopped,    ///< the machine of this member failed
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(Ability ability) noexcept;

/// What this node knows of another member.
enum class MemberState : std::uint8_t {
  self,
  bonded,
  suspect,      ///< bonded, but silent or unreachable at this moment
  missing,      ///< known, wanted, and not bonded
  dead,         ///< was bonded; its death is proven or presumed, and it is dialed
  unreachable,  ///< was bonded; others hear it and we do not: the link between us is down, and it is dialed
  refused,      ///< answered that it is no member (30404, 30405, 101)
  departed,     ///< said goodbye
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(MemberState state) noexcept;

/// One member, as this node sees it.
struct MemberStatus {
  PeerId id;
  MemberState state = MemberState::missing;
  std::string protocol;                   ///< e.g. `0.4.2+cpp.1`; empty when its entry is not known
  std::vector<SocketAddress> addresses;   ///< in its entry
  std::chrono::nanoseconds rtt{};         ///< of a bonded member
  std::chrono::nanoseconds silent_for{};  ///< since its last whole frame on the bond; of a bonded member
  std::uint64_t attempts = 0;             ///< failed attempts to bond since the last bond
  std::string why;                        ///< of a member that is not bonded: the last reason, in words
};

/// One group, as this node sees it.
struct GroupStatus {
  GroupId id;
  Health health = Health::healthy;
  std::vector<MemberStatus> members;  ///< ascending by id, this node among them
  /// Peers whose own entry alone says that they are members: no bonded member names them, and none had a bond with us.
  /// Anybody can make such entries. They are dialed from a small budget and count for nothing here. The first of them,
  /// those that have answered before others, at most 16.
  std::vector<MemberStatus> unattested;
  std::size_t unattested_count = 0;  ///< of all of them
  Bonds bonds;
  std::vector<std::string> reasons;  ///< in words: why the group is not healthy, or why this node is alone
  /// Every known member is bonded with us, and there is at least one. In the first two seconds after our first bond an
  /// unattested peer that was not dialed yet counts as known.
  bool online = false;
  /// We have no bond, and should have: a bootstrap peer was given, or peers of the network are known.
  bool awaits = false;
  std::string machine;                       ///< what its machine is called; empty without one, or without a name
  std::optional<ConsensusStatus> consensus;  ///< of a group with a machine

  /// Of a group with a machine; `able` otherwise.
  [[nodiscard]] MOSAIK_EXPORT Ability ability() const noexcept;
};

/// What a supervisor knows of former runs of this node, which ended in a crash.
struct Crashes {
  std::uint64_t count = 0;
  std::string last_signal;  ///< e.g. `SIGABRT`; empty without a crash
};

/// A contact that was configured, and what came of it.
struct ContactStatus {
  std::string contact;                   ///< `HOST:PORT` as it was given, with `dns:` before the name of a service
  std::optional<PeerId> peer;            ///< who is meant; empty: whoever answers
  std::vector<SocketAddress> addresses;  ///< where it leads, as far as is known
  std::vector<PeerId> answered;          ///< who has answered there
  std::string why;                       ///< the last failure, in words; empty when there was none since the answer

  friend bool operator==(const ContactStatus&, const ContactStatus&) = default;
};

/// The node itself. Counters count from its start.
struct NodeStatus {
  std::string name;
  PeerId id;
  NetworkId network;
  std::string network_name;
  std::vector<SocketAddress> listening;   ///< of its sockets
  std::vector<SocketAddress> advertised;  ///< in its entry: where others dial it
  std::chrono::nanoseconds uptime{};
  std::size_t known_peers = 0;          ///< fresh entries in the catalog, without ours
  std::size_t connections = 0;          ///< QUIC connections that have not ended
  std::uint64_t handshakes = 0;         ///< QUIC handshakes completed, both roles
  std::uint64_t handshakes_failed = 0;  ///< begun, either role, and not completed
  std::uint64_t syncs = 0;              ///< catalog syncs completed, both roles
  std::uint64_t verifications = 0;      ///< entry signatures checked
  std::uint64_t dropped = 0;            ///< first packets of new connections, and events, dropped at a limit
  std::vector<std::string> notices;     ///< what a person should know, newest last
  std::vector<GroupStatus> groups;
  std::vector<ContactStatus> contacts;  ///< in the order of the configuration
  Crashes crashes;                      ///< as NetworkConfig::crashes says
};

}  // namespace mosaik
