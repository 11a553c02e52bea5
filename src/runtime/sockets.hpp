#pragma once
/// The node's UDP sockets, at most one of each family, and the batch of datagrams that is on its way out.

#include <vector>

#include "base/datagram.hpp"
#include "node/node.hpp"
#include "udp/socket.hpp"

namespace mosaik::runtime {

/// What a round of reading has found.
enum class Drained : std::uint8_t {
  nothing,  ///< the sockets were empty
  all,      ///< there was something, and they are empty now
  partly,   ///< there may be more
};

class Sockets {
 public:
  explicit Sockets(std::vector<udp::Socket> sockets);

  /// Hands everything that waits to the node, up to limits::datagrams_per_step a socket.
  Drained receive(const Now& now, node::Node& node);
  /// Hands ICMP unreachables to the node; true when there were any.
  bool receive_errors(const Now& now, node::Node& node);
  /// Sends what the node has to send, until there is nothing or a socket's buffer is full.
  void transmit(const Now& now, node::Node& node);
  /// The socket whose full buffer holds the rest of the batch back; null when nothing waits.
  [[nodiscard]] const udp::Socket* blocked() const noexcept { return blocked_; }
  [[nodiscard]] std::vector<udp::Socket>& all() noexcept { return sockets_; }

 private:
  [[nodiscard]] udp::Socket* towards(const SocketAddress& remote) noexcept;
  /// False when a buffer is full.
  bool send_batch();

  std::vector<udp::Socket> sockets_;
  DatagramBatch batch_;
  std::size_t sent_items_ = 0;  // of the batch
  const udp::Socket* blocked_ = nullptr;
};

}  // namespace mosaik::runtime
