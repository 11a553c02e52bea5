#pragma once
/// What runs in a process of the world: the real node, or a model of another implementation.

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/event.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/status.hpp>

#include "base/trace.hpp"
#include "discovery/config.hpp"
#include "link/transport.hpp"
#include "sim/models/machinery.hpp"
#include "sim/models/rust_member.hpp"

namespace mosaik::sim {

/// The machine of all groups of the world.
struct Replication {
  node::MachineSpec machine;
  Nanoseconds slowest{};  ///< what a run of commands costs at most; 0: the machine works in line
  bool large = false;     ///< some commands are larger than a datagram
};

/// What one run of a program is given.
struct Launch {
  std::string name;
  std::string network;
  std::vector<discovery::BootstrapPeer> bootstrap;
  std::vector<SocketAddress> bootstrap_addresses;  ///< one each
  SocketAddress address;
  std::vector<SocketAddress> advertised;  ///< what its entry says
  std::vector<SocketAddress> interfaces;  ///< where else its socket is reached
  Bytes32 key_seed{};
  std::uint64_t seed = 0;
  node::Memory memory;  ///< what the last run has kept
  std::string secret;   ///< of the group
  GroupId group;        ///< which the models of others need; the node computes it
  ConsensusConfig timing;
  discovery::Config discovery;  ///< its knobs; network and bootstrap come from above
  bool dial_eagerly = false;
  bool greedy = false;                        ///< it floods its bonds with requests: a model of the crate
  bool sentinels = false;                     ///< it may have TCP connections
  std::optional<std::string> second_secret;   ///< of a group beside the first one
  std::optional<std::uint64_t> capabilities;  ///< of an older node of our kind
  std::optional<Replication> replication;
  std::function<consensus::Restored()> restore;      ///< what the store has, when the group is joined
  std::size_t invented = 0;                          ///< members of the group that it makes up, at
  SocketAddress victim;                              ///< this address
  std::function<void(const Decision&)> on_decision;  ///< hears what it decides; empty: nobody does
};

/// A name that a process has asked for.
struct Lookup {
  std::size_t bootstrap = 0;
  std::string host;
  std::uint16_t port = 0;
};

using SentinelOrder = std::variant<detector::ExpectSentinel, detector::DialSentinel, detector::CloseSentinel>;

// What only some programs have. A program gives the ports that it has; the others are absent (null).

/// Commands for the machine of its group.
class CommandPort {
 public:
  virtual void execute(const Now& now, consensus::CallId call, const std::vector<Number>& numbers, Mono deadline) = 0;

 protected:
  ~CommandPort() = default;
};

/// The machine of its group, and the log that is kept for it.
class MachinePort : public CommandPort {
 public:
  virtual void query(const Now& now, consensus::CallId call, Consistency consistency, Mono deadline) = 0;
  virtual void on_persisted(const Now& now, const LogTicket& ticket) = 0;
  virtual void on_persist_failed(const Now& now) = 0;
  [[nodiscard]] virtual Machinery& machinery() = 0;
  [[nodiscard]] virtual std::optional<ConsensusStatus> consensus() const = 0;

 protected:
  ~MachinePort() = default;
};

/// The TCP connections of its sentinels.
class SentinelPort {
 public:
  [[nodiscard]] virtual std::vector<SentinelOrder> take_sentinel_orders() = 0;
  /// Its sentinel is open, or has ended.
  virtual void on_sentinel(const Now& now, detector::SentinelId id, std::optional<detector::SentinelEnd> end) = 0;

 protected:
  ~SentinelPort() = default;
};

/// What a process learns of names and addresses, its own among them.
class AddressPort {
 public:
  [[nodiscard]] virtual std::vector<Lookup> take_lookups() = 0;
  virtual void on_resolved(const Now& now, const Lookup& lookup, const Result<std::vector<SocketAddress>>& found) = 0;
  /// Its entry should say the first, and the others lead to it.
  virtual void set_addresses(const Now& now, const std::vector<SocketAddress>& advertised,
                             const std::vector<SocketAddress>& interfaces) = 0;
  virtual void on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) = 0;

 protected:
  ~AddressPort() = default;
};

/// What is to be kept for the next run.
class StatePort {
 public:
  /// Whether it is another than at the last call.
  [[nodiscard]] virtual bool take_memory_changed() = 0;
  [[nodiscard]] virtual node::Memory memory() const = 0;

 protected:
  ~StatePort() = default;
};

/// The groups that a program has joined and not left.
struct JoinedGroups {
  bool first = false;
  bool second = false;
  [[nodiscard]] bool any() const noexcept { return first || second; }
};

class Program {
 public:
  virtual ~Program() = default;

  // As the runtime does it after inputs: settles, keeps timers that are due, settles again.
  virtual void start(const Now& now) = 0;
  virtual void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) = 0;
  virtual void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted) = 0;
  virtual void turn(const Now& now) = 0;
  virtual bool transmit(const Now& now, DatagramBatch& out) = 0;
  [[nodiscard]] virtual Mono next_deadline() const = 0;

  virtual void join(const Now& now) = 0;
  virtual void leave(const Now& now) = 0;
  [[nodiscard]] virtual JoinedGroups joined() const = 0;
  /// Dials the peer at once, whatever else it has in mind: for storms and for what a person may ask.
  virtual void sync_with(const Now& now, const PeerId& peer, const SocketAddress& address) = 0;

  /// Since it was last asked, oldest first.
  [[nodiscard]] virtual std::vector<Event> take_events(const Now& now) = 0;
  /// The newest that was published; null when the program publishes none.
  [[nodiscard]] virtual std::shared_ptr<const NodeStatus> status() const = 0;
  [[nodiscard]] virtual std::vector<identity::EntryRef> catalog(const Now& now) const = 0;
  [[nodiscard]] virtual identity::EntryRef own_entry() const = 0;
  [[nodiscard]] virtual std::uint64_t verifications() const = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;

  [[nodiscard]] virtual CommandPort* commands() { return nullptr; }
  [[nodiscard]] virtual MachinePort* machine() { return nullptr; }
  [[nodiscard]] virtual SentinelPort* sentinels() { return nullptr; }
  [[nodiscard]] virtual AddressPort* addresses() { return nullptr; }
  [[nodiscard]] virtual StatePort* state() { return nullptr; }
  /// The model of the crate's Raft, in a program that is one.
  [[nodiscard]] virtual const RustMember* rust_member() const { return nullptr; }
  /// What it has signed in the name of others, who do not exist.
  [[nodiscard]] virtual std::vector<identity::EntryRef> invented() const { return {}; }
};

/// The real node; `transport` is empty for the quic tier.
[[nodiscard]] std::unique_ptr<Program> make_node(const Launch& launch, const Now& now,
                                                 std::unique_ptr<Transport> transport);
/// A model of the crate; an impostor when it is not honest.
[[nodiscard]] std::unique_ptr<Program> make_rust_model(const Launch& launch, const Now& now,
                                                       std::unique_ptr<Transport> transport, bool honest);
/// An impostor that also keeps none of QUIC's rules, behind the encryption: for the quic tier.
[[nodiscard]] std::unique_ptr<Program> make_hostile(const Launch& launch, std::unique_ptr<Program> impostor);

}  // namespace mosaik::sim
