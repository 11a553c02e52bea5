#pragma once
/// A file descriptor that somebody owns.

namespace mosaik::posix {

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

/// An accept or socket call that fails so will do so again until somebody lets go of something: EMFILE, ENFILE, ENOMEM,
/// ENOBUFS. A listener that stays readable meanwhile must not be looked at in a loop.
[[nodiscard]] bool is_exhaustion(int error) noexcept;

}  // namespace mosaik::posix
