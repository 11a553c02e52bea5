#pragma once
/// The path of a control socket: made safely, told alive from dead, removed only while it is still ours.

#include <sys/types.h>

#include <string>

#include <mosaik/types/result.hpp>

#include "posix/descriptor.hpp"

namespace mosaik::control {

/// A listening socket at a path.
class Listener {
 public:
  /// Missing directories are made with mode 0700, the socket with 0600. A socket that nobody listens on is replaced.
  /// Errors: invalid_argument (length), in_use (alive, or no socket), permission, io.
  [[nodiscard]] static Result<Listener> open(const std::string& path);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

 private:
  Listener(std::string path, Descriptor socket) : path_(std::move(path)), socket_(std::move(socket)) {}
  std::string path_;
  Descriptor socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

/// A stream socket connected to the node that listens at `path`. Errors: invalid_argument, not_found (no socket, or
/// nobody listens), in_use (alive, but too busy to answer now), malformed (no control socket), permission (a process of
/// another user listens there, too), io.
[[nodiscard]] Result<Descriptor> connect_to(const std::string& path);

}  // namespace mosaik::control
