#pragma once
/// ControlServer: a running node's door for people and programs on the same computer (docs/CONTROL.md). An optional
/// component: link `mosaik::control` (CMake component `control`, pkg-config `mosaik-control`), which needs Boost.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <mosaik/export.hpp>
#include <mosaik/network.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik {

/// When the server answers. Clients that come earlier wait.
enum class ControlStart : std::uint8_t {
  at_once,
  when_told,  ///< after ControlServer::answer(): no client sees the node without the groups that it is about to join
};

/// How to open a control socket.
struct ControlConfig {
  std::string path;  ///< of the socket, at most 107 bytes
  /// How long a leave that is asked for through the socket waits at most for another member to have all that is
  /// committed (Network::leave). 0: not at all.
  std::chrono::nanoseconds leave_wait = std::chrono::seconds(5);
  ControlStart start = ControlStart::at_once;
};

/// Serves HTTP with JSON on a Unix socket: snapshots, events, calls on machines, leave and forget. Missing directories
/// are made with mode 0700, the socket with 0600; only processes of the same user are served. One thread of its own.
///
/// The server does not keep the node running. To let its clients hear of all that ends, close the Network first and
/// destroy the server then. A child of fork() may destroy its copy, which leaves the parent's socket alone.
class MOSAIK_EXPORT ControlServer {
 public:
  /// Errors: invalid_argument (the path), in_use (a node answers there, or the path is no socket), malformed (the path
  /// is a socket of another kind), permission, limit, io.
  [[nodiscard]] static Result<ControlServer> open(const Network& network, const ControlConfig& config);
  ControlServer(ControlServer&&) noexcept;
  ControlServer& operator=(ControlServer&&) noexcept;
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  /// Closes every client and removes the socket.
  ~ControlServer();

  /// Answers from now on. Of ControlStart::when_told; once, from any thread.
  void answer();

 private:
  struct Body;
  explicit ControlServer(std::unique_ptr<Body> body) noexcept;
  std::unique_ptr<Body> body_;
};

/// The third-party libraries that this component adds to library_versions(), `name version` a line.
[[nodiscard]] MOSAIK_EXPORT std::string control_library_versions();

}  // namespace mosaik
