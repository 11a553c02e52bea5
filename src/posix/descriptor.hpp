#pragma once
/// A file descriptor that somebody owns.

#include <string_view>

namespace mosaik {

/// A file descriptor, closed at the end. It is never 0, 1 or 2: a process may have been started with its standard
/// streams closed, and what it prints must not get into a file or socket of ours.
class Descriptor {
 public:
  Descriptor() = default;
  /// Takes `fd`, which is moved if it is the number of a standard stream; then it is closed by exec().
  explicit Descriptor(int fd) noexcept;
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// The same file under a number that no standard stream has, close-on-exec, and `fd` closed; `fd` itself when it has
/// such a number, is negative, or none is left (errno).
[[nodiscard]] int above_standard_streams(int fd) noexcept;

/// An accept or socket call that fails so will do so again until somebody lets go of something: EMFILE, ENFILE, ENOMEM,
/// ENOBUFS. A listener that stays readable meanwhile must not be looked at in a loop.
[[nodiscard]] bool is_exhaustion(int error) noexcept;

/// Writes all of it to a file or blocking socket; false, with errno, when that fails.
[[nodiscard]] bool write_all(int fd, std::string_view text);

}  // namespace mosaik
