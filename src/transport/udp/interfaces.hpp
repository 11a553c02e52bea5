#pragma once
/// The addresses of this computer, how good each is for others, and when they change.

#include <compare>
#include <cstdint>
#include <utility>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/result.hpp>

#include "posix/descriptor.hpp"

namespace mosaik::udp {

/// What others may hope of an address of this computer, best first.
enum class Standing : std::uint8_t {
  outward,      ///< of the interface behind which the default route is
  ordinary,     ///< of any other one
  bridge,       ///< of a bridge: mostly a network of containers or virtual machines inside this computer,
  idle_bridge,  ///< and of one without a single port: docker0 and its like
  link_local,   ///< 169.254.0.0/16 and fe80::/10: known on one cable
  loopback,     ///< means this computer, whoever dials it
};

struct HostAddress {
  SocketAddress address;  ///< with port 0; a link-local IPv6 address with its scope
  Standing standing = Standing::ordinary;
  friend auto operator<=>(const HostAddress&, const HostAddress&) noexcept = default;
};

/// All addresses of interfaces that are up, each once; the best standing first, in numeric order within one. From
/// netlink; where a sandbox refuses that, from the older ioctls and /proc, which know the same.
[[nodiscard]] std::vector<HostAddress> interface_addresses();

/// The second way of interface_addresses, which needs no netlink.
[[nodiscard]] std::vector<HostAddress> interface_addresses_without_netlink();

/// Tells when the addresses of this computer may have changed (rtnetlink(7)): an address, or an interface that went up
/// or down.
class InterfaceWatch {
 public:
  /// Errors: io, with the system's reason, where the kernel or a sandbox gives no such socket.
  [[nodiscard]] static Result<InterfaceWatch> open();
  /// Readable when there is news.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Takes the news; false when there was none.
  bool drain() noexcept;

 private:
  explicit InterfaceWatch(Descriptor fd) noexcept : fd_(std::move(fd)) {}
  Descriptor fd_;
};

}  // namespace mosaik::udp
