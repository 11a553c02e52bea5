#pragma once
/// FreshSockets: UDP sockets besides those that the node listens on, each with a port that no NAT on the way knows yet.
///
/// A NAT keeps a mapping alive for whoever goes on sending from one port, also when it leads nowhere any more
/// (docs/protocol/transport.md). A dial that names another outlet (base/datagram.hpp) leaves from a socket that is
/// opened for it; the link that comes of it stays there. A socket through which nothing was sent for
/// limits::fresh_port_idle is closed: the next one of that number has another port.

#include <map>
#include <utility>

#include "base/datagram.hpp"
#include "node/node.hpp"
#include "runtime/poller.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::runtime {

class FreshSockets {
 public:
  /// Errors: limit.
  [[nodiscard]] static Result<FreshSockets> open();

  /// Readable when one of them is, or has an error.
  [[nodiscard]] int fd() const noexcept { return poller_.fd(); }
  /// A socket that cannot be opened, or whose buffer is full, loses the datagram.
  void send(const Now& now, const DatagramPath& path, BytesView bytes, std::size_t segment);
  /// Datagrams that our own host found too big.
  void tell_own_errors(const Now& now, node::Node& node);
  /// Hands what waits to the node.
  void receive(const Now& now, node::Node& node);
  void close_idle(const Now& now);
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] std::size_t size() const noexcept { return sockets_.size(); }

 private:
  using Key = std::pair<std::uint8_t, SocketAddress::Family>;
  struct Fresh {
    udp::Socket socket;
    Mono used{};
  };
  explicit FreshSockets(Poller poller) : poller_(std::move(poller)) {}
  [[nodiscard]] Fresh* find(const DatagramPath& path);

  Poller poller_;
  std::map<Key, Fresh> sockets_;
};

}  // namespace mosaik::runtime
