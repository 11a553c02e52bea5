#pragma once
/// A computer of the world and the process on it. The process is one queue: everything that arrives waits its turn,
/// every input costs a drawn time, and what a turn sends leaves when its work is done. A slow computer, or a flood,
/// therefore makes ticks late and alarms false, as in life.

#include <deque>
#include <string>

#include "sim/world/clock.hpp"
#include "sim/world/disk.hpp"
#include "sim/world/network.hpp"
#include "sim/world/program.hpp"

namespace mosaik::sim {

enum class Software : std::uint8_t {
  node,      ///< the node of production
  rust,      ///< a model of the crate
  impostor,  ///< a model of the crate that names the group and does not know its secret
  hostile,   ///< an impostor that breaks QUIC's rules too, in the quic tier
  planter,   ///< an impostor whose catalog is full of invented members at the address of a victim
};

/// Names the group, and is no member.
[[nodiscard]] constexpr bool is_liar(Software software) noexcept {
  return software == Software::impostor || software == Software::hostile || software == Software::planter;
}

/// What a host is for as long as the world stands.
struct HostSpec {
  std::string name;
  Software software = Software::node;
  std::size_t key = 0;  ///< which secret key; two hosts may have the same
  std::string network = "network";
  std::string secret = "s3cret";
  std::vector<HostId> bootstrap;
  bool persists = true;                         ///< the process keeps a file; without, it forgets when it last started
  std::optional<std::string> second_secret{};   ///< of another group that it joins as well
  std::optional<std::uint64_t> capabilities{};  ///< of an older node of our kind
  bool greedy = false;                          ///< a member that floods the others with requests
  std::vector<discovery::BootstrapPeer> contacts{};  ///< in place of `bootstrap`, with names and addresses of choice
  std::vector<SocketAddress> advertise{};            ///< as an operator gives it; empty: what the interfaces have
  bool sees_interfaces = true;                       ///< false: the system tells of no interface at all
  bool hears_of_changes = true;                      ///< the system tells when addresses come and go
  bool eager = false;                                ///< no courtesy before a dial: for storms of simultaneous opens
};

/// One run of a process, and its ends for the books.
struct Host {
  struct Unreachable {
    SocketAddress remote;
    std::vector<std::uint8_t> quoted;
  };
  /// One of its sockets besides the one that it listens on.
  struct Outlet {
    std::uint16_t port = 0;
    Mono used{};
  };
  using Request = std::function<void(Program&, const Now&)>;

  /// It has joined all that it was told to.
  [[nodiscard]] bool in_all_groups() const {
    const JoinedGroups joined = program->joined();
    return joined.first && (joined.second || !spec.second_secret);
  }

  Host(HostId number, HostSpec given, const Rng& world)
      : id(number), spec(std::move(given)), rng(world.fork("host", number.value)), disk(rng) {}

  HostId id;
  HostSpec spec;
  Rng rng;
  Clock clock;
  Disk disk;
  PeerId peer;
  SocketAddress address;
  SocketAddress home;                ///< what its address is when nothing is wrong, in a world with routes
  std::unique_ptr<Program> program;  ///< empty: the process does not run
  unsigned incarnation = 0;          ///< counts the runs
  bool wanted = false;               ///< the process should run, and come back when faults are over
  bool member = false;               ///< it should be in the group
  bool retired = false;              ///< nobody starts it again
  bool found_by_name = false;        ///< its address may change: who looks for it asks for its name
  std::uint64_t slowness = 1;        ///< everything takes so many times as long
  Mono paused_until{};
  Mono deceived_until{};   ///< forged errors have reached it of late
  Mono exhausted_until{};  ///< it has no descriptor left until then
  Mono impaired_until{};   ///< paused, slow or with a wrong clock until then: its judgement is excused

  std::map<std::uint8_t, Outlet> outlets;
  std::uint16_t next_port = 50'000;
  std::deque<Network::Datagram> inbox;
  std::deque<Unreachable> errors;
  std::deque<Request> requests;
  std::uint64_t overflowed = 0;
  Mono busy_until{};
  Mono wake = never;
  std::uint64_t turns = 0;
  bool memory_due = false;        ///< a write of what is to be kept is planned
  unsigned incarnation_kept = 0;  ///< the run that last wrote
  std::uint64_t verified = 0;     ///< signatures paid for
};

}  // namespace mosaik::sim
