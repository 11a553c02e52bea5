#pragma once
/// loop: the one thread that owns a node: its sockets, its timer, its requests.
///
/// A turn begins when something woke it: a request, a datagram, an ICMP error, the deadline. It takes the requests,
/// then the datagrams of the sockets that have some, until each is empty (limits::datagrams_per_step a socket), then
/// their ICMP errors; settle; on_timer when it is due, never while datagrams wait (a flood can put it off for three
/// turns); send until there is nothing; outputs, which go first while calls complete on this thread. At its end, one
/// snapshot if something changed, and events. Then it sleeps, in one system call, until the next of these: what arrived
/// while we worked is answered without sleeping.
///
/// A full send buffer keeps the rest of the batch; reading and timers go on, and the batch goes on when there is room.
///
/// Life: runtime/loop_thread.hpp.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "node/node.hpp"
#include "runtime/clock.hpp"
#include "runtime/fresh_sockets.hpp"
#include "runtime/inbox.hpp"
#include "runtime/poller.hpp"
#include "runtime/publisher.hpp"
#include "runtime/request_dispatcher.hpp"
#include "runtime/sentinel_sockets.hpp"
#include "runtime/sockets.hpp"
#include "runtime/state_writer.hpp"
#include "transport/udp/interfaces.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::runtime {

/// What a node says and knows of its own addresses.
struct OwnAddresses {
  std::vector<SocketAddress> advertised;    ///< what its entry says, best first
  std::vector<SocketAddress> leading_here;  ///< all that lead to its sockets: never dialed
  std::vector<std::string> warnings;        ///< what a person should know of them
};

struct LoopOptions {
  std::string state_file;    ///< where the node's memory is kept; empty: nowhere
  Saved saved = Saved::yes;  ///< no: it could not be written before the start, and is tried again
  /// Asked again when the addresses of this computer may have changed: on its news, or once a minute where a sandbox
  /// keeps them from us, which a notice tells. Empty: they are as they are.
  std::function<OwnAddresses()> addresses;
};

class Loop {
 public:
  Loop(std::unique_ptr<node::Node> node, std::vector<udp::Socket> sockets, SentinelSockets sentinels,
       Publisher& publisher, std::shared_ptr<Inbox> inbox, Poller poller, FreshSockets fresh, LoopOptions options);
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Errors: limit.
  Result<> watch();
  void run();
  /// On the loop's thread.
  void leave_all_and_end();

 private:
  /// Errors: limit.
  Result<> watch_interfaces();
  void follow_interfaces(bool news);
  void turn(std::span<const Poller::Ready> ready);
  void take_requests();
  void answer_on_loop();
  Drained read(std::span<const Poller::Ready> ready);
  void hear_sentinels();
  void keep_timers(Drained drained);
  void send();
  [[nodiscard]] Mono wake_at() const;

  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<node::Node> node_;
  FreshSockets fresh_;
  Sockets sockets_;
  SentinelSockets sentinels_;
  RequestDispatcher dispatcher_;
  Poller poller_;
  std::size_t inbox_key_;
  std::size_t interfaces_key_;
  std::size_t sentinels_key_;
  std::size_t fresh_key_;
  std::function<OwnAddresses()> addresses_;
  std::optional<udp::InterfaceWatch> interfaces_;
  Now now_ = read_clock();
  Mono look_due_ = never;  // at the addresses of this computer
  Mono looked_at_{};
  bool look_again_ = false;
  std::vector<std::string> address_warnings_;  // of the last look: told once
  std::optional<Mono> leaving_until_;
  int put_off_ = 0;
  bool ended_ = false;
};

}  // namespace mosaik::runtime
