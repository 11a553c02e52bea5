#pragma once
/// LoopThread: the loop on its thread, and the way to it from all other threads.
///
/// Life. open() starts the thread. stop() leaves all groups, gives their departures limits::departure_flush and a
/// little, and ends the thread; everything that waits for an answer gets one. A child of fork has no such thread: there
/// the end does nothing, and what the child has of the loop is never freed.

#include <memory>
#include <thread>
#include <vector>

#include "runtime/forks.hpp"
#include "runtime/loop.hpp"

namespace mosaik::runtime {

class LoopThread {
 public:
  /// Starts the node. Errors: limit, io.
  [[nodiscard]] static Result<std::unique_ptr<LoopThread>> open(std::unique_ptr<node::Node> node,
                                                                std::vector<udp::Socket> sockets,
                                                                SentinelSockets sentinels, Publisher& publisher,
                                                                LoopOptions options = {});
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  ~LoopThread();

  /// From any thread; see Request. In a child of fork the request ends at once.
  void post(Request request);
  /// At most 600 ms. Not on the loop's thread.
  void stop();

 private:
  LoopThread() = default;
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<Loop> loop_;  // until it has ended: its sockets go with it
  std::thread thread_;
  ForkMark mark_;
};

}  // namespace mosaik::runtime
