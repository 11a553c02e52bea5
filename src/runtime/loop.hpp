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
/// Life. open() starts the thread. stop() leaves all groups, gives their departures limits::departure_flush and a
/// little, and ends the thread; everything that waits for an answer gets one. A child of fork has no such thread: there
/// the end does nothing, and what the child has of the loop is never freed.

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node/node.hpp"
#include "runtime/forks.hpp"
#include "runtime/inbox.hpp"
#include "runtime/publisher.hpp"
#include "runtime/request_dispatcher.hpp"
#include "runtime/sentinel_sockets.hpp"
#include "runtime/state_writer.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::runtime {

/// A snapshot of a node that no loop has yet.
[[nodiscard]] Snapshot take_snapshot(node::Node& node, const Now& now);

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
  /// Starts the node. Errors: limit, io.
  [[nodiscard]] static Result<std::unique_ptr<Loop>> open(std::unique_ptr<node::Node> node,
                                                          std::vector<udp::Socket> sockets, SentinelSockets sentinels,
                                                          Publisher& publisher, LoopOptions options = {});
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// From any thread; see Request. In a child of fork the request ends at once.
  void post(Request request);
  /// At most 600 ms. Not on the loop's thread.
  void stop();

 private:
  class Impl;
  Loop() = default;
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<Impl> impl_;
  std::thread thread_;
  ForkMark mark_;
};

}  // namespace mosaik::runtime
