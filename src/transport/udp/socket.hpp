#pragma once
/// udp: one UDP socket of one family: recvmmsg with GRO, sendmsg with GSO, IP_PKTINFO both ways, and the ICMP errors
/// that the kernel keeps for us (IP_RECVERR).
///
/// A full send buffer is reported as `blocked`; the caller keeps the item and waits for writability. ENOBUFS, a
/// firewall's EPERM and datagrams too big for the path are counted as lost: UDP may lose, QUIC repeats. A refused
/// datagram of one peer never hides another peer's: pending socket errors are taken off and the call is made again.
///
/// Receive buffers are mapped and cost memory only where a datagram was written (at most 512 KiB).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/result.hpp>

#include "base/datagram.hpp"
#include "transport/udp/childless_descriptor.hpp"

namespace mosaik::udp {

struct SocketOptions {
  bool gso = true;
  bool gro = true;
  int buffer_bytes = 4 << 20;
};

struct SocketCounters {
  std::uint64_t received = 0, receive_calls = 0, sent = 0, send_calls = 0;
  std::uint64_t blocked = 0;  ///< sends that found the buffer full
  std::uint64_t lost = 0;     ///< datagrams given up: ENOBUFS, unreachable, too big
  std::uint64_t truncated = 0;
};

struct Received {
  DatagramPath path;
  BytesView bytes;  ///< valid until the next receive
};
struct Unreachable {
  /// Only `port` speaks of the process: the host answered, and nobody has the port.
  enum class Kind : std::uint8_t { port, host, net, too_big };
  SocketAddress remote;  ///< where our datagram was going
  BytesView quoted;      ///< the start of our datagram, as much as the ICMP error brought back; valid during the call
  Kind kind = Kind::port;
  bool by_destination = false;  ///< the destination itself says so, not somebody on the way
  TooBig too_big{};             ///< of that kind
};

class Socket {
 public:
  /// Binds. For [::] IPV6_V6ONLY is set, so that one socket of each family can share a port. Close-on-exec, and
  /// not open in forked children (childless_descriptor.hpp).
  [[nodiscard]] static Result<Socket> open(const SocketAddress& bind, const SocketOptions& options = {});
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// As bound, with the port that the kernel chose.
  [[nodiscard]] const SocketAddress& local() const noexcept { return local_; }

  /// Reads until the socket is empty, `most` datagrams were delivered, or an error of an earlier send stands between
  /// two datagrams (the descriptor then stays readable); GRO batches are split and delivered whole, so the last read
  /// may go beyond `most` by what it brought (at most 511). Returns the number.
  std::size_t receive(std::size_t most, const std::function<void(const Received&)>& deliver);
  /// Empties the error queue; delivers port, host and net unreachables, and what was too big.
  std::size_t receive_errors(const std::function<void(const Unreachable&)>& deliver);
  /// Sends one item. False: the send buffer is full, try the item again when writable; where GSO is not to be had, its
  /// first datagrams may then leave twice. Leaves from `path.local` unless that is unspecified.
  [[nodiscard]] bool send(const DatagramPath& path, BytesView bytes, std::size_t segment);

  /// Delivers what send() found too big for the interface, a few of them.
  void receive_own_errors(const std::function<void(const Unreachable&)>& deliver);

  [[nodiscard]] const SocketCounters& counters() const noexcept { return counters_; }

 private:
  Socket() = default;
  struct Buffers;
  ChildlessDescriptor fd_;
  bool gso_ = true;
  bool batches_ = true;  // the kernel takes recvmmsg
  SocketAddress local_;
  SocketCounters counters_;
  struct Oversized {
    SocketAddress remote;
    std::vector<std::uint8_t> start;
    std::size_t size = 0;
  };
  std::vector<Oversized> oversized_;  // at most a few, until somebody asks
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace mosaik::udp
