#pragma once
/// A descriptor that forked children do not get. A child of fork without exec inherits every descriptor, close-on-exec
/// or not, and as long as it lives the kernel keeps the port and the connections: nobody would hear of our death. So
/// each of these is replaced by /dev/null in every child, before fork returns there (pthread_atfork). The number stays
/// taken, so that whoever closes it in the child closes nothing else's.
///
/// A child made by clone() itself, without the C library, is not seen: then the silence decides.

#include "posix/descriptor.hpp"

namespace mosaik::udp {

class ChildlessDescriptor {
 public:
  ChildlessDescriptor() noexcept = default;
  explicit ChildlessDescriptor(int fd);
  ChildlessDescriptor(ChildlessDescriptor&&) noexcept = default;
  ChildlessDescriptor& operator=(ChildlessDescriptor&& other) noexcept;
  ~ChildlessDescriptor();
  [[nodiscard]] int get() const noexcept { return fd_.get(); }
  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

 private:
  Descriptor fd_;
};

}  // namespace mosaik::udp
