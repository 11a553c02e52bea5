#include "control/listener.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <system_error>
#include <utility>

#include "posix/thread.hpp"

namespace mosaik::control {
namespace {

constexpr std::chrono::milliseconds lock_patience{500};

std::string words(int error) {
  return std::generic_category().message(error);
}

std::unexpected<Error> fail_with(int error, const std::string& doing, const std::string& path) {
  const bool forbidden = error == EACCES || error == EPERM;
  return fail(forbidden ? Errc::permission : Errc::io, "can not " + doing + " '" + path + "': " + words(error) +
                                                           "; give another path (--control)" +
                                                           (forbidden ? ", or run as its owner" : ""));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return fail(Errc::invalid_argument, "'" + path + "' can not be the path of a control socket: it has " +
                                            std::to_string(path.size()) + " bytes, and must have 1 to " +
                                            std::to_string(sizeof address.sun_path - 1) +
                                            "; give another path (--control)");
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* plain(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<Descriptor> new_socket() {
  Descriptor out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!out) return fail(Errc::io, "can not make a socket: " + words(errno));
  return out;
}

Result<std::string> make_directory(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (parent.empty()) return std::string(".");
  std::filesystem::path step;
  for (const std::filesystem::path& part : parent) {
    step /= part;
    if (::mkdir(step.c_str(), 0700) != 0 && errno != EEXIST) {
      const int error = errno;
      std::error_code ignored;
      if (!std::filesystem::is_directory(step, ignored)) return fail_with(error, "make the directory", step.string());
    }
  }
  return parent.string();
}

/// Held while a dead socket is replaced, so that two nodes that start at once do not remove each other's. Somebody who
/// holds it for long (the directory may be open to all) only loses us that: then we go on without it.
///
/// flock() knows no time limit, so a thread waits in it; when it comes too late, the lock goes with the last owner of
/// the promise.
Descriptor lock_directory(const std::string& directory) {
  Descriptor out(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out || ::flock(out.get(), LOCK_EX | LOCK_NB) == 0) return out;
  struct Wait {
    Descriptor directory;
    std::promise<Descriptor> locked;
  };
  const auto wait = std::make_shared<Wait>();
  wait->directory = std::move(out);
  std::future<Descriptor> waiting = wait->locked.get_future();
  auto thread = start_thread("mosaik-lock", [wait] {
    while (::flock(wait->directory.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    wait->locked.set_value(std::move(wait->directory));
  });
  if (!thread) return {};
  thread->detach();
  if (waiting.wait_for(lock_patience) != std::future_status::ready) return {};
  return waiting.get();
}

std::unexpected<Error> no_socket_of_ours(const std::string& path) {
  return fail(Errc::malformed, "'" + path + "' is no control socket of a node; give another path (--control)");
}

/// Removes what a node that died has left at `path`. Errors: in_use when it is alive or not ours to remove.
Result<> clear_dead(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return fail_with(errno, "look at", path);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(Errc::in_use, "'" + path + "' exists and is no socket; give another path (--control), or remove it");
  }
  const Result<Descriptor> alive = connect_to(path);
  if (alive || alive.error().code == Errc::in_use) {
    return fail(Errc::in_use, "a node is running with the control socket '" + path +
                                  "'; give this one another name (--name) or path (--control)");
  }
  if (alive.error().code != Errc::not_found) return std::unexpected(alive.error());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_with(errno, "remove the dead socket", path);
  return {};
}

/// Nobody but this user may stand in for its node, wherever the socket is: the path can be in a directory of others.
Result<> check_peer(const Descriptor& socket, const std::string& path) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return fail_with(errno, "examine", path);
  if (peer.uid == ::geteuid()) return {};
  return fail(Errc::permission, "the control socket '" + path + "' is served by another user (uid " +
                                    std::to_string(peer.uid) + "), and this command runs as uid " +
                                    std::to_string(::geteuid()) +
                                    "; nothing was sent; run it as the user of the node, or give another path "
                                    "(--control)");
}

}  // namespace

Result<Descriptor> connect_to(const std::string& path) {
  const Result<sockaddr_un> address = address_of(path);
  if (!address) return std::unexpected(address.error());
  Result<Descriptor> out = new_socket();
  if (!out) return out;
  if (::connect(out->get(), plain(*address), sizeof *address) == 0) {
    if (const Result<> ours = check_peer(*out, path); !ours) return std::unexpected(ours.error());
    return out;
  }
  switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR: break;
    case EPROTOTYPE: return no_socket_of_ours(path);
    case EAGAIN: return fail(Errc::in_use, "the node with the control socket '" + path + "' is too busy; try again");
    default: return fail_with(errno, "connect to the control socket", path);
  }
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0 && !S_ISSOCK(found.st_mode)) return no_socket_of_ours(path);
  return fail(Errc::not_found, "no node is running with the control socket '" + path + "'");
}

Result<Listener> Listener::open(const std::string& path) {
  const Result<sockaddr_un> address = address_of(path);
  if (!address) return std::unexpected(address.error());
  const Result<std::string> directory = make_directory(path);
  if (!directory) return std::unexpected(directory.error());
  const Descriptor lock = lock_directory(*directory);
  if (const Result<> cleared = clear_dead(path); !cleared) return std::unexpected(cleared.error());

  Result<Descriptor> socket = new_socket();
  if (!socket) return std::unexpected(socket.error());
  // Before bind, so that there is no moment at which others could connect (unix(7): bind takes the mode of the socket).
  ::fchmod(socket->get(), S_IRUSR | S_IWUSR);
  if (::bind(socket->get(), plain(*address), sizeof *address) != 0) return fail_with(errno, "bind the socket", path);
  Listener out(path, std::move(*socket));
  struct stat made{};
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path.c_str(), &made) != 0)
    return fail_with(errno, "protect the socket", path);
  out.device_ = made.st_dev;
  out.inode_ = made.st_ino;
  if (::listen(out.socket_.get(), SOMAXCONN) != 0) return fail_with(errno, "listen on", path);
  return out;
}

Listener::Listener(Listener&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      socket_(std::move(other.socket_)),
      device_(other.device_),
      inode_(other.inode_) {}

Listener::~Listener() {
  if (path_.empty()) return;
  struct stat found{};
  if (::lstat(path_.c_str(), &found) != 0) return;
  if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace mosaik::control
