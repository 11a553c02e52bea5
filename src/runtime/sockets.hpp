#pragma once
/// The node's UDP sockets, at most one of each family, and the batch of datagrams that is on its way out.

#include <vector>

#include "base/datagram.hpp"
#include "node/node.hpp"
#include "runtime/fresh_sockets.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::runtime {

/// What is left after reading.
enum class Drained : std::uint8_t {
  all,     ///< the socket is empty
  partly,  ///< there may be more
};

/// Hands a socket's ICMP unreachables to the node.
void hand_errors(udp::Socket& socket, const Now& now, node::Node& node);

/// Hands over what our own host said of datagrams of this socket that were too big.
void hand_own_errors(udp::Socket& socket, const Now& now, node::Node& node);

class Sockets {
 public:
  /// `fresh` is where datagrams with another outlet go; outlives this.
  Sockets(std::vector<udp::Socket> sockets, FreshSockets& fresh);

  /// Hands what waits at one socket to the node, up to limits::datagrams_per_step.
  Drained receive(std::size_t index, const Now& now, node::Node& node);
  /// Hands a socket's ICMP unreachables to the node.
  void receive_errors(std::size_t index, const Now& now, node::Node& node);
  /// Sends what the node has to send, until there is nothing or a socket's buffer is full.
  void transmit(const Now& now, node::Node& node);
  /// The socket whose full buffer holds the rest of the batch back; null when nothing waits.
  [[nodiscard]] const udp::Socket* blocked() const noexcept { return blocked_; }
  [[nodiscard]] std::vector<udp::Socket>& all() noexcept { return sockets_; }

 private:
  [[nodiscard]] udp::Socket* towards(const SocketAddress& remote) noexcept;
  /// False when a buffer is full.
  bool send_batch(const Now& now);

  std::vector<udp::Socket> sockets_;
  FreshSockets& fresh_;
  DatagramBatch batch_;
  std::size_t sent_items_ = 0;  // of the batch
  const udp::Socket* blocked_ = nullptr;
};

}  // namespace mosaik::runtime
