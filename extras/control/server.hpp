#pragma once
/// Server: HTTP/1.1 with JSON on a Unix socket, on one thread of its own (docs/CONTROL.md). What it tells about is a
/// Source; ControlServer (mosaik/control.hpp) gives it a Network.
///
/// Life cycle. open() makes the directory (0700) and the socket (0600), replaces a socket that nobody listens on, and
/// starts the thread. The destructor ends the subscription, closes every client, joins the thread and removes the
/// socket.
///
/// Laws. A peer of another user is refused (SO_PEERCRED). No client can make the server grow or wait: clients, request
/// bytes, time for a request and the backlog of an event stream are limited (control/limits.hpp). Malformed requests
/// are answered with 400 and the connection is closed.

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include <mosaik/control.hpp>
#include <mosaik/network.hpp>
#include <mosaik/types/result.hpp>
#include <mosaik/types/status.hpp>

#include "control/calls.hpp"

namespace mosaik::control {

/// What the server tells about. It must outlive the server; all functions are called from the server's thread, or from
/// within open() and the destructor.
class Source {
 public:
  /// The newest snapshot; never null.
  virtual std::shared_ptr<const NodeStatus> status() = 0;
  /// A snapshot that is not older than this question; waits for it. An older one only of a node that does not come to
  /// answer for a second.
  virtual std::shared_ptr<const NodeStatus> fresh_status() { return status(); }
  /// Calls back from any one thread, in order, until the subscription is destroyed. The callback returns at once.
  virtual Subscription subscribe(std::function<void(const Event&)> call) = 0;
  /// The same of decisions.
  virtual Subscription trace(TraceFilter, std::function<void(const TraceRecord&)>) { return {}; }
  /// Starts to leave all groups and returns at once; it must not wait for the server or destroy it.
  virtual void leave() = 0;
  /// Has a member that is gone forgotten; waits for it. Errors: as Network::forget, timed_out.
  virtual Result<> forget_at_once(const PeerId&) { return fail(Errc::not_found, "no such member"); }
  /// Tells of trouble of the server's own, as a notice.
  virtual void warn(const std::string&) {}
  /// Starts a call on a group and returns at once. `done` may be called from any thread, from within this function too,
  /// and after the server is gone. The caller lets go of what is returned when it does not wait any more: an execute or
  /// query that was begun goes on without it. Errors: not_found (no such group, or it has no machine), malformed (no
  /// command of its machine), and those of the call (mosaik/consensus/replicated_group.hpp).
  [[nodiscard]] virtual std::shared_ptr<void> call(Call call, CallDone done) = 0;

 protected:
  ~Source() = default;
};

class Server {
 public:
  /// Errors: invalid_argument (path), in_use (a node answers on it, or it is no socket), permission, io.
  [[nodiscard]] static Result<std::unique_ptr<Server>> open(const std::string& path, Source& source,
                                                            ControlStart start = ControlStart::at_once);
  ~Server();
  /// Of ControlStart::when_told: from now on. Once, from any thread.
  void answer();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  pid_t process_;  // a child of fork has no thread of it, and leaves the socket to its parent
};

}  // namespace mosaik::control
