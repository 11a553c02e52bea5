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

#include "discovery/discovery.hpp"
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
  std::function<consensus::Restored()> restore;  ///< what the store has, when the group is joined
  std::size_t invented = 0;                      ///< members of the group that it makes up, at
  SocketAddress victim;                          ///< this address
};

/// A name that a process has asked for.
struct Lookup {
  std::size_t bootstrap = 0;
  std::string host;
  std::uint16_t port = 0;
};

using SentinelOrder = std::variant<detector::ExpectSentinel, detector::DialSentinel, detector::CloseSentinel>;

class Program {
 public:
  virtual ~Program() = default;

  virtual void start(const Now& now) = 0;
  virtual void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) = 0;
  virtual void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted) = 0;
  virtual void on_too_big(const Now&, const SocketAddress&, BytesView, const TooBig&) {}
  /// As the runtime does it after inputs: settles, keeps timers that are due, settles again.
  virtual void turn(const Now& now) = 0;
  virtual bool transmit(const Now& now, DatagramBatch& out) = 0;
  [[nodiscard]] virtual Mono next_deadline() const = 0;

  virtual void join(const Now& now) = 0;
  virtual void leave(const Now& now) = 0;
  /// It has joined a group and not left it.
  [[nodiscard]] virtual bool in_group() const = 0;
  /// It has joined all that it was told to.
  [[nodiscard]] virtual bool in_all_groups() const { return in_group(); }
  [[nodiscard]] virtual bool in_first_group() const { return in_group(); }
  [[nodiscard]] virtual bool in_second_group() const { return false; }
  [[nodiscard]] virtual std::vector<SentinelOrder> take_sentinel_orders() { return {}; }
  /// Its sentinel is open, or has ended.
  virtual void on_sentinel(const Now&, detector::SentinelId, std::optional<detector::SentinelEnd>) {}
  [[nodiscard]] virtual std::vector<Lookup> take_lookups() { return {}; }
  virtual void on_resolved(const Now&, const Lookup&, const Result<std::vector<SocketAddress>>&) {}
  /// Its entry should say the first, and the others lead to it.
  virtual void set_addresses(const Now&, const std::vector<SocketAddress>&, const std::vector<SocketAddress>&) {}
  /// Dials the peer at once, whatever else it has in mind: for storms and for what a person may ask.
  virtual void sync_with(const Now& now, const PeerId& peer, const SocketAddress& address) = 0;

  /// Since it was last asked, oldest first.
  [[nodiscard]] virtual std::vector<Event> take_events(const Now& now) = 0;
  /// The newest that was published.
  [[nodiscard]] virtual std::shared_ptr<const NodeStatus> status() const = 0;
  [[nodiscard]] virtual std::vector<identity::EntryRef> catalog(const Now& now) const = 0;
  [[nodiscard]] virtual identity::EntryRef own_entry() const = 0;
  [[nodiscard]] virtual std::uint64_t verifications() const = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;
  // The machine of its group; all that is asked of a program without one ends nowhere.
  [[nodiscard]] virtual Machinery* machinery() { return nullptr; }
  /// The model of the crate's Raft, in a program that is one.
  [[nodiscard]] virtual const RustMember* rust_member() const { return nullptr; }
  [[nodiscard]] virtual std::optional<ConsensusStatus> consensus() const { return std::nullopt; }
  virtual void execute(const Now&, consensus::CallId, const std::vector<Number>&, Mono) {}
  virtual void query(const Now&, consensus::CallId, Consistency, Mono) {}
  virtual void on_persisted(const Now&, const LogTicket&) {}
  virtual void on_persist_failed(const Now&) {}

  /// What it has signed in the name of others, who do not exist.
  [[nodiscard]] virtual std::vector<identity::EntryRef> invented() const { return {}; }
  /// What is to be kept for the next run, and whether it is another than at the last call.
  [[nodiscard]] virtual bool take_memory_changed() { return false; }
  [[nodiscard]] virtual node::Memory memory() const { return {}; }
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
