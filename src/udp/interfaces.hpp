#pragma once
/// The addresses of this computer, and when they change.

#include <optional>
#include <utility>
#include <vector>

#include <mosaik/address.hpp>

#include "base/descriptor.hpp"

namespace mosaik::udp {

/// Addresses of this host that others may dial: up, not loopback (loopback only when there is nothing else),
/// not link-local (spec: transport 3.5).
[[nodiscard]] std::vector<SocketAddress> interface_addresses();

/// Tells when the addresses of this computer have changed (rtnetlink(7)).
class InterfaceWatch {
 public:
  /// Nothing where the kernel gives no such socket: then addresses stay as they were at the start.
  [[nodiscard]] static std::optional<InterfaceWatch> open();
  /// Readable when there is news.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Takes the news; false when there was none.
  bool drain() noexcept;

 private:
  explicit InterfaceWatch(Descriptor fd) noexcept : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace mosaik::udp
